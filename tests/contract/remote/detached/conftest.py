"""Runs on this machine, under each of the three shells."""

from collections.abc import Iterator
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
