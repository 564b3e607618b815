"""The short set: every kind of fault that this machine can do in a few seconds, with seeds that are always the same."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.faults.cell import Cell
from tests.faults.kinds import KINDS, kind_named, kinds_of_this_machine
from tests.faults.opening import open_cell
from tests.faults.run import run_one
from tests.faults.suite import repeat

HERE = {kind.name for kind in kinds_of_this_machine(is_long=False)}

SEEDS = {kind.name: [number] for number, kind in enumerate(KINDS, start=1) if not kind.is_long}
"""At least one of each kind."""

# Each has found something once:
SEEDS["redis: killed"].append(42)  # a worker that could not say good-bye to Redis ended
SEEDS["redis: away all the time"].append(24)  # the same
SEEDS["worker: frozen past its lease"].append(20270)  # a frozen worker's transaction kept the row locked
SEEDS["postgres: killed"].append(120186)  # the API answered 500 for a connection that had died


class Cells:
    """A cell for all runs of this process; after a run that went wrong, the next one gets a new one."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._cell: Cell | None = None

    async def get(self) -> Cell:
        if self._cell is None:
            self._cell = await self._stack.enter_async_context(open_cell())
        return self._cell

    async def leave(self) -> None:
        self._cell = None
        await self._stack.aclose()


@pytest_asyncio.fixture(scope="session")
async def cells() -> AsyncIterator[Cells]:
    found = Cells()
    yield found
    await found.leave()


@pytest.mark.parametrize(("name", "seed"), [(name, seed) for name, seeds in SEEDS.items() for seed in seeds])
async def test_nothing_is_lost_doubled_reordered_or_wrong(cells: Cells, name: str, seed: int) -> None:
    if name not in HERE:
        pytest.skip("needs root and an sshd of this machine")
    result = await run_one(await cells.get(), kind_named(name), seed)
    if not result.is_clean:
        await cells.leave()
    assert result.is_clean, "\n".join([repeat(result), *result.notes])
