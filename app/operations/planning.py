"""What stopping, starting and deleting type on a server: pure, from the resource's id and the wishes of the caller alone.

Everything is found by the label that Compose puts on it, so a lost folder or a changed Compose text is no obstacle, and
every step can be repeated: what is already gone is success.
"""

from dataclasses import dataclass

from app.compose.commands import docker_by_sudo
from app.compose.plan import ServerFacts
from app.remote.command import quote

PART_KINDS = frozenset({"stop-part", "start-part", "restart-part"})
NO_CONTAINER = "There is no container of it on the server: deploy the service."

_SERVICE_LABEL = "label=com.docker.compose.service"


@dataclass(frozen=True)
class OperationStep:
    """One named stage; `shown` is what a person would type, `script` the sh lines that are sent."""

    name: str
    shown: str
    script: str


@dataclass(frozen=True)
class DeleteOptions:
    """What goes with the containers; the query parameters of the delete."""

    delete_volumes: bool = True
    delete_connected_networks: bool = True
    delete_configurations: bool = True
    docker_cleanup: bool = True
    force: bool = False
    """Forget the resource even if its server cannot be reached: what is there stays there."""


def plan_stop(uuid: str, facts: ServerFacts, *, docker_cleanup: bool) -> tuple[OperationStep, ...]:
    """Return the steps that stop a resource and remove its containers; volumes, networks and files stay."""
    # Removed, not only stopped: with `restart: always` the engine would bring them back when it starts again.
    steps = [_stop_containers(uuid, facts), _remove_containers(uuid, facts, with_anonymous_volumes=False)]
    if docker_cleanup:
        steps.append(_prune_images(facts))
    return tuple(steps)


def plan_part(uuid: str, name: str, kind: str, facts: ServerFacts) -> tuple[OperationStep, ...]:
    """Return the step that stops, starts or restarts the containers of one entry of a service's Compose file."""
    verb = kind.removesuffix("-part")
    listing = f"docker ps --all --filter {quote(_label(uuid))} --filter {quote(f'{_SERVICE_LABEL}={name}')}"
    # What is stopped is as it should be; what is not there can only be made by a deployment.
    nothing = "echo 'There is no container.'; exit" if verb == "stop" else f"echo '{NO_CONTAINER}' >&2; exit 1"
    script = f"""\
containers=$({listing} --format '{{{{.Names}}}}') || exit
[ -n "$containers" ] || {{ {nothing}; }}
docker {verb} $containers
"""
    shown = f"docker {verb} $({listing} --quiet)"
    return (OperationStep(name=f"{verb.capitalize()} {name}", shown=shown, script=_script(facts, script)),)


def plan_delete(uuid: str, folder: str, facts: ServerFacts, options: DeleteOptions) -> tuple[OperationStep, ...]:
    """Return the steps that remove a resource from its server; `folder` is its folder below the data folder."""
    steps = [
        _stop_containers(uuid, facts),
        _remove_containers(uuid, facts, with_anonymous_volumes=options.delete_volumes),
    ]
    if options.delete_volumes:
        steps.append(_remove_volumes(uuid, facts))
    if options.delete_connected_networks:
        steps.append(_remove_networks(uuid, facts))
    if options.delete_configurations:
        steps.append(_remove_folder(folder, facts))
    if options.docker_cleanup:
        steps.append(_prune_images(facts))
    return tuple(steps)


def _label(uuid: str) -> str:
    return f"label=com.docker.compose.project={uuid}"


def _stop_containers(uuid: str, facts: ServerFacts) -> OperationStep:
    running = f"docker ps --quiet --filter {quote(_label(uuid))}"
    # Without --time every container gets the grace period its Compose file gives it. A container that went by itself
    # makes `docker stop` fail, so what is still running decides.
    return OperationStep(
        name="Stop containers",
        shown=f"docker stop $({running})",
        script=_script(
            facts,
            f"""\
containers=$(docker ps --filter {quote(_label(uuid))} --format '{{{{.Names}}}}') || exit
if [ -z "$containers" ]; then
    echo 'No container is running.'
    exit 0
fi
docker stop $containers && exit 0
code=$?
left=$({running}) || exit
[ -z "$left" ] || exit "$code"
""",
        ),
    )


def _remove_containers(uuid: str, facts: ServerFacts, *, with_anonymous_volumes: bool) -> OperationStep:
    remove = "docker rm --force --volumes" if with_anonymous_volumes else "docker rm --force"
    return _remove(
        "Remove containers",
        f"docker ps --all --filter {quote(_label(uuid))}",
        "{{.Names}}",
        remove,
        nothing="No container is left.",
        facts=facts,
    )


def _remove_volumes(uuid: str, facts: ServerFacts) -> OperationStep:
    return _remove(
        "Remove volumes",
        f"docker volume ls --filter {quote(_label(uuid))}",
        "{{.Name}}",
        "docker volume rm",
        nothing="No volume is left.",
        facts=facts,
    )


def _remove_networks(uuid: str, facts: ServerFacts) -> OperationStep:
    listing = f"docker network ls --filter {quote(_label(uuid))}"
    # Somebody else's container may have joined: the network is theirs too then, and stays.
    return OperationStep(
        name="Remove networks",
        shown=f"docker network rm $({listing} --quiet)",
        script=_script(
            facts,
            f"""\
networks=$({listing} --format '{{{{.Name}}}}') || exit
[ -n "$networks" ] || echo 'No network is left.'
for network in $networks; do
    docker network rm "$network" || echo "The network $network is in use by other containers and stays." >&2
done
""",
        ),
    )


def _remove_folder(folder: str, facts: ServerFacts) -> OperationStep:
    path = quote(f"{facts.data_folder}/{folder}")
    # A container that runs as root leaves files that an ordinary SSH user may not remove.
    return OperationStep(
        name="Remove files",
        shown=f"rm -rf {path}",
        script=_script(facts, f"rm -rf -- {path} || sudo -n rm -rf -- {path}\n"),
    )


def _prune_images(facts: ServerFacts) -> OperationStep:
    # Room on the disk is a convenience; the engine refuses a second prune at the same time.
    return OperationStep(
        name="Clean up images",
        shown="docker image prune --force",
        script=_script(facts, "docker image prune --force || echo 'Unused images could not be removed.' >&2\n"),
    )


def _remove(
    name: str, listing: str, name_format: str, remove: str, *, nothing: str, facts: ServerFacts
) -> OperationStep:
    return OperationStep(
        name=name,
        shown=f"{remove} $({listing} --quiet)",
        script=_script(
            facts,
            f"""\
found=$({listing} --format '{name_format}') || exit
if [ -z "$found" ]; then
    echo '{nothing}'
    exit 0
fi
{remove} $found && exit 0
code=$?
left=$({listing} --quiet) || exit
[ -z "$left" ] || exit "$code"
""",
        ),
    )


def _script(facts: ServerFacts, body: str) -> str:
    """Return the lines as one group: a shell that is cut off while reading it runs none of it."""
    return f"{{\nset -u\n{docker_by_sudo(facts)}{body}}} </dev/null\n"
