"""The real parts of a cell: sshd, PostgreSQL, Valkey and the programs of Shiplog, each with a process that can be hurt."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.kit import child
from app.remote.keys import generate_private_key, read_private_key
from app.remote.loopback import loopback_endpoint
from tests.rig.processes import children, free_port, started_at

REPOSITORY = Path(__file__).parents[2]
SSHD = "/usr/sbin/sshd"
PRIVATE = "faults"

SSHD_SETTINGS = """\
ListenAddress {address}:{port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
PrintMotd no
SetEnv HOME={folder}
Subsystem sftp /usr/lib/openssh/sftp-server
"""


def is_root() -> bool:
    """Tell whether this is root, with an sshd to start."""
    return os.geteuid() == 0 and Path(SSHD).exists()


@dataclass(frozen=True)
class SshServer:
    """Where the server of a cell is reached; `process` is None where it is a thread of ours."""

    host: str
    port: int
    user: str
    host_key: str
    private_key: str
    process: asyncio.subprocess.Process | None

    def pids(self) -> list[int]:
        """Return the processes that serve: the listener first, then those of its connections."""
        if self.process is None:
            return []
        found = [self.process.pid]
        for pid in found:
            found += [one for one in children(pid) if _name(one).startswith("sshd")]
        return found

    def stop(self) -> None:
        """Freeze it, as a server that sleeps."""
        for pid in self.pids():
            send(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        for pid in reversed(self.pids()):
            send(pid, signal.SIGCONT)


@asynccontextmanager
async def ssh_server(
    folder: Path, *, address: str = "127.0.0.1", before: Sequence[str] = (), private_key: str | None = None
) -> AsyncIterator[SshServer]:
    """Run a real sshd as root, else the one in process; `before` are words in front of sshd's own.

    `private_key` is whom it lets in; without one a new one is made.
    """
    host_key, private_key = generate_private_key(), private_key or generate_private_key()
    public = read_private_key(private_key).public_key
    if not is_root():
        async with loopback_endpoint(host_key=host_key, authorized_key=public) as endpoint:
            yield SshServer(endpoint.host, endpoint.port, endpoint.user, endpoint.host_key, private_key, None)
        return
    folder.mkdir(parents=True)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    (folder / "host_key").write_text(host_key)
    (folder / "host_key").chmod(0o600)
    (folder / "authorized").write_text(public)
    port = free_port()
    (folder / "config").write_text(SSHD_SETTINGS.format(folder=folder, address=address, port=port))
    with child.open_log(folder / "sshd.log") as output:
        process = await child.start([*before, SSHD, "-D", "-e", "-f", folder / "config"], output=output)
    server = SshServer(
        address, port, "root", " ".join(read_private_key(host_key).public_key.split()[:2]), private_key, process
    )
    try:
        yield server
    finally:
        server.resume()
        connections = server.pids()[1:]
        await child.stop(process, signal.SIGTERM, grace_seconds=5)
        for pid in connections:
            if _name(pid).startswith("sshd"):
                send(pid, signal.SIGTERM)


class Program:
    """One of Shiplog's processes."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str], log: Path) -> None:
        self._command = command
        self._environment = environment
        self._log = log
        self.process: asyncio.subprocess.Process | None = None

    @property
    def is_alive(self) -> bool:
        """Tell whether it runs."""
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        """Start it."""
        with child.open_log(self._log) as output:
            self.process = await child.start(
                [sys.executable, *self._command], output=output, environment=self._environment, folder=REPOSITORY
            )

    async def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            if self.is_alive:
                self.process.kill()
            await self.process.wait()

    async def stop(self) -> None:
        """End it in order."""
        if self.process is not None:
            self.signal(signal.SIGCONT)
            await child.stop(self.process, signal.SIGTERM, grace_seconds=10)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.process is not None and self.is_alive:
            self.process.send_signal(number)

    def last_words(self) -> str:
        """Return the end of what it has printed."""
        return self._log.read_text(errors="replace")[-3000:] if self._log.exists() else ""


def processes_in(folder: Path, name: str) -> list[int]:
    """Return the processes called `name` that work in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "comm").read_text().strip() == name and (entry / "cwd").readlink() == folder:
                found.append(int(entry.name))
    return found


def marked_processes(uuid: str) -> list[int]:
    """Return the living processes that carry the mark of a run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"SHIPLOG_RUN={uuid}".encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal; who is gone does not mind."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def kill_run(meta: Path) -> None:
    """Kill the supervisor and the script that a run's `meta` names, each with its group, if it is still they.

    Numbers of processes are given again soon on a busy machine: the time of the start tells.
    """
    try:
        supervisor, supervisor_start, script, script_start, *_ = map(int, meta.read_text().split()[:4])
    except (OSError, ValueError):
        return
    for pid, start in ((supervisor, supervisor_start), (script, script_start)):
        if started_at(pid) == start:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


def remove_data(folder: Path) -> None:
    """Remove what root's PostgreSQL keeps elsewhere, then the folder."""
    pointer = folder / "postgres"
    if pointer.is_symlink():
        shutil.rmtree(pointer.resolve().parent, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def system(*command: str) -> None:
    """Run a program of the system; its complaint is the error."""
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode(errors='replace').strip()}")


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
