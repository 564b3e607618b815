"""The long set: many runs on several cells at once, a table by kind of fault, and how to repeat what failed."""

import asyncio
import json
import statistics
import sys
from asyncio.subprocess import PIPE
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from tests.faults.parts import REPOSITORY
from tests.faults.run import Kind, Result

TRIES = 1.5
"""Runs that did not count are made up for, up to this many times the number that is wanted."""


MOST_NOTES = 12


class Suite:
    """Runs kinds of fault until as many of them count as are wanted; every row of the table gets the same share."""

    def __init__(
        self, kinds: Sequence[Kind], *, runs: int, seed: int, mutant: str | None, report: Callable[[str], None]
    ) -> None:
        self.results: list[Result] = []
        self._kinds = list(kinds)
        self._runs = runs
        self._mutant = mutant
        self._report = report
        self._seeds = count(seed)
        self._waiting = deque(self._plan())
        self._rows = {kind.name: kind.row for kind in kinds}
        self._made_up = 0

    async def run(self, cells: int) -> None:
        """Run everything."""
        lanes = [asyncio.create_task(self._lane()) for _ in range(max(1, min(cells, len(self._waiting))))]
        await asyncio.gather(*lanes)

    def _plan(self) -> Iterator[Kind]:
        by_row = defaultdict(list)
        for kind in self._kinds:
            by_row[kind.row].append(kind)
        rows = [deque(kinds) for kinds in by_row.values()]
        for number in range(self._runs):
            row = rows[number % len(rows)]
            yield row[0]
            row.rotate(-1)

    async def _lane(self) -> None:
        arguments = ["-m", "tests.faults.lane", *([self._mutant] if self._mutant else [])]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=PIPE,
            stdout=PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=REPOSITORY,
            limit=1 << 24,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        while self._waiting:
            kind, seed = self._waiting.popleft(), next(self._seeds)
            process.stdin.write(f"{kind.name}\t{seed}\n".encode())
            line = await process.stdout.readline()
            if not line:
                self._take(kind, Result(kind.name, seed, False, 0, 0, 0, 1, 0.0, 0, ["its cell ended"]))
                return await self._lane()
            self._take(kind, Result(**json.loads(line)))
        process.stdin.close()
        await process.wait()
        return None

    def _take(self, kind: Kind, result: Result) -> None:
        self.results.append(result)
        if not result.is_clean:
            self._report(f"{repeat(result, self._mutant)}\n    " + "\n    ".join(result.notes[:MOST_NOTES]))
        elif not result.counted and self._made_up < self._runs * (TRIES - 1):
            self._made_up += 1
            self._waiting.append(kind)
        if len(self.results) % 50 == 0:
            self._report(f"… {len(self.results)} runs, {len(self._waiting)} to go")

    @property
    def is_clean(self) -> bool:
        """True when nothing was lost, doubled, reordered or wrong in any run."""
        return all(result.is_clean for result in self.results)

    @property
    def is_whole(self) -> bool:
        """True when nothing is left to run."""
        return not self._waiting

    def table(self) -> str:
        """Return the table by kind, and one line for all."""
        lines = [
            "| fault | runs | counted | ≥ 10,000 lines | lost | doubled | reordered | wrong status | median seconds |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        ]
        by_name = defaultdict(list)
        for result in self.results:
            by_name[result.kind].append(result)
            by_name[f"**{self._rows[result.kind]}**"].append(result)
        rows = list(dict.fromkeys(self._rows.values()))
        for row in rows:
            for name in (f"**{row}**", *(name for name in self._rows if self._rows[name] == row)):
                lines += [_row(name, by_name[name])] if name in by_name else []
        if self.results:
            lines.append(_row("**all**", self.results))
        return "\n".join(lines)

    def last_line(self) -> str:
        """Return what it comes to."""
        lost, doubled, reordered, wrong = _sums(self.results)
        counted = sum(result.counted for result in self.results)
        return f"faults: {counted} runs, {lost} lost, {doubled} doubled, {reordered} reordered, {wrong} wrong status"


def repeat(result: Result, mutant: str | None = None) -> str:
    """Return the command that repeats a run."""
    more = f" --mutant {mutant}" if mutant else ""
    return f'python -m tests.faults --runs 1 --seed {result.seed} --kind "{result.kind}"{more}'


def _sums(results: Sequence[Result]) -> tuple[int, int, int, int]:
    return (
        sum(one.lost for one in results),
        sum(one.doubled for one in results),
        sum(one.reordered for one in results),
        sum(one.wrong_status for one in results),
    )


def _row(name: str, results: Sequence[Result]) -> str:
    counted = [one for one in results if one.counted]
    figures = (len(results), len(counted), sum(one.lines >= 10_000 for one in counted), *_sums(results))
    median = statistics.median(one.seconds for one in results)
    return f"| {name} | {' | '.join(map(str, figures))} | {median:.1f} |"
