"""The configuration of a service as it was when its deployment was asked for."""

from pydantic import Field

from app.compose.snapshot import ResourceSnapshot


class ServiceSnapshot(ResourceSnapshot):
    """Everything that starting a service needs; written by `app.deployments.snapshots`."""

    compose: str = Field(repr=False)
    connect_to_network: bool = False
    allow_host_paths: bool = False
    pull_latest_images: bool = False
    stop_before_start: bool = False
