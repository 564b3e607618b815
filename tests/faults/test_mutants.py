"""Each mutant is found by the kinds of fault that are there for it."""

import pytest

from tests.faults import mutants
from tests.faults.kinds import kind_named
from tests.faults.opening import open_cell
from tests.faults.run import run_one

TRIES = 20
"""A worker that lost its lease shows it only when it has something to write right then: in two of five runs."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("mutant", mutants.NAMES)
async def test_a_mutant_turns_the_suite_red(mutant: str) -> None:
    kind = kind_named(mutants.CAUGHT_BY[mutant][0])
    async with open_cell(mutant) as cell:
        for seed in range(5, 5 + TRIES):
            if not (await run_one(cell, kind, seed)).is_clean:
                return
    pytest.fail(f"{kind.name} does not notice {mutant}")
