"""Printing the logs of deployments while they run, with their progress below where the output is a terminal."""

import asyncio
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from app.cli.client import Api

_COLOURS = ("cyan", "magenta")
STATUS_STYLES = {"finished": "green", "failed": "red", "in_progress": "yellow", "queued": "dim"}


async def follow(
    api: Api,
    console: Console,
    deployments: Mapping[str, str],
    *,
    after: int = 0,
    timestamps: bool = False,
) -> dict[str, str]:
    """Print the logs of deployments, named by uuid, until the last one has ended; return the status of each uuid.

    A name stands before each line; one that is empty does not.
    """
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[stage]}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    width = max(map(len, deployments.values()))
    with progress:
        work = []
        for number, (uuid, name) in enumerate(deployments.items()):
            prefix = Text(f"{name:{width}} | ", style=_COLOURS[number % len(_COLOURS)]) if name else Text()
            task = progress.add_task(f"{name:{width}}", total=None, stage="queued")
            printer = LogPrinter(console, prefix, timestamps=timestamps)
            work.append(_Followed(api, uuid, printer, progress, task).until_ended(after))
        return dict(zip(deployments, await asyncio.gather(*work), strict=True))


class LogPrinter:
    """Prints entries of one log, each line with the same prefix."""

    def __init__(self, console: Console, prefix: Text, *, timestamps: bool = False) -> None:
        self._console = console
        self._prefix = prefix
        self._timestamps = timestamps

    def print(self, entry: dict[str, Any]) -> None:
        """Print an entry: the step that it opens, its command, its output."""
        stamp = Text(f"{entry['timestamp']} ", style="dim") if self._timestamps else Text()
        if entry.get("name"):
            self._line(stamp, Text(f"── {entry['name']}", style="bold"))
        if entry["command"]:
            self._line(stamp, Text(f"$ {entry['command']}", style="dim"))
        if entry["output"] != entry.get("name"):  # an entry that opens a step says its name again
            for line in entry["output"].split("\n"):
                self._line(stamp, Text.from_ansi(line))

    def _line(self, stamp: Text, text: Text) -> None:
        self._console.print(self._prefix + stamp + text, soft_wrap=True)


class _Followed:
    def __init__(self, api: Api, uuid: str, printer: LogPrinter, progress: Progress, task: TaskID) -> None:
        self._api = api
        self._uuid = uuid
        self._printer = printer
        self._progress = progress
        self._task = task

    async def until_ended(self, after: int) -> str:
        status = ""
        async for name, data in self._api.follow(self._uuid, after=after):
            if name == "message":
                self._printer.print(data)
            elif name in {"status", "end"}:
                status = str(data["status"])
            if self._progress.console.is_terminal and (name == "status" or data.get("name")):
                await self._show_stage()
        self._progress.update(self._task, stage=status, total=1, completed=1)
        return status

    async def _show_stage(self) -> None:
        row = await self._api.get(f"/deployments/{self._uuid}")
        steps = row["steps"]
        done = sum(step["finished_at"] is not None for step in steps)
        current = next((step["name"] for step in steps if step["started_at"] and not step["finished_at"]), None)
        self._progress.update(
            self._task, total=len(steps) or None, completed=done, stage=current or row["status"].replace("_", " ")
        )
