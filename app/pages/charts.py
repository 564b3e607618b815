"""Plots as plain numbers for SVG: where bars and lines go. The templates draw them; a table beside each says the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.statistics.schemas import StatisticsGroup

WIDTH = 720
HEIGHT = 180
LEFT = 44
_TOP = 8
_STEPS = (1, 2, 5)


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
    y_marks: tuple[tuple[float, float], ...]
    """(y, value) from the bottom."""
    x_marks: tuple[tuple[float, str], ...]


def bars_of(days: Sequence[StatisticsGroup]) -> Plot:
    """Return the deployments of each day, stacked by how they ended."""
    top = max((day.finished + day.failed + day.cancelled for day in days), default=0)
    marks = _marks(float(top))
    slot = (WIDTH - LEFT) / max(1, len(days))
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
    return Plot(tuple(bars), (), tuple((_y(one, marks[-1]), one) for one in marks), _days(days))


def lines_of(days: Sequence[StatisticsGroup], words: Mapping[str, Sequence[float | None]]) -> Plot:
    """Return a line for each of `words`, which has a value a day, None where there is none."""
    top = max((value for values in words.values() for value in values if value is not None), default=0)
    marks = _marks(float(top))
    lines = tuple(_line(word, values, marks[-1]) for word, values in words.items())
    return Plot((), lines, tuple((_y(one, marks[-1]), one) for one in marks), _days(days))


def _line(word: str, values: Sequence[float | None], top: float) -> Line:
    slot = (WIDTH - LEFT) / max(1, len(values))
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


def _marks(top: float) -> list[float]:
    """Return 0 and up to five round values, the last at least `top`."""
    size = 10.0**-3
    while True:
        for step in _STEPS:
            if step * size * 4 >= top:
                return [step * size * number for number in range(5)]
        size *= 10


def _days(days: Sequence[StatisticsGroup]) -> tuple[tuple[float, str], ...]:
    slot = (WIDTH - LEFT) / max(1, len(days))
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
