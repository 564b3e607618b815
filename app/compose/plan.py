"""A deployment as a value: its files, named steps, secrets and deadline."""

import re
from dataclasses import dataclass

from app.remote.command import Secret

_FLAT_NAME = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]*")


class PlanError(Exception):
    """A configuration that cannot be deployed; the text is the deployment's failure reason and names what to change."""


@dataclass(frozen=True)
class PlannedFile:
    """A file of a deployment, uploaded at 0600 under `path` and moved into place by the script.

    `path` is one name without folders, relative to the resource's folder. A file with `in_run` goes to the private
    Docker configuration of the run instead and leaves with it. `mode` is what it gets in place: some are read by a
    container's unprivileged user, and the folder around them is 0700.
    """

    path: str
    content: Secret
    mode: int = 0o600
    in_run: bool = False

    def __post_init__(self) -> None:
        if not _FLAT_NAME.fullmatch(self.path) or self.path in {".", ".."}:
            raise ValueError(f"not a plain file name: {self.path!r}")


@dataclass(frozen=True)
class Step:
    """One named stage: `shown` is what a person would type, `script` the POSIX sh lines that do it.

    A line of the script that fails, fails the step and with it the run; its last line on stderr is the reason.
    """

    name: str
    shown: str
    script: str
    hidden: bool = False


@dataclass(frozen=True)
class DeploymentPlan:
    """All of it. `folder` is the resource's, below the server's data folder; `secrets` are redacted from the log.

    `environment_keys` are the names in its `.env`: the script unsets them, because Compose prefers the shell's value.
    """

    folder: str
    files: tuple[PlannedFile, ...]
    steps: tuple[Step, ...]
    secrets: frozenset[str]
    deadline_seconds: int
    environment_keys: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"DeploymentPlan({self.folder!r}, steps={[step.name for step in self.steps]})"


@dataclass(frozen=True)
class ServerFacts:
    """What validation found out about a server; `data_folder` is absolute."""

    data_folder: str
    docker_needs_sudo: bool = False
    docker_version: str | None = None
    compose_version: str | None = None
