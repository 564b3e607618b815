"""Daemons that outlive the process that started them, and are ended by the pid written down then."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class RigError(Exception):
    """A part of the rig is missing or did not come up; the message says which and what it printed last."""


def run(
    arguments: Sequence[str | Path],
    *,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> str:
    """Run a program to its end and return its stdout; RigError with its stderr when it fails."""
    try:
        done = subprocess.run(
            arguments, input=stdin, capture_output=True, env=environment, timeout=timeout, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RigError(str(error)) from error
    if done.returncode:
        shown = " ".join(str(argument) for argument in arguments)
        raise RigError(f"{shown} ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()[-2000:]}")
    return done.stdout.decode(errors="replace")


def wait_until(ready: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Look every 50 ms until `ready`; RigError naming `what` after `seconds`."""
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            raise RigError(f"{what}: not within {seconds:g} s")
        time.sleep(0.05)


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Tell whether something accepts connections on 127.0.0.1:port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def started_at(pid: int) -> int | None:
    """Return when `pid` started, in clock ticks since boot, which tells it from a later process; None if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def children(pid: int) -> list[int]:
    """Return the pids of the processes that `pid` started and that are still its own."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@dataclass(frozen=True)
class Daemon:
    """A program in the background whose pid stands in `{folder}/{name}.pid` and whose output in `{name}.log`."""

    name: str
    folder: Path

    @property
    def _record(self) -> Path:
        return self.folder / f"{self.name}.pid"

    @property
    def _log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def pid(self) -> int | None:
        """Return the pid while the process written down is alive."""
        try:
            record = json.loads(self._record.read_text())
        except (OSError, ValueError):
            return None
        return record["pid"] if started_at(record["pid"]) == record["started"] else None

    def start(self, arguments: Sequence[str | Path], *, ready: Callable[[], bool], seconds: float = 30) -> None:
        """Start it in a session of its own and wait until it is ready; RigError with its last words otherwise."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
            )
        self._record.write_text(json.dumps({"pid": process.pid, "started": started_at(process.pid)}))
        try:
            wait_until(lambda: process.poll() is not None or ready(), seconds=seconds, what=f"{self.name} is ready")
            if process.returncode is not None:
                raise RigError(f"{self.name} ended with {process.returncode}")
        except RigError as error:
            self.stop()
            raise RigError(f"{error}\n{self.last_words()}") from error
        process.returncode = 0  # it is meant to outlive this object, which would warn about that

    def stop(self, *, seconds: float = 20) -> None:
        """End it (TERM, then KILL after `seconds`); nothing to do when it is gone."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            try:
                wait_until(lambda: self._gone(pid), seconds=seconds, what=f"{self.name} ends")
            except RigError:
                os.kill(pid, signal.SIGKILL)
                wait_until(lambda: self._gone(pid), seconds=5, what=f"{self.name} is killed")
        self._record.unlink(missing_ok=True)

    def last_words(self) -> str:
        """Return the end of its output."""
        try:
            return self._log.read_text(errors="replace")[-2000:].strip()
        except OSError:
            return ""

    def _gone(self, pid: int) -> bool:
        if self.pid() is None:
            return True
        try:
            return os.waitpid(pid, os.WNOHANG)[0] == pid  # when it is a child of this very process
        except ChildProcessError:
            return False
