"""What the endpoints of channels and deliveries take and answer."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, WithJsonSchema

from app.kit.schema import Name, RequestSchema, ResponseSchema, Timestamp, UuidOf, refused
from app.models.notification_channel import NotificationChannel
from app.models.notification_delivery import NotificationDelivery
from app.notifications.by_apprise import scheme_of
from app.notifications.events import NotificationEvent
from app.notifications.messages import LOG

_UUID = "k3v0q6n2m9x1c8b7z5a4s6d2"


class ChannelType(StrEnum):
    """How a channel is told: our own signed JSON, or whatever apprise makes of its URL."""

    WEBHOOK = "webhook"
    APPRISE = "apprise"


class DeliveryStatus(StrEnum):
    """How far a delivery is; a `failed` one is not tried again by itself."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


def _checked_url(url: str) -> str:
    if not 1 <= len(url) <= 2000:
        raise refused("The URL must have 1 to 2000 characters.")
    if any(character.isspace() or not character.isprintable() for character in url):
        raise refused("The URL may not have blanks or control characters.")
    return url


def _checked_secret(secret: str) -> str:
    if not 16 <= len(secret) <= 255:
        raise refused("The secret must have 16 to 255 characters.")
    return secret


ChannelUrl = Annotated[
    str,
    AfterValidator(_checked_url),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 2000, "examples": ["https://hooks.example.com/a"]}),
]
ChannelSecret = Annotated[
    str, AfterValidator(_checked_secret), WithJsonSchema({"type": "string", "minLength": 16, "maxLength": 255})
]
Uuids = Annotated[list[UuidOf], Field(max_length=200)]
RuleEvent = Literal[
    NotificationEvent.DEPLOYMENT_SUCCESS,
    NotificationEvent.DEPLOYMENT_FAILED,
    NotificationEvent.DEPLOYMENT_CANCELLED,
    NotificationEvent.DEPLOYMENT_STUCK,
    NotificationEvent.SERVER_UNREACHABLE,
    NotificationEvent.SERVER_REACHABLE,
    NotificationEvent.RETENTION_DONE,
]


class ChannelRule(RequestSchema):
    """Fits an event when each list is empty or holds what the event is about."""

    events: list[RuleEvent] = Field(default=[], max_length=20)
    resource_uuids: Uuids = Field(default=[], description="Services and databases.")
    project_uuids: Uuids = Field(default=[])
    server_uuids: Uuids = Field(default=[])


class _ChannelFields(RequestSchema):
    secret: ChannelSecret | None = Field(
        default=None, description="What a webhook is signed with; made up when left out. Not for `apprise`."
    )
    includes_log: bool | None = Field(
        default=None,
        description="Whether the last lines of a log are told. Needs `read:sensitive`; left out, it is on for who has that.",
    )


class ChannelCreate(_ChannelFields):
    """Body of `POST /notifications/channels`."""

    name: Name
    type: ChannelType = ChannelType.WEBHOOK
    url: ChannelUrl = Field(description="`https://…` of a webhook, or a URL of apprise, such as `ntfy://topic`.")
    is_enabled: bool = True
    rules: list[ChannelRule] = Field(
        default=[], max_length=50, description="An event is told when one of them fits; none: every event is."
    )


class ChannelUpdate(_ChannelFields):
    """Body of `PATCH /notifications/channels/{uuid}`: what is left out stays."""

    name: Name | None = None
    url: ChannelUrl | None = Field(default=None, description="Of the same type.")
    is_enabled: bool | None = None
    rules: list[ChannelRule] | None = Field(default=None, max_length=50, description="All of them anew.")


class ChannelAnswer(ResponseSchema):
    """A channel."""

    uuid: str = Field(examples=[_UUID])
    name: str
    type: ChannelType
    scheme: str = Field(description="How its URL begins.", examples=["https"])
    url: str | None = Field(default=None, description="Only with `read:sensitive`.")
    secret: str | None = Field(default=None, description="Only with `read:sensitive`; null for `apprise`.")
    is_enabled: bool
    includes_log: bool
    rules: list[ChannelRule]
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, channel: NotificationChannel, *, with_secrets: bool) -> Self:
        """Return the answer for a row; URL and secret are left out unless the caller may see them."""
        names = set(cls.model_fields) - {"scheme"} - (set() if with_secrets else {"url", "secret"})
        return cls(scheme=scheme_of(channel.url), **{name: getattr(channel, name) for name in names})


class DeliveryAnswer(ResponseSchema):
    """One event on its way to a channel."""

    uuid: str = Field(description="`X-Shiplog-Delivery` of a webhook.", examples=[_UUID])
    event: NotificationEvent
    status: DeliveryStatus
    attempts: int
    status_code: int | None = Field(description="What a webhook's receiver answered last.", examples=[200])
    error: str | None = Field(description="Why the last attempt failed.")
    payload: dict[str, Any] = Field(
        description="What is told; `log_excerpt` only with `read:sensitive`.",
        examples=[{"success": True, "message": "Deployment of shop finished", "event": "deployment_success"}],
    )
    resend_of: str | None = Field(description="The delivery whose payload it sends again.")
    created_at: Timestamp
    attempted_at: Timestamp | None
    delivered_at: Timestamp | None
    next_attempt_at: Timestamp | None = Field(description="Null when there is none.")

    @classmethod
    def of(cls, delivery: NotificationDelivery, *, with_log: bool) -> Self:
        """Return the answer for a row; lines of a log are left out unless the caller may see them."""
        values: dict[str, Any] = {name: getattr(delivery, name) for name in cls.model_fields}
        if not with_log:
            values["payload"] = {name: value for name, value in delivery.payload.items() if name != LOG}
        if delivery.status != DeliveryStatus.PENDING:
            values["next_attempt_at"] = None
        return cls(**values)


def why_no_webhook(url: str) -> str | None:
    """Return why a URL is none of a webhook, or None."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_good = False
    return None if is_good else "A webhook's URL begins with https:// or http:// and names a host."
