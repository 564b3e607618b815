"""A folder that is a whole PATH: the few real programs a script needs, and a Docker that says what a test wants."""

import shutil
from pathlib import Path

REAL = ("sh", "id", "mkdir", "rm", "chmod", "cat", "env")

_DOCKER = """#!/bin/sh
case "$1 $2" in
'--version '*) echo 'Docker version 27.1.1, build 1' ;;
'version '*) {daemon} ;;
'compose version') {compose} ;;
*) echo "unexpected: $*" >&2; exit 64 ;;
esac
"""

ANSWERS = "echo 27.1.1"
DENIED = "echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1"
NO_DAEMON = "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock.' >&2; exit 1"


def make_path(folder: Path, **programs: str) -> Path:
    """Fill a folder with the real programs and `programs`, name to text, and return it."""
    folder.mkdir()
    for name in REAL:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def docker_stub(*, daemon: str = ANSWERS, compose: str = "echo 2.29.1") -> str:
    """Return the text of a `docker` whose daemon and whose Compose plugin answer with these sh commands."""
    return _DOCKER.format(daemon=daemon, compose=compose)
