"""Every error the API answers, in one screen, and its HTTP shape `{"message": …, "request_id": …}`.

AppError
├── InvalidRequest 400      the request cannot be done as asked
├── Unauthenticated 401     no token, or one nobody knows
├── Forbidden 403           the token lacks an ability
├── NotFound 404            not there, or another team's: the same answer
├── MethodNotAllowed 405    the path is there, asked with another method
├── Conflict 409            the state of the resource forbids it
├── ContentTooLarge 413     the body is larger than any endpoint needs
├── ValidationFailed 422    a field is wrong: `errors: {field: [text]}`
├── QueueFull 429           the server's deployment queue is full
├── TooManyRequests 429     the token has used up its requests of this minute
└── Unavailable 503         PostgreSQL is away: try again
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic import BaseModel, Field


class AppError(Exception):
    """The root: an answer with `status_code`, a message a person understands, and more fields if any."""

    status_code: ClassVar[int] = 500
    cause: ClassVar[str] = "A defect of Shiplog. Nothing about it is in the answer."
    remedy: ClassVar[str] = "Give the `request_id` to whoever runs Shiplog: the log of the API has the reason under it."

    def __init__(self, message: str, *, headers: Mapping[str, str] | None = None, **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.headers = dict(headers or {})
        self.fields = fields

    def body(self) -> dict[str, Any]:
        """Return the JSON body without the request id."""
        return {"message": self.message, **self.fields}


class InvalidRequest(AppError):
    """400."""

    status_code = 400
    cause = (
        "The request cannot be done as asked: its body is no JSON object, or what it asks for is ruled out by"
        " the state of the thing (it already runs, is in use, has ended)."
    )
    remedy = "Read the message: it names what is in the way. Sending the same request again answers the same."


class Unauthenticated(AppError):
    """401."""

    status_code = 401
    cause = "There is no `Authorization: Bearer {id}|{secret}`, or the token is unknown, expired or revoked."
    remedy = "Send a token that is good; `shiplog token create` makes one."

    def __init__(self, message: str = "Unauthenticated.") -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(AppError):
    """403."""

    status_code = 403
    cause = "The token is good and lacks the ability that the operation needs, or its team has switched the API off."
    remedy = "Use a token with the ability that the message names; `POST /enable` switches the API on."


class NotFound(AppError):
    """404."""

    status_code = 404
    cause = (
        "Nothing with this name is in the token's team; what another team has is answered in the same way, "
        "and so is a path that is not there."
    )
    remedy = "Check the uuid, the path, and which team the token belongs to."


class MethodNotAllowed(AppError):
    """405 with `Allow`."""

    status_code = 405
    cause = "The path is there and was asked with a method that it does not take."
    remedy = "Use one of the methods in the header `Allow`."

    def __init__(self, message: str, allowed: Sequence[str]) -> None:
        super().__init__(message, headers={"Allow": ", ".join(allowed)})


class Conflict(AppError):
    """409."""

    status_code = 409
    cause = (
        "Something else has the name already, an `Idempotency-Key` came with another body, or a deployment that is to be"
        " deleted has not ended."
    )
    remedy = "Read what is there and change it, choose another name or key, or cancel the deployment first."


class ContentTooLarge(AppError):
    """413."""

    status_code = 413
    cause = "The body has more than 1 MiB."
    remedy = "Send less; no operation needs more."

    def __init__(self) -> None:
        super().__init__("The request body may have at most 1 MiB.")


class ValidationFailed(AppError):
    """422 with one list of texts a field."""

    status_code = 422
    cause = (
        "One or more fields are wrong. `errors` has the texts for each, under the name that the request uses;"
        " a field inside of others as `data.0.key`."
    )
    remedy = "Correct the fields that `errors` names."

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__("Validation failed.", errors={name: list(texts) for name, texts in errors.items()})


class QueueFull(AppError):
    """429 with `Retry-After`."""

    status_code = 429
    cause = "As many deployments wait for the server as its `deployment_queue_limit` allows."
    remedy = "Wait as long as `Retry-After` says, or raise the limit of the server."

    def __init__(self) -> None:
        super().__init__(
            "Deployment queue is full. Please wait for existing deployments to complete.", headers={"Retry-After": "60"}
        )


class TooManyRequests(AppError):
    """429 with `Retry-After`."""

    status_code = 429
    cause = "The token has made more requests in a minute than it may."
    remedy = "Wait as long as `Retry-After` says; `X-RateLimit-Remaining` tells beforehand."

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too Many Attempts.", headers={"Retry-After": str(retry_after)})


class Unavailable(AppError):
    """503 with `Retry-After`."""

    status_code = 503
    cause = "PostgreSQL does not answer."
    remedy = "Ask again after `Retry-After`; `shiplog doctor` says what is wrong."

    def __init__(self) -> None:
        super().__init__("The database is not reachable. Please try again shortly.", headers={"Retry-After": "5"})


class ErrorAnswer(BaseModel):
    """The body of every error."""

    message: str = Field(examples=["Deployment not found."])
    request_id: str = Field(
        description="Names this request in the logs of the API.", examples=["tz4a98xxat96iws9zmbrgj3a"]
    )


class ValidationErrorAnswer(ErrorAnswer):
    """The body of 422."""

    errors: dict[str, list[str]] = Field(examples=[{"name": ["This field is required."]}])


def answers(*status_codes: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of an endpoint that can answer these errors."""
    return {
        code: {
            "model": ValidationErrorAnswer if code == 422 else ErrorAnswer,
            "description": HTTPStatus(code).phrase,
        }
        for code in status_codes
    }
