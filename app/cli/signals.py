"""Ctrl-C and SIGTERM end what runs in order."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

from app.cli.problem import Problem
from app.embedded.part import EmbeddedError


def run_until_signal(work: Coroutine[Any, Any, int], *, interrupted: int = 0) -> int:
    """Run `work` and return its exit code; a signal cancels it, which lets it clean up, and returns `interrupted`.

    Further signals change nothing: cleaning up is bounded by itself. A signal that our parent ignores (`nohup`, a job
    in the background of a script) stays ignored.
    """
    return asyncio.run(_run(work, interrupted))


async def _run(work: Coroutine[Any, Any, int], interrupted: int) -> int:
    task = asyncio.ensure_future(work)
    asked = asyncio.Event()

    def ask() -> None:
        if not asked.is_set():
            asked.set()
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, ask)
    try:
        return await task
    except asyncio.CancelledError:
        if asked.is_set():
            return interrupted
        raise
    except EmbeddedError as error:
        raise Problem(str(error)) from None
