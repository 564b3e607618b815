"""The configuration of a database as it was when its deployment was asked for."""

from typing import Any

from pydantic import Field

from app.compose.snapshot import ResourceSnapshot


class DatabaseSnapshot(ResourceSnapshot):
    """Everything that starting a database needs; written by `app.deployments.snapshots`."""

    type: str
    columns: dict[str, Any] = Field(repr=False)
