"""What the endpoints of the audit log take and answer."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from app.audit.repository import Period
from app.kit.schema import ResponseSchema, Timestamp


def _in_reach(moment: datetime) -> datetime:
    # PostgreSQL's driver turns it into UTC, which the first and the last day of the calendar leave.
    return min(
        max(moment, datetime.fromisoformat("1970-01-01T00:00:00Z")), datetime.fromisoformat("9999-01-01T00:00:00Z")
    )


Moment = Annotated[AwareDatetime, AfterValidator(_in_reach)]


class AuditQuery(BaseModel):
    """Which events are wanted."""

    since: Moment | None = Field(default=None, description="Not before this time.", examples=["2026-01-01T00:00:00Z"])
    until: Moment | None = Field(default=None, description="Before this time.", examples=["2030-01-01T00:00:00Z"])
    operation_id: str | None = Field(default=None, max_length=100, description="Only of this operation.")
    resource_uuid: str | None = Field(default=None, max_length=255, description="Only about this thing.")

    @property
    def period(self) -> Period:
        """What of it the statement needs."""
        return Period(self.since, self.until, self.operation_id, self.resource_uuid)


class AuditPage(AuditQuery):
    """Which page of them."""

    take: int = Field(default=100, ge=1, le=500, description="So many, the newest first.")
    before: int | None = Field(
        default=None, ge=1, lt=2**63, description="Only events with a smaller id: the last one of the page before."
    )


class AuditExport(AuditQuery):
    """In which form all of them."""

    format: Literal["ndjson", "csv"] = Field(default="ndjson", description="A JSON object a line, or CSV.")


class AuditEventAnswer(ResponseSchema):
    """One request that changed something or was shown a secret."""

    id: int
    created_at: Timestamp
    token_id: int
    token_name: str = Field(examples=["deploys of the shop"])
    user_id: int
    user_name: str = Field(examples=["Ada"])
    operation_id: str = Field(examples=["update-service-by-uuid"])
    method: str = Field(examples=["PATCH"])
    path: str = Field(examples=["/api/v1/services/k3v0q6n2m9x1c8b7z5a4s6d2"])
    resource_uuids: list[str] = Field(description="What the path names, and what the answer says was made or started.")
    status_code: int = Field(description="What was answered.", examples=[200])
    client: str | None = Field(description="Address that the request came from.", examples=["192.0.2.7"])
    request_id: str | None = Field(description="`X-Request-Id`, as in the logs of the API.")
