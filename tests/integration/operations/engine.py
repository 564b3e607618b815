"""A `docker` that keeps its containers, volumes and networks as files, for scripts that run in this machine's sh."""

from pathlib import Path

_DOCKER = """\
#!/bin/sh
cd '{state}' || exit 1
echo "$*" >>calls
listed() {{ # what is under $1 and has the label that the arguments ask for
    part='*'
    for arg; do case $arg in
        label=com.docker.compose.project=*) project=${{arg##*=}} ;;
        label=com.docker.compose.service=*) part=${{arg##*=}} ;;
    esac; done
    [ ! -d "$1/$project" ] || (cd "$1/$project" && for name in *-$part; do [ ! -e "$name" ] || echo "$name"; done)
}}
removed() {{
    kind=$1; shift
    for name; do
        [ ! -e "stuck/$name" ] || {{ echo "cannot remove $name: $(cat "stuck/$name")" >&2; return 1; }}
        rm "$kind"/*/"$name" || return 1
        echo "$name"
    done
}}
case "$1 $2" in
"ps --all") listed containers "$@" ;;
"ps "*) listed running "$@" ;;
"stop "*)
    shift
    for name; do
        rm -f running/*/"$name"
        [ ! -e "gone/$name" ] || {{ echo "No such container: $name" >&2; failed=1; }}
    done
    exit "${{failed:-0}}" ;;
"start "*|"restart "*)
    shift
    for name; do touch "running/${{name%%-*}}/$name"; done ;;
"inspect "*)
    shift 3
    for name; do
        [ ! -e "running/${{name%%-*}}/$name" ] || {{ echo running none 0 always; continue; }}
        echo exited none 143 always
    done ;;
"rm --force") shift 2; [ "$1" != --volumes ] || shift; removed containers "$@" ;;
"volume ls") listed volumes "$@" ;;
"volume rm") shift 2; removed volumes "$@" ;;
"network ls") listed networks "$@" ;;
"network rm") shift 2; removed networks "$@" ;;
"image prune") echo 'Total reclaimed space: 0B' ;;
*) echo "unknown: $*" >&2; exit 64 ;;
esac
"""
_SUDO = """\
#!/bin/sh
[ "$1" = -n ] || exit 64
shift
echo "sudo $*" >>'{state}/calls'
exec "$@"
"""


class StubEngine:
    """The engine of one server; `programs` is the folder that must stand first in its PATH."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "programs"
        self._state = folder / "state"
        for name in ("stuck", "gone"):
            (self._state / name).mkdir(parents=True)
        self.programs.mkdir()
        for name, script in {"docker": _DOCKER, "sudo": _SUDO}.items():
            program = self.programs / name
            program.write_text(script.format(state=self._state))
            program.chmod(0o755)

    def start(self, project: str) -> None:
        """Give a project two running containers, a volume and a network."""
        for kind in ("containers", "running"):
            self._add(kind, project, "web", "worker")
        self._add("volumes", project, "data")
        self._add("networks", project, "default")

    def make_stuck(self, project: str, name: str, reason: str) -> None:
        """Refuse to remove a thing of a project."""
        (self._state / "stuck" / f"{project}-{name}").write_text(reason)

    def let_go(self, project: str, name: str) -> None:
        """Let a container end by itself, so that stopping it is an error."""
        (self._state / "gone" / f"{project}-{name}").touch()

    def of(self, project: str) -> dict[str, list[str]]:
        """Return what is there of a project, by kind, where there is anything."""
        found = {
            kind: sorted(path.name.removeprefix(f"{project}-") for path in (self._state / kind / project).glob("*"))
            for kind in ("containers", "running", "volumes", "networks")
        }
        return {kind: names for kind, names in found.items() if names}

    @property
    def calls(self) -> list[str]:
        """The arguments of every call so far."""
        path = self._state / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def _add(self, kind: str, project: str, *names: str) -> None:
        folder = self._state / kind / project
        folder.mkdir(parents=True)
        for name in names:
            (folder / f"{project}-{name}").touch()
