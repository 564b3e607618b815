"""What validation types on a server, and how its answers are read.

Every line of an answer begins with a nonce: a login shell may print whatever it likes around them.
"""

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from app.remote.command import quote

DATA_FOLDER = "/data/shiplog"
"""Where Shiplog keeps its files on a server whose user may write there."""

_CHECK_DOCKER: Final = (files("app.compose") / "sh" / "check_docker.sh").read_text()

# The block is read to its end before anything runs, and nothing in it can read the rest of the script as its input.
_FOLDER: Final = """{
say() { printf '%s %s %s\\n' "$nonce" "$1" "$2"; }
can_write() {
    if [ "$1" = "$shared" ]; then mkdir -p "${shared%/*}"; fi
    (umask 077 && mkdir -p "$1/runs" && : >"$1/runs/.probe" && rm "$1/runs/.probe")
}
say user "$(id -un 2>/dev/null || id -u)"
home=${HOME%/}
set -- "$known" "$shared" ${home:+"$home/.local/share/shiplog" "$home/.shiplog"}
for folder do
    case $folder in /*) ;; *) continue ;; esac
    can_write "$folder" 2>/dev/null || continue
    [ -z "$home" ] || case $folder in "$home"/*) chmod 700 "$folder" ;; esac
    say folder "$folder"
    break
done
say end ''
} </dev/null
"""

_DOCKER: Final = """{
say() { printf '%s %s %s\\n' "$nonce" "$1" "$2"; }
sudo_needed=no
output=$(check_docker 2>&1)
code=$?
if [ "$code" != 0 ] && [ "$(id -u)" != 0 ] && sudo -n docker version >/dev/null 2>&1; then
    docker() { sudo -n docker "$@"; }
    sudo_needed=yes
    output=$(check_docker 2>&1)
    code=$?
fi
say sudo "$sudo_needed"
say code "$code"
printf '%s\\n' "$output" | while IFS= read -r line; do say docker "$line"; done
say end ''
} </dev/null
"""


@dataclass(frozen=True)
class FolderFound:
    """Who we are on the server and where its files go; `folder` is None when no folder can be written to."""

    user: str
    folder: str | None


@dataclass(frozen=True)
class DockerFound:
    """Which Docker and Compose there are; `complaint` says what is missing, None when nothing is."""

    docker_version: str | None
    compose_version: str | None
    needs_sudo: bool
    complaint: str | None


class AnswerCut(Exception):
    """The server's answer ended before its end: its shell broke off."""


def folder_script(nonce: str, known: str | None, *, shared: str = DATA_FOLDER) -> str:
    """Return the script that finds, or makes, the data folder.

    One that is already `known` stays when it can still be written to; then comes the `shared` one, then the user's home.
    """
    return f"nonce={quote(nonce)} known={quote(known or '')} shared={quote(shared)}\n{_FOLDER}"


def docker_script(nonce: str) -> str:
    """Return the script that looks for Docker and Compose, directly and else with `sudo -n`."""
    return f"nonce={quote(nonce)}\ncheck_docker() (\n{_CHECK_DOCKER})\n{_DOCKER}"


def parse_folder(nonce: str, output: bytes) -> FolderFound:
    """Read what `folder_script` printed; raise AnswerCut for less than all of it."""
    answers = _answers(nonce, output)
    folder = answers.get("folder", [""])[0]
    is_plain = folder.startswith("/") and folder.isprintable()
    return FolderFound(answers.get("user", [""])[0], folder.rstrip("/") if is_plain else None)


def parse_docker(nonce: str, output: bytes) -> DockerFound:
    """Read what `docker_script` printed; raise AnswerCut for less than all of it."""
    answers = _answers(nonce, output)
    lines = [line for line in answers.get("docker", []) if line.strip()]
    versions = {name: version for name, _, version in (line.rpartition(" ") for line in lines)}
    failed = answers["code"] != ["0"]
    return DockerFound(
        docker_version=versions.get("Docker"),
        compose_version=versions.get("Docker Compose"),
        needs_sudo=answers["sudo"] == ["yes"],
        complaint=_complaint(lines) if failed else None,
    )


def _complaint(lines: list[str]) -> str:
    last = lines[-1] if lines else "Docker cannot be used on this server."
    return last.replace("then deploy again", "then validate the server again")


def _answers(nonce: str, output: bytes) -> dict[str, list[str]]:
    answers: dict[str, list[str]] = {}
    for line in output.decode(errors="replace").replace("\0", "").splitlines():
        marker, _, answer = line.partition(" ")
        if marker == nonce:
            name, _, value = answer.partition(" ")
            answers.setdefault(name, []).append(value)
    if "end" not in answers:
        raise AnswerCut
    return answers
