"""Programs that tests run; one that is missing is named and skipped, or fails with SHIPLOG_REQUIRE_RIG=1."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

SHELLS = ("dash", "bash --posix", "busybox sh")

_PLUGINS = ("/usr/local/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins", "/usr/lib/docker/cli-plugins")


def program(name: str, *folders: str) -> str:
    """Return the path of a program, from PATH or one of the folders."""
    found = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *folders]))
    if found is None:
        reason = f"{name} is not installed on this machine"
        if os.environ.get("SHIPLOG_REQUIRE_RIG") == "1":
            pytest.fail(f"SHIPLOG_REQUIRE_RIG=1, but {reason}", pytrace=False)
        pytest.skip(reason)
    return found


def shell(words: str) -> list[str]:
    """Return the command of one of SHELLS."""
    name, *options = words.split()
    return [program(name), *options]


def docker_compose() -> str:
    """Return Compose itself, which needs no engine to read files."""
    return program("docker-compose", str(Path.home() / ".docker/cli-plugins"), *_PLUGINS)


def run(
    command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end in a folder, with nothing in its environment but PATH, HOME and what is given."""
    return subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def write_program(path: Path, text: str) -> None:
    """Write a program that a test puts in the way of a real one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
    path.chmod(0o755)
