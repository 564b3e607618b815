"""`python -m tests.faults --runs 1000 --seed 7 [--kind WORDS] [--mutant NAME]`: the long set, and its table."""

import argparse
import asyncio
import os
import sys
import time

from tests.faults import mutants
from tests.faults.kinds import kinds_of_this_machine
from tests.faults.suite import Suite


def main() -> int:
    """Run the suite and return the exit code: 1 when anything was lost, doubled, reordered or wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="runs that count, in all")
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="of the first run; the next one has the next"
    )
    parser.add_argument("--kind", default="", help="only the kinds whose name holds this")
    parser.add_argument("--cells", type=int, default=2 * (os.cpu_count() or 2), help="runs at the same time")
    parser.add_argument("--mutant", choices=mutants.NAMES, help="put a defect in: the exit code must be 1")
    parser.add_argument("--quick", action="store_true", help="without the slow kinds")
    given = parser.parse_args()
    kinds = [kind for kind in kinds_of_this_machine(is_long=not given.quick) if given.kind in kind.name]
    if given.mutant and not given.kind:
        kinds = [kind for kind in kinds if kind.name in mutants.CAUGHT_BY[given.mutant]]
    if not kinds:
        sys.stderr.write(f"no kind of fault that this machine can do is called {given.kind!r}\n")
        return 2
    _say(f"seed {given.seed}, {given.runs} runs of {len(kinds)} kinds on {given.cells} cells")
    suite = Suite(kinds, runs=given.runs, seed=given.seed, mutant=given.mutant, report=_say)
    began = time.monotonic()
    try:
        asyncio.run(suite.run(given.cells))
    except KeyboardInterrupt:
        _say("interrupted: what follows is not the whole of it")
    _say(suite.table())
    _say(f"{time.monotonic() - began:.0f} s")
    _say(suite.last_line())
    return 0 if suite.is_clean and suite.is_whole else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
