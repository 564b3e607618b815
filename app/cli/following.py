"""Printing the logs of deployments while they run, with their progress below where the output is a terminal."""

import asyncio
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from app.cli.client import Api

_POLL_SECONDS = 0.25
_RUNNING = ("queued", "in_progress")
_COLOURS = ("cyan", "magenta")
STATUS_STYLES = {"finished": "green", "failed": "red", "in_progress": "yellow", "queued": "dim"}


async def follow(api: Api, console: Console, deployments: Mapping[str, str]) -> dict[str, str]:
    """Print the logs of deployments, named by uuid, until the last one has ended; return the status of each uuid."""
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
            prefix = Text(f"{name:{width}} | ", style=_COLOURS[number % len(_COLOURS)])
            task = progress.add_task(f"{name:{width}}", total=None, stage="queued")
            work.append(_Followed(api, uuid, prefix, progress, task).until_ended())
        return dict(zip(deployments, await asyncio.gather(*work), strict=True))


class _Followed:
    def __init__(self, api: Api, uuid: str, prefix: Text, progress: Progress, task: TaskID) -> None:
        self._api = api
        self._uuid = uuid
        self._prefix = prefix
        self._progress = progress
        self._task = task

    async def until_ended(self) -> str:
        last = 0
        while True:
            page = await self._api.get(f"/deployments/{self._uuid}/logs", after=last)
            for entry in page["entries"]:
                self._print(entry)
                last = entry["order"]
            if page["status"] not in _RUNNING and last >= page["log_count"]:
                self._progress.update(self._task, stage=page["status"], total=1, completed=1)
                return str(page["status"])
            if not page["entries"]:
                if self._progress.console.is_terminal:
                    await self._show_stage()
                await asyncio.sleep(_POLL_SECONDS)

    async def _show_stage(self) -> None:
        row = await self._api.get(f"/deployments/{self._uuid}")
        steps = row["steps"]
        done = sum(step["finished_at"] is not None for step in steps)
        current = next((step["name"] for step in steps if step["started_at"] and not step["finished_at"]), None)
        self._progress.update(
            self._task, total=len(steps) or None, completed=done, stage=current or row["status"].replace("_", " ")
        )

    def _print(self, entry: dict[str, Any]) -> None:
        if entry["hidden"]:
            return
        if entry.get("name"):
            self._line(Text(f"── {entry['name']}", style="bold"))
        if entry["command"]:
            self._line(Text(f"$ {entry['command']}", style="dim"))
        if entry["output"] != entry.get("name"):  # an entry that opens a step says its name again
            for line in entry["output"].splitlines():
                self._line(Text.from_ansi(line))

    def _line(self, text: Text) -> None:
        self._progress.console.print(self._prefix + text, soft_wrap=True)
