"""What the API takes and tells about retention."""

from typing import Annotated

from pydantic import Field

from app.kit.schema import RequestSchema, ResponseSchema, Timestamp

Days = Annotated[int, Field(ge=1, le=36_500)]


class RetentionUpdate(RequestSchema):
    """Changes of a team's policy; what is left out stays. Days of null: kept for good."""

    finished_days: Days | None = Field(default=None, description="Days that finished deployments stay.", examples=[90])
    failed_days: Days | None = Field(default=None, description="Days that failed deployments stay.", examples=[180])
    cancelled_days: Days | None = Field(
        default=None, description="Days that cancelled deployments stay.", examples=[90]
    )
    keep_last: int = Field(
        default=0, ge=0, le=1000, description="So many of each resource stay, however old.", examples=[10]
    )


class RemovedAnswer(ResponseSchema):
    """What a round has removed."""

    deployments: int = Field(examples=[120])
    operations: int = Field(examples=[4])
    log_bytes: int = Field(examples=[5_242_880])


class RetentionAnswer(ResponseSchema):
    """A team's policy, and what its last round did."""

    finished_days: int | None = Field(description="Null: kept for good.", examples=[90])
    failed_days: int | None = Field(description="Null: kept for good.", examples=[180])
    cancelled_days: int | None = Field(description="Null: kept for good.", examples=[90])
    keep_last: int = Field(description="So many of each resource stay, however old.", examples=[10])
    pruned_at: Timestamp | None = Field(description="When the last round ended; there is one a day.")
    last_removed: RemovedAnswer | None


class RemovableAnswer(ResponseSchema):
    """What a round would remove now."""

    finished: int = Field(examples=[118])
    failed: int = Field(examples=[2])
    cancelled: int = Field(examples=[0])
    operations: int = Field(examples=[4])
    log_bytes: int = Field(examples=[5_242_880])
    is_complete: bool = Field(
        description="False: only the oldest hundred thousand deployments were looked at, there may be more."
    )


class PruneAnswer(ResponseSchema):
    """What comes of a prune."""

    message: str = Field(examples=["Nothing was removed: this is what a round would remove now."])
    dry_run: bool
    would_remove: RemovableAnswer | None = Field(default=None, description="Only of a dry run.")
