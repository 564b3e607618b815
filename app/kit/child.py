"""Child processes that end with their parent, however that one ends, and run as another user where asked."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

# Runs between fork and exec in a process of its own: code in `preexec_fn` may deadlock in a program with threads. The
# death signal is asked for after the change of user, which clears it; a parent that died before is seen by getppid.
_LAUNCHER = """
import ctypes, os, sys
parent, death_signal, user, group = map(int, sys.argv[1:5])
if user >= 0:
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
try:
    ctypes.CDLL(None).prctl(1, death_signal)
except (AttributeError, OSError):
    pass
if os.getppid() != parent:
    sys.exit(1)
os.execv(sys.argv[5], sys.argv[5:])
"""


async def start(
    command: Sequence[str | Path],
    *,
    output: IO[bytes] | int,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    owner: tuple[int, int] | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    stdin: int = asyncio.subprocess.DEVNULL,
) -> asyncio.subprocess.Process:
    """Start `command` (its first word an absolute path) with stdout and stderr going to `output`.

    It gets `death_signal` when the calling thread ends (Linux; elsewhere it lives on), so call this from the main one.
    It is in a session of its own: Ctrl-C reaches the parent alone, which ends its children in order.
    `owner` is the (uid, gid) to run as; only root can give one.
    """
    user, group = owner or (-1, -1)
    arguments = [str(number) for number in (os.getpid(), int(death_signal), user, group)]
    return await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", _LAUNCHER, *arguments, *map(str, command),
        stdin=stdin, stdout=output, stderr=output, cwd=folder, env=environment, start_new_session=True,
    )  # fmt: skip


async def stop(process: asyncio.subprocess.Process, first: signal.Signals, *, grace_seconds: float) -> int:
    """Ask the child to end with `first`, kill it after the grace, and return its exit code."""
    for number in (first, signal.SIGKILL):
        if process.returncode is None:
            process.send_signal(number)
            try:
                await asyncio.wait_for(process.wait(), grace_seconds)
            except TimeoutError:
                continue
        break
    return await process.wait()


def open_log(path: Path) -> IO[bytes]:
    """Open a log file of mode 0600 for appending; one of over 10 MB is kept as `….1` and begun anew."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > 10_000_000:
        path.replace(path.with_name(f"{path.name}.1"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab", buffering=0)


def tail(path: Path, offset: int, *, lines: int = 10) -> str:
    """Return the last lines written to the log behind `offset`, for an error message."""
    with path.open("rb") as file:
        file.seek(offset)
        return "\n".join(file.read().decode(errors="replace").strip().splitlines()[-lines:])
