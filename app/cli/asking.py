"""Running one command against the API."""

from collections.abc import Awaitable, Callable

from app.cli.access import find_access
from app.cli.client import Api
from app.cli.output import Output
from app.cli.signals import run_until_signal

INTERRUPTED = 130


def ask(work: Callable[[Api, Output], Awaitable[int | None]], *, as_json: bool = False, plain: bool = False) -> int:
    """Do `work` with the API that was chosen and return the exit code, 0 unless it says another one."""
    access = find_access()

    async def connected() -> int:
        async with Api(access.url, access.token) as api:
            return await work(api, Output(as_json=as_json, plain=plain)) or 0

    return run_until_signal(connected(), interrupted=INTERRUPTED)
