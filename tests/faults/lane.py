"""A process with a cell of its own that runs what it is told to: a line `KIND<TAB>SEED` in, a line of JSON out."""

import asyncio
import json
import sys
import traceback
from dataclasses import asdict

import structlog

from tests.faults.kinds import kind_named
from tests.faults.opening import open_cell
from tests.faults.run import Result, run_one


async def main(mutant: str | None) -> None:
    """Run until there is no further line; after a run that did not end, the next one gets a new cell."""
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.PrintLoggerFactory(sys.stderr)
    )
    line = await _next_line()
    while line:
        async with open_cell(mutant) as cell:
            while line:
                kind, seed = line.rstrip("\n").split("\t")
                try:
                    result = await run_one(cell, kind_named(kind), int(seed))
                except Exception:
                    result = Result(kind, int(seed), False, 0, 0, 0, 1, 0.0, 0, [traceback.format_exc()])
                if not result.is_clean:
                    result.notes += [f"worker {name}: {one.last_words()[-400:]}" for name, one in cell.workers.items()]
                sys.stdout.write(json.dumps(asdict(result)) + "\n")
                sys.stdout.flush()
                line = await _next_line()
                if not result.is_clean:
                    break


async def _next_line() -> str:
    return await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
