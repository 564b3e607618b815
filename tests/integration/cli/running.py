"""`shiplog up` and `shiplog demo` as a person starts them: a process of their own, its answer and its end."""

import asyncio
import json
import os
import pwd
import shutil
import signal
import stat
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[3]
SECONDS = 90


def environment(**more: str) -> dict[str, str]:
    """Return an environment with nothing of Shiplog's in it but `more`."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", **more}


async def start(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    cwd: Path | None = None,
    python: str = sys.executable,
    stdin: int = DEVNULL,
) -> Process:
    """Start `shiplog` with its stdout and stderr as pipes; `user` is an account to run as, for root only."""
    account: dict[str, Any] = {}
    if user is not None:
        entry = pwd.getpwnam(user)
        account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return await asyncio.create_subprocess_exec(
        *(python, "-P", "-m", "app"),
        *map(str, arguments),
        env=env or environment(),
        cwd=cwd,
        stdin=stdin,
        stdout=PIPE,
        stderr=PIPE,
        **account,
    )


async def ended(process: Process) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of a process that ends by itself."""
    out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def line_of(process: Process) -> str:
    """Return the next line of a process's stdout."""
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), SECONDS)).decode().rstrip("\n")


async def shiplog(*arguments: str | Path, **options: Any) -> tuple[int, str, str]:
    """Run a command to its end and return exit code, stdout and stderr."""
    return await ended(await start(*arguments, **options))


@dataclass
class Up:
    """`shiplog up --json` that serves."""

    process: Process
    line: str
    processes: dict[int, str]
    """It and all its descendants: the time each was started, by its id."""

    @property
    def ready(self) -> dict[str, str]:
        """The JSON of its one line."""
        answer: dict[str, str] = json.loads(self.line)
        return answer

    async def request(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send a request to its API with its token."""
        headers = {"Authorization": f"Bearer {self.ready['token']}"}
        async with httpx.AsyncClient(base_url=f"{self.ready['url']}/api/v1", headers=headers, timeout=20) as client:
            return await client.request(method, path, json=body)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Signal it, and return exit code, the rest of stdout and all of stderr."""
        self.process.send_signal(number)
        return await ended(self.process)

    def left(self) -> list[int]:
        """Return which of its processes live on."""
        return [pid for pid, started in self.processes.items() if _started(pid) == started]


async def up(*arguments: str | Path, **options: Any) -> Up:
    """Start `shiplog up --json` and return when it serves."""
    process = await start("up", "--json", *arguments, **options)
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), SECONDS)).decode()
    if not line:
        raise AssertionError(f"it does not serve: {await ended(process)}")
    return Up(process, line, {pid: _started(pid) for pid in descendants(process.pid)})


async def kill(serving: Up) -> None:
    """End the main process alone, as the kernel does when memory is short."""
    serving.process.kill()
    await asyncio.wait_for(serving.process.communicate(), SECONDS)


def descendants(pid: int) -> list[int]:
    """Return a process and everything below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += descendants(int(child))
    return found


def commandline(pid: int) -> bytes:
    """Return the words of a process, each with a NUL behind it."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def modes(folder: Path) -> dict[str, int]:
    """Return the mode of everything in a data folder but what PostgreSQL keeps there."""
    found = {}
    for path in folder.rglob("*"):
        if "postgres" not in path.relative_to(folder).parts and not path.is_symlink():
            found[str(path.relative_to(folder))] = stat.S_IMODE(path.stat().st_mode)
    return found


def remove(folder: Path) -> None:
    """Remove a data folder, and PostgreSQL's data where those are elsewhere because root made them."""
    pointer = folder / "postgres"
    if pointer.is_symlink():
        shutil.rmtree(pointer.resolve().parent)
    shutil.rmtree(folder, ignore_errors=True)


def secrets_of(folder: Path, names: Sequence[str]) -> list[str]:
    """Return the secrets in files of a data folder, those in URLs without what surrounds them."""
    found = []
    for name in names:
        text = (folder / name).read_text().strip()
        found.append(text.partition("@")[0].rpartition(":")[2] if name.endswith(".url") else text.splitlines()[-1])
    return found


def _started(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
