"""The answer of a command: tables and sentences for people, or one JSON document for programs."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_STATUS_STYLES = {
    "finished": "green",
    "running:healthy": "green",
    "running": "green",
    "ready": "green",
    "ok": "green",
    "failed": "red",
    "running:unhealthy": "red",
    "not ready": "red",
    "not reachable": "red",
    "wrong": "red",
    "in_progress": "yellow",
    "queued": "dim",
    "exited": "dim",
    "cancelled-by-user": "yellow",
}
_UNBROKEN = {"Uuid", "Deployment", "Status", "Started", "Seen", "Took", "Lines"}
"""Columns that are copied from the terminal, or read at a glance, and so stay in one piece."""

_WIDEST = 1000

Item = dict[str, Any]
Column = Callable[[Item], Any]


class Output:
    """Where the answer goes. With `as_json` it is the API's own answer and nothing else is on stdout."""

    def __init__(self, *, as_json: bool = False, plain: bool = False, console: Console | None = None) -> None:
        self.as_json = as_json
        self.console = console or Console(highlight=False, no_color=plain or None)
        if not self.console.is_terminal:
            self.console.width = _WIDEST  # a table that is read by a program is not folded

    def say(self, *lines: str) -> None:
        """Tell a person something."""
        if not self.as_json:
            for line in lines:
                self.console.print(Text(line), soft_wrap=True)

    def document(self, answer: Any) -> None:
        """Print an answer for a program."""
        if self.as_json:
            print(json.dumps(answer, ensure_ascii=False), file=self.console.file, flush=True)

    def answer(self, answer: Any, *lines: str) -> None:
        """Print an answer for a program, or what it means for a person."""
        self.document(answer)
        self.say(*lines)

    def items(self, items: Sequence[Item], columns: Mapping[str, Column], *, empty: str) -> None:
        """Print items as a table; where there are none, `empty` leads to the next command."""
        self.document(items)
        if not items:
            self.say(empty)
        elif not self.as_json:
            self.console.print(_table(items, columns))


def field(name: str) -> Column:
    """Return the column that shows a field as it is."""
    return lambda item: item[name]


def _table(items: Sequence[Item], columns: Mapping[str, Column]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in columns:
        table.add_column(heading, overflow="fold", no_wrap=heading in _UNBROKEN)
    for item in items:
        table.add_row(*(_cell(column(item)) for column in columns.values()))
    return table


def _cell(value: Any) -> Text:
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    text = "" if value is None else str(value)
    return Text(text, style=_STATUS_STYLES.get(text, ""))
