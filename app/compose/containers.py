"""The containers of a Compose project, each with how it is: what to type on a server, and its answer read back."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from app.compose.commands import docker_by_sudo
from app.compose.plan import ServerFacts
from app.kit.clock import to_text
from app.remote.command import quote

_FORMAT = (
    '{"name":{{json .Name}},"service":{{json (index .Config.Labels "com.docker.compose.service")}},'
    '"image":{{json .Config.Image}},"state":{{json .State.Status}},'
    '"health":{{if .State.Health}}{{json .State.Health.Status}}{{else}}null{{end}},'
    '"exit_code":{{json .State.ExitCode}},"started_at":{{json .State.StartedAt}}}'
)
_ENDED = frozenset({"exited", "dead"})


@dataclass(frozen=True)
class Container:
    """One container. `state`, `health`: Docker's words; `exit_code` is None until it has ended."""

    name: str
    service: str
    image: str
    state: str
    health: str | None
    exit_code: int | None
    started_at: str | None

    def to_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return asdict(self)


def containers_script(project: str, facts: ServerFacts) -> str:
    """Return the sh lines that print one line of JSON a container and `end`, for `parse_containers`."""
    label = quote(f"label=com.docker.compose.project={project}")
    # A container that goes away in between makes `docker inspect` fail, but not for the others.
    return (
        f"{{\n{docker_by_sudo(facts)}containers=$(docker ps --all --quiet --filter {label} "
        "--filter label=com.docker.compose.oneoff=False) || exit\n"
        f'[ -z "$containers" ] || docker inspect --format {quote(_FORMAT)} $containers 2>/dev/null\n'
        "echo end\n} </dev/null\n"
    )


def parse_containers(text: str) -> list[Container]:
    """Return the containers by name; ValueError for text that is not all of what `containers_script` prints."""
    *lines, end = text.splitlines() or [""]
    if end != "end":
        raise ValueError("The look at the service's containers broke off.")
    return sorted((_read(json.loads(line)) for line in lines if line.strip()), key=lambda one: one.name)


def _read(found: dict[str, Any]) -> Container:
    started = datetime.fromisoformat(found["started_at"])
    return Container(
        name=found["name"].removeprefix("/"),
        service=found["service"],
        image=found["image"],
        state=found["state"],
        health=None if found["health"] in {None, "", "none"} else found["health"],
        exit_code=found["exit_code"] if found["state"] in _ENDED else None,
        # Docker's word for never is the first day of the calendar.
        started_at=to_text(started) if started.year > 1 else None,
    )
