"""How a resource is, by its containers: one look at the server and the word for it."""

from dataclasses import dataclass

from app.compose.commands import docker_by_sudo
from app.compose.plan import ServerFacts
from app.remote.command import quote
from app.remote.host import Host

EXITED = "exited"
UNKNOWN = "unknown"

_FORMAT = (
    "{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} "
    "{{.State.ExitCode}} {{.HostConfig.RestartPolicy.Name}}"
)


@dataclass(frozen=True)
class _Container:
    state: str
    health: str
    exit_code: int
    restart: str

    @property
    def is_done(self) -> bool:
        """True for one that has ended as it should: a migration, an init container."""
        return self.state == "exited" and self.exit_code == 0 and self.restart in {"", "no", "on-failure"}


def look_script(uuid: str, facts: ServerFacts) -> str:
    """Return the sh lines that print one line a container of the resource, for `parse_status`."""
    label = quote(f"label=com.docker.compose.project={uuid}")
    return (
        f"{{\n{docker_by_sudo(facts)}containers=$(docker ps --all --quiet --filter {label}) || exit\n"
        f'[ -z "$containers" ] || docker inspect --format {quote(_FORMAT)} $containers\n}} </dev/null\n'
    )


def look_around_script(facts: ServerFacts) -> str:
    """Return the sh lines that print one line a container of any Compose project, for `parse_statuses`."""
    line = '{{index .Config.Labels "com.docker.compose.project"}} ' + _FORMAT
    # A container that goes away in between makes `docker inspect` fail, but not for the others.
    return (
        f"{{\n{docker_by_sudo(facts)}"
        "containers=$(docker ps --all --quiet --filter label=com.docker.compose.project) || exit\n"
        f'[ -z "$containers" ] || docker inspect --format {quote(line)} $containers 2>/dev/null\n'
        "echo end\n} </dev/null\n"
    )


def parse_statuses(text: str) -> dict[str, str]:
    """Return {project: its status} of what `look_around_script` printed; ValueError when it did not come to its end."""
    *lines, end = text.splitlines() or [""]
    if end != "end":
        raise ValueError("The look at the server's containers broke off.")
    projects: dict[str, list[str]] = {}
    for line in lines:
        project, _, rest = line.partition(" ")
        projects.setdefault(project, []).append(rest)
    return {project: parse_status("\n".join(lines)) for project, lines in projects.items()}


def parse_status(text: str) -> str:
    """Return `running:healthy`, `running:unhealthy`, `running:unknown`, `degraded:unhealthy` or `exited`.

    `running` means that every container runs or has ended as it should; `healthy` that each running one has a health
    check that passes. Raises ValueError for text that `look_script` did not print.
    """
    containers = [_parse_line(line) for line in text.splitlines() if line.strip()]
    running = [container for container in containers if container.state == "running"]
    if not running:
        is_restarting = any(container.state in {"restarting", "paused"} for container in containers)
        return "degraded:unhealthy" if is_restarting else EXITED
    if any(container not in running and not container.is_done for container in containers):
        return "degraded:unhealthy"
    health = {container.health for container in running}
    if "unhealthy" in health:
        return "running:unhealthy"
    return "running:healthy" if health == {"healthy"} else "running:unknown"


async def look_at(host: Host, facts: ServerFacts, uuid: str, *, timeout: float = 30) -> str:
    """Look at the containers of a resource; `unknown` when Docker does not answer. Raises RemoteError."""
    completed = await host.run("sh", stdin=look_script(uuid, facts).encode(), timeout=timeout)
    if completed.exit_code != 0:
        return UNKNOWN
    return parse_status(completed.stdout.decode(errors="replace"))


async def list_containers(host: Host, facts: ServerFacts, uuid: str, *, timeout: float = 30) -> tuple[str, ...]:
    """Return a line for each container of a resource, as a person would see them; raises RemoteError."""
    label = quote(f"label=com.docker.compose.project={uuid}")
    listing = "table {{.Names}}\t{{.Image}}\t{{.Status}}"
    script = f"{{\n{docker_by_sudo(facts)}docker ps --all --filter {label} --format {quote(listing)}\n}} </dev/null\n"
    completed = await host.run("sh", stdin=script.encode(), timeout=timeout)
    return tuple(completed.stdout.decode(errors="replace").splitlines()) if completed.exit_code == 0 else ()


def _parse_line(line: str) -> _Container:
    # An engine that names no restart policy prints nothing at the end of the line.
    state, health, exit_code, *restart = line.split()
    return _Container(state, health, int(exit_code), restart[0] if restart else "")
