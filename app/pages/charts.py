"""Plots as plain numbers for SVG: where bars and lines go. The templates draw them; a table beside each says the same."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.statistics.schemas import StatisticsGroup

WIDE, NARROW = 1160, 560
HEIGHT = 180
LEFT = 44
_TOP = 8
_STEPS = (
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    18_000,
    36_000,
)
"""What lies between two marks of seconds: round in seconds, minutes and hours."""


@dataclass(frozen=True)
class Bar:
    """A part of a day's bar; `word` is how those deployments ended."""

    word: str
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Line:
    """Values over the days; `runs` are its stretches without a gap, as points for `<polyline>`."""

    word: str
    runs: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Plot:
    """A frame with marks on its axes, and what is drawn into it."""

    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    width: int
    y_marks: tuple[tuple[float, float], ...]
    """(y, value) from the bottom."""
    x_marks: tuple[tuple[float, str], ...]


def bars_of(days: Sequence[StatisticsGroup]) -> Plot:
    """Return the deployments of each day, stacked by how they ended."""
    top = max((day.finished + day.failed + day.cancelled for day in days), default=0)
    marks = _marks(float(top), _counts())
    slot = (WIDE - LEFT) / max(1, len(days))
    bars = []
    for number, day in enumerate(days):
        floor = float(HEIGHT)
        for word in ("finished", "failed", "cancelled"):
            count = getattr(day, word)
            height = (HEIGHT - _TOP) * count / marks[-1]
            floor -= height
            if count:
                x = LEFT + number * slot + slot * 0.15
                bars.append(Bar(word, _r(x), _r(floor), _r(slot * 0.7), _r(height), f"{day.group}: {count} {word}"))
    return Plot(tuple(bars), (), WIDE, tuple((_y(one, marks[-1]), one) for one in marks), _days(days, WIDE))


def lines_of(days: Sequence[StatisticsGroup], words: Mapping[str, Sequence[float | None]]) -> Plot:
    """Return a line for each of `words`, which has a value a day, None where there is none."""
    top = max((value for values in words.values() for value in values if value is not None), default=0)
    marks = _marks(float(top), _STEPS)
    lines = tuple(_line(word, values, marks[-1]) for word, values in words.items())
    return Plot((), lines, NARROW, tuple((_y(one, marks[-1]), one) for one in marks), _days(days, NARROW))


def _line(word: str, values: Sequence[float | None], top: float) -> Line:
    slot = (NARROW - LEFT) / max(1, len(values))
    runs: list[list[str]] = [[]]
    dots = []
    for number, value in enumerate(values):
        if value is None:
            runs.append([])
            continue
        x, y = _r(LEFT + (number + 0.5) * slot), _y(value, top)
        runs[-1].append(f"{x},{y}")
        dots.append((x, y))
    return Line(word, tuple(" ".join(run) for run in runs if len(run) > 1), tuple(dots))


def _marks(top: float, steps: Iterable[float]) -> list[float]:
    """Return 0 and up to four round values, the last at least `top`."""
    step = next((one for one in steps if one * 4 >= top), top / 4)
    return [step * number for number in range(max(1, math.ceil(top / step - 1e-9)) + 1)]


def _counts() -> Iterator[float]:
    """Yield what lies between two marks of a number of things."""
    size = 1
    while True:
        yield from (size, 2 * size, 5 * size)
        size *= 10


def _days(days: Sequence[StatisticsGroup], width: int) -> tuple[tuple[float, str], ...]:
    slot = (width - LEFT) / max(1, len(days))
    every = max(1, len(days) // 6)
    return tuple(
        (_r(LEFT + (number + 0.5) * slot), f"{date.fromisoformat(day.group):%d %b}")
        for number, day in enumerate(days)
        if number % every == every // 2
    )


def _y(value: float, top: float) -> float:
    return _r(HEIGHT - (HEIGHT - _TOP) * value / (top or 1))


def _r(number: float) -> float:
    return round(number, 1)
