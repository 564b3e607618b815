"""`shiplog deploy` and `shiplog logs`: any Shiplog, through its HTTP API, with a token from the environment or a file."""

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from app.cli.client import Api
from app.cli.following import STATUS_STYLES, LogPrinter, follow
from app.cli.problem import Problem
from app.cli.signals import run_until_signal

INTERRUPTED = 130
_PAGE = 1000


def run_deploy(uuids: Sequence[str], *, force: bool, following: bool, plain: bool) -> int:
    """Deploy resources and return the exit code: with `following` by how the deployments end."""

    async def work(api: Api, console: Console) -> int:
        answer = await api.post("/deploy", uuid=",".join(uuids), force=force)
        started = {}
        for item in answer["deployments"]:
            console.print(Text(item["message"]), soft_wrap=True)
            if item["deployment_uuid"] is not None:
                console.print(Text(f"Deployment {item['deployment_uuid']} of {item['resource_uuid']}"), soft_wrap=True)
                started[item["deployment_uuid"]] = item["resource_uuid"] if len(uuids) > 1 else ""
        is_partial = len(started) < len(answer["deployments"])
        if not following or not started:
            return int(is_partial)
        return max(await _follow(api, console, started), int(is_partial))

    return _run(work, plain=plain)


def run_logs(deployment_uuid: str, *, following: bool, tail: int | None, timestamps: bool, plain: bool) -> int:
    """Print the log of a deployment and return the exit code: with `following` by how the deployment ends."""

    async def work(api: Api, console: Console) -> int:
        printer = LogPrinter(console, Text(), timestamps=timestamps)
        path = f"/deployments/{deployment_uuid}/logs"
        after = 0
        if tail is not None:
            page = await api.get(path, tail=tail)
            _print(printer, page["entries"])
            after = page["next_after"]
        if following:
            return await _follow(api, console, {deployment_uuid: ""}, after=after, timestamps=timestamps)
        while tail is None:
            page = await api.get(path, after=after, limit=_PAGE)
            _print(printer, page["entries"])
            if page["next_after"] in {after, page["log_count"]}:
                break
            after = page["next_after"]
        return 0

    return _run(work, plain=plain)


async def _follow(api: Api, console: Console, deployments: dict[str, str], **how: Any) -> int:
    statuses = await follow(api, console, deployments, **how)
    for uuid, status in statuses.items():
        console.print(Text(f"Deployment {uuid}: {status}", style=STATUS_STYLES.get(status, "red")), soft_wrap=True)
        reason = (await api.get(f"/deployments/{uuid}"))["failure_reason"]
        if reason:
            console.print(Text(reason, style="red"), soft_wrap=True)
    return exit_code(statuses.values())


def exit_code(statuses: Iterable[str]) -> int:
    """Return 0 when all are finished, 1 when one has failed, else 130: one was cancelled."""
    found = set(statuses)
    if "failed" in found:
        return 1
    return 0 if found <= {"finished"} else INTERRUPTED


def _print(printer: LogPrinter, entries: Iterable[dict[str, Any]]) -> None:
    for entry in entries:
        printer.print(entry)


def _run(work: Callable[[Api, Console], Awaitable[int]], *, plain: bool) -> int:
    url, token = _access()

    async def connected() -> int:
        async with Api(url, token) as api:
            return await work(api, Console(highlight=False, no_color=plain or None))

    return run_until_signal(connected(), interrupted=INTERRUPTED)


def _access() -> tuple[str, str]:
    """Return URL and token; a token never stands among the arguments, where every user of the machine sees it."""
    url, token, file = (os.environ.get(f"SHIPLOG_{name}", "") for name in ("URL", "TOKEN", "TOKEN_FILE"))
    if token and file:
        raise Problem("Set SHIPLOG_TOKEN or SHIPLOG_TOKEN_FILE, not both.", exit_code=2)
    if file:
        try:
            token = Path(file).read_text().strip()
        except OSError as error:
            raise Problem(f"{file}: {error.strerror}.", exit_code=2) from None
    if not token:
        raise Problem("Set SHIPLOG_TOKEN_FILE to a file with an API token, or SHIPLOG_TOKEN to the token.", exit_code=2)
    if not url.startswith(("http://", "https://")):
        raise Problem("Set SHIPLOG_URL to where the API is, for example https://shiplog.example.org.", exit_code=2)
    return url.rstrip("/").removesuffix("/api/v1"), token
