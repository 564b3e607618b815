"""What the API is asked and tells about statistics."""

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, Field

from app.kit.schema import ResponseSchema, UuidOf


class GroupBy(StrEnum):
    """What the numbers are told by."""

    RESOURCE = "resource"
    SERVER = "server"
    DAY = "day"
    TEAM = "team"


class DeploymentKind(StrEnum):
    """The two kinds of deployments."""

    SERVICE = "service"
    DATABASE = "database"


class StatisticsQuery(BaseModel):
    """Of what, and by what."""

    since: date | None = Field(default=None, description="First day, in UTC; left out: thirty days with the last one.")
    until: date | None = Field(default=None, description="Last day, in UTC; left out: today.")
    group_by: GroupBy = Field(default=GroupBy.DAY, description="What the numbers are told by.")
    kind: DeploymentKind | None = Field(default=None, description="Only deployments of this kind.")
    resource_uuid: UuidOf | None = Field(default=None, description="Only of this service or database.")
    server_uuid: UuidOf | None = Field(default=None, description="Only on this server.")
    take: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Groups to return, the largest first; left out: 100. Days come in order, all.",
    )


class Percentiles(ResponseSchema):
    """Milliseconds, at most 4.9 % off; null without any."""

    p50: int | None = Field(examples=[41230])
    p95: int | None = Field(examples=[97010])


class StatisticsNumbers(ResponseSchema):
    """How deployments ended, and how long they took."""

    deployments: int = Field(examples=[42])
    finished: int = Field(examples=[39])
    failed: int = Field(examples=[2])
    cancelled: int = Field(examples=[1])
    success_rate: float | None = Field(
        description="Finished ones among those that finished or failed, from 0 to 1; null without any.",
        examples=[0.9512],
    )
    duration_ms: Percentiles = Field(description="From start to end.")
    queue_wait_ms: Percentiles = Field(description="From the request to the start.")


class StatisticsGroup(StatisticsNumbers):
    """The numbers of one resource, server, day or team."""

    group: str = Field(
        description="Uuid of the resource or server, the day, or the team's id.", examples=["2025-10-30"]
    )
    name: str | None = Field(description="What the resource or server is called.", examples=["shop"])


class StatisticsAnswer(ResponseSchema):
    """The numbers of all that was asked for, and of each group."""

    since: date | None = Field(examples=["2025-10-01"])
    until: date = Field(examples=["2025-10-30"])
    group_by: GroupBy
    total: StatisticsNumbers
    groups: list[StatisticsGroup]
