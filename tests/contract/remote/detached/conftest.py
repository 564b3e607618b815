"""Runs on this machine, under each of the three shells."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.remote.detached.local_host import SHELLS, LocalHost, search_path
from tests.contract.remote.detached.runs import Runs


@pytest.fixture(scope="session", params=SHELLS)
def tools(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A search path where `sh` is one of the three shells."""
    return search_path(request.param, tmp_path_factory.mktemp("tools") / request.param)


@pytest.fixture
def host(tools: str) -> LocalHost:
    """A host whose login shell greets before anything else."""
    return LocalHost(tools, greeting="Welcome to 100 % of this machine!")


@pytest.fixture
def runs(host: LocalHost, tmp_path: Path) -> Iterator[Runs]:
    """A factory of runs."""
    made = Runs(host, tmp_path / "it's $HOME `data`" / "runs")
    yield made
    made.clear()


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts a file system, given the arguments of `mount`, and returns its folder."""
    if os.getuid() != 0:
        pytest.skip("a file system of one's own needs root (mount)")
    folders: list[Path] = []

    def mount(*arguments: str) -> Path:
        folder = tmp_path / f"mounted-{len(folders)}"
        folder.mkdir()
        done = subprocess.run(["mount", *arguments, str(folder)], capture_output=True, text=True, check=False)
        if done.returncode:
            text = f"missing: a mount of one's own ({done.stderr.strip()})"
            if os.environ.get("SHIPLOG_REQUIRE_RIG") == "1":
                pytest.fail(text)
            pytest.skip(text)
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def small_disk(mounted: Callable[..., Path]) -> Path:
    """A disk of 256 KB."""
    return mounted("-t", "tmpfs", "-o", "size=256k", "tmpfs")
