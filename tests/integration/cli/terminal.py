"""The commands without a process of their own: their work, on an API in this process, and what they print."""

import io
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from app.cli.client import Api
from app.cli.output import Output


@dataclass(frozen=True)
class Terminal:
    """Where somebody types who is logged in."""

    api: Api

    async def run(self, work: Callable[..., Awaitable[int | None]], **typed: Any) -> str:
        """Return what a command prints that ends with exit code 0."""
        code, printed = await self.ended(work, **typed)
        assert code == 0, printed
        return printed

    async def json(self, work: Callable[..., Awaitable[int | None]], **typed: Any) -> Any:
        """Return what a command prints with `--json`."""
        _, printed = await self.ended(work, as_json=True, **typed)
        return json.loads(printed)

    async def ended(
        self, work: Callable[..., Awaitable[int | None]], *, as_json: bool = False, **typed: Any
    ) -> tuple[int, str]:
        """Return exit code and output of a command."""
        console = Console(file=io.StringIO(), highlight=False)
        code = await work(self.api, Output(as_json=as_json, console=console), **typed)
        assert isinstance(console.file, io.StringIO)
        return code or 0, console.file.getvalue()
