"""`shiplog up`: a whole installation until Ctrl-C."""

import asyncio
import json
import sys
from pathlib import Path

from app.cli.installation import Installation, installation
from app.cli.signals import run_until_signal
from app.logs import configure_logging


def run_up(data_dir: Path, *, port: int | None, as_json: bool) -> int:
    """Serve until a signal and return the exit code."""
    return run_until_signal(_up(data_dir, port, as_json))


def report(line: str) -> None:
    """Tell a person something beside the answer of the command: stdout may be read by a program."""
    print(f"shiplog: {line}", file=sys.stderr, flush=True)


def ready_line(running: Installation) -> str:
    """Return what a program that starts Shiplog needs to know, as one line of JSON."""
    return json.dumps(
        {
            "url": running.url,
            "docs_url": running.docs_url,
            "token": running.token,
            "data_dir": str(running.data_dir),
        }
    )


def ready_screen(running: Installation, first_steps: str = "") -> str:
    """Return what a person needs to know, with `first_steps` before the last line."""
    login = running.this_machine
    return f"""
  API       {running.url}/api/v1
  Docs      {running.docs_url}
  Token     {running.token}
            (all abilities; kept in {running.data_dir / "token"})
  Data      {running.data_dir}
  Server    this machine: {login.user}@{login.host}:{login.port} with the key {login.private_key}
{first_steps}
Ctrl-C stops Shiplog; everything is kept for the next start."""


async def _up(data_dir: Path, port: int | None, as_json: bool) -> int:
    configure_logging("WARNING")
    async with installation(data_dir, port=port, report=report) as running:
        if as_json:
            print(ready_line(running), flush=True)
        else:
            from app.cli.first_steps import first_steps

            print(f"Shiplog serves.\n{ready_screen(running, await first_steps(running))}", flush=True)
        await asyncio.Event().wait()
    return 0
