"""The named stages that the deployments of services and databases are made of."""

import base64
import json
import textwrap
from collections.abc import Iterable, Sequence
from importlib.resources import files

from app.compose.commands import ComposeProject, create_network, inspect_network
from app.compose.plan import PlannedFile, Step
from app.compose.snapshot import SnapshotRegistry
from app.remote.command import Command, Secret, quote

_SH = files("app.compose").joinpath("sh")
_CHECK_DOCKER = _SH.joinpath("check_docker.sh").read_text(encoding="utf-8").removeprefix("#!/bin/sh\n")
_VERIFY = _SH.joinpath("verify.sh").read_text(encoding="utf-8")
VERIFY_FILE = "verify.sh"

# The names under which people know Docker's own registry, and the one that its client looks for.
_DOCKER_HUB = {"docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com"}
_DOCKER_HUB_KEY = "https://index.docker.io/v1/"


def verify_file() -> PlannedFile:
    """Return the program that waits for containers, kept in the folder so that a person can run it too."""
    return PlannedFile(VERIFY_FILE, Secret(_VERIFY))


def registry_file(registries: Sequence[SnapshotRegistry]) -> tuple[PlannedFile, ...]:
    """Return the Docker configuration with the logins of this run, or nothing when there are none."""
    if not registries:
        return ()
    auths = {_auth_key(registry.registry): {"auth": auth} for registry, auth in _auths(registries)}
    return (PlannedFile("config.json", Secret(json.dumps({"auths": auths}, indent=2) + "\n"), in_run=True),)


def registry_secrets(registries: Sequence[SnapshotRegistry]) -> frozenset[str]:
    """Return what must not be seen of the logins: the passwords, and user and password as Docker writes them."""
    return frozenset(text for registry, auth in _auths(registries) for text in (registry.password, auth) if text)


def check_docker() -> Step:
    """Return the step that says which Docker the server has, or what is missing."""
    return Step(
        name="Check Docker",
        shown="docker version && docker compose version",
        # Written without `set -e`, and it ends with `exit`.
        script=f"(\nset +e\n{_CHECK_DOCKER.strip()}\n)",
    )


def prepare_files(folder: str, planned: Iterable[PlannedFile]) -> Step:
    """Return the step that moves the uploaded files into place; each replaces its predecessor at once."""
    placed = [file for file in planned if not file.in_run]
    private = [file for file in planned if file.in_run]
    lines = ["enter_folder"]
    lines += [_move(file, ".") for file in placed]
    if private:
        lines.append("use_private_config")
        lines += [_move(file, '"$run/docker"') for file in private]
    names = " ".join(quote(file.path) for file in placed)
    return Step(
        name="Prepare files",
        shown=f"mkdir -p {quote(folder)} && mv {names} {quote(folder)}",
        script="\n".join(lines),
    )


def ensure_network(network: str) -> Step:
    """Return the step that creates a network unless it is there.

    One deployment at a time: of two that ask Docker at once both get a network, and a name that two have is of no use to
    anybody. Somebody else may still create it at the same moment.
    """
    inspect, create = inspect_network(network).reveal(), create_network(network).reveal()
    return Step(
        name="Create network",
        shown=f"{inspect} || {create}",
        script=f"take_turn\n{inspect} >/dev/null 2>&1 || {create} || {inspect} >/dev/null\nend_turn",
    )


def validate(project: ComposeProject, *, mounted: Sequence[str] = ()) -> Step:
    """Return the step that lets Compose check the files before anything is stopped.

    `mounted` are paths in the folder that may not lead out of it: a container can have put a link there.
    """
    command = project.config()
    if not mounted:
        return _step("Validate configuration", command)
    return Step(
        name="Validate configuration",
        shown=str(command),
        script=f"""\
{command.reveal()}
here=$(pwd -P)
# shellcheck disable=SC2043 # it may be one path
for path in {" ".join(map(quote, mounted))}; do
    there=$(readlink -f -- "$path") || continue
    case $there in
    "$here"/*) ;;
    *)
        echo "The mounted path $path leads out of the folder of the deployment, to $there: remove the link." >&2
        exit 1
        ;;
    esac
done""",
    )


def pull_latest_images(project: ComposeProject, *, ignore_buildable: bool = False) -> Step:
    """Return the step that fetches the images, those whose tag is there already as well."""
    command = project.pull(ignore_buildable=ignore_buildable)
    return Step(name="Pull images", shown=str(command), script=f"with_less_progress {command.reveal()}")


def pull_missing_images(project: ComposeProject, *, built: Sequence[str] = ()) -> Step:
    """Return the step that fetches the images that are not there; the services in `built` have theirs made.

    Not `pull --policy missing`: that fetches `latest` again although it is there (Compose 2.40).
    """
    pull = project.pull().reveal()
    skip = f"case $service in {' | '.join(map(quote, built))}) continue ;; esac\n            " if built else ""
    # In Compose's own form a service's name is indented by two and its image by four.
    return Step(
        name="Pull images",
        shown=f"{project.pull()} (what is missing)",
        script=f"""\
missing=$(
    {project.resolved().reveal()} |
        awk '/^[^ ]/ {{ inside = /^services:/ }} inside && /^  [^ ]/ {{ gsub(/[:"]/, ""); name = $1 }}
            inside && /^    image: / {{ print name, $2 }}' |
        while read -r service image; do
            {skip}docker image inspect "$image" >/dev/null 2>&1 || printf ' %s' "$service"
        done
)
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 # names of services
    with_less_progress {pull} $missing
else
    echo 'Every image is there already.'
fi""",
    )


def build_images(project: ComposeProject, *, pull: bool) -> Step:
    """Return the step that builds images from source."""
    return _step("Build images", project.build(pull=pull))


def stop_containers(project: ComposeProject) -> Step:
    """Return the step that stops what runs, gracefully; nothing running is no error."""
    return _step("Stop containers", project.stop())


def remove_left_out(project: ComposeProject) -> Step:
    """Return the step that removes the containers of services that a profile leaves out now.

    `--remove-orphans` keeps them: Compose still knows their services.
    """
    label = quote(f"label=com.docker.compose.project={project.name}")
    listing = '{{.Names}} {{.Label "com.docker.compose.service"}}'
    return Step(
        name="Remove what the profiles leave out",
        shown=str(project.services()),
        script=f"""\
active=$({project.services().reveal()})
docker ps --all --filter {label} --format {quote(listing)} | while read -r name service; do
    if ! printf '%s\\n' "$active" | grep -qxF -e "$service"; then
        docker stop "$name" || :
        docker rm --force "$name"
    fi
done""",
    )


def start_containers(project: ComposeProject) -> Step:
    """Return the step that starts the containers; when they do not start, their own words come before the reason."""
    command = project.up()
    return Step(
        name="Start containers",
        shown=str(command),
        script=f"""\
code=0
with_less_progress {command.reveal()} || code=$?
if [ "$code" -ne 0 ]; then
{textwrap.indent(_verify(project, "0"), "    ")} || :
    exit "$code"
fi""",
    )


def wait_for_containers(project: ComposeProject, deadline_seconds: int) -> Step:
    """Return the step that waits until every container is well, for as long as the deadline leaves."""
    return Step(
        name="Wait for containers",
        shown=f"sh {VERIFY_FILE} {project.name} {deadline_seconds}",
        script=_verify(project, '"$(seconds_left)"'),
    )


def remove_old_files(patterns: Sequence[str], planned: Iterable[PlannedFile]) -> Step:
    """Return the hidden step that removes what earlier deployments left under these names and this one did not bring.

    Comes last: until the new container runs, the old one may still need them. `patterns` are for the shell, as `init-*`.
    """
    kept = " | ".join(quote(file.path) for file in planned)
    return Step(
        name="Remove old files",
        shown=f"rm -f {' '.join(patterns)}",
        script=f"""for file in {" ".join(patterns)}; do
    case $file in
    {kept}) ;;
    *) rm -f "$file" ;;
    esac
done""",
        hidden=True,
    )


def _step(name: str, command: Command) -> Step:
    return Step(name=name, shown=str(command), script=command.reveal())


def _move(file: PlannedFile, to: str) -> str:
    name = quote(file.path)
    return f'chmod {file.mode:04o} "$upload"/{name}\nmv -f "$upload"/{name} {to}/{name}'


def _verify(project: ComposeProject, seconds: str) -> str:
    # Read into a shell of its own, so that it uses the script's `docker`: with sudo, the logins and all.
    return f"""\
(
    set +e
    set -- {quote(project.name)} {seconds}
    # shellcheck source=/dev/null
    . ./{VERIFY_FILE}
)"""


def _auths(registries: Sequence[SnapshotRegistry]) -> list[tuple[SnapshotRegistry, str]]:
    return [
        (registry, base64.b64encode(f"{registry.username}:{registry.password}".encode()).decode())
        for registry in registries
    ]


def _auth_key(host: str) -> str:
    return _DOCKER_HUB_KEY if host.lower() in _DOCKER_HUB else host
