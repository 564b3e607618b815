"""The configuration of a database as it was when its deployment was asked for."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.compose.snapshot import ResourceSnapshot


class SnapshotTls(BaseModel):
    """The certificate that a database with `enable_ssl` is started with, as PEM; `note` is what the log says about it."""

    model_config = ConfigDict(frozen=True)

    authority: str
    certificate: str
    private_key: str = Field(repr=False)
    note: str

    @property
    def secrets(self) -> frozenset[str]:
        """The lines of the key that must not be seen; its first and last are those of any key."""
        return frozenset(self.private_key.splitlines()[1:-1])


class DatabaseSnapshot(ResourceSnapshot):
    """Everything that starting a database needs; written by `app.deployments.snapshots`."""

    type: str
    columns: dict[str, Any] = Field(repr=False)
    tls: SnapshotTls | None = None
    allow_host_paths: bool = False
    allow_major_upgrade: bool = False
    previous_image: str | None = None
    """What ran last; known only when the deployment begins, because others may be waiting before it."""

    @property
    def image(self) -> str:
        """What is run: the row's image, or what it is pinned to."""
        return self.images.get(self.uuid, str(self.columns["image"]))
