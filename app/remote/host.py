"""What a host can do, as an interface: `ssh.SshHost` is the real one, `testing.ScriptedHost` the shipped fake."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from app.remote.command import Command, Secret

Channel = Literal["stdout", "stderr"]


@dataclass(frozen=True)
class Address:
    """How to reach a host. `host_key` is the pinned key as `ssh-ed25519 AAAA…`, None when it was never pinned."""

    host: str
    port: int
    user: str
    private_key: Secret
    host_key: str | None
    connect_timeout: float = 10


@dataclass(frozen=True)
class Completed:
    """A command that ended: its exit code and what it printed."""

    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class RemoteFile:
    """A file to write; `path` is relative to the folder it is written to."""

    path: str
    content: Secret | bytes
    mode: int = 0o600


class Host(Protocol):
    """A machine we can type on. Every method raises `remote.errors`."""

    async def run(self, command: Command | str, *, stdin: bytes = b"", timeout: float = 30) -> Completed:
        """Run a command to its end; `timeout` in seconds. Raises Lost when the link breaks: never a made-up exit code."""
        ...

    async def write_files(self, folder: str, files: Sequence[RemoteFile]) -> None:
        """Write files over SFTP into an absolute folder: the folder 0700 with its parents, the files as their mode says."""
        ...

    def stream(
        self, command: Command | str, *, stdin: bytes = b""
    ) -> AbstractAsyncContextManager[AsyncIterator[tuple[Channel, bytes]]]:
        """Run a command and yield what it prints as it comes; its stdin stays open until the block is left."""
        ...

    async def close(self) -> None:
        """Close the connection; what runs on the host goes on."""
        ...


class HostPool(Protocol):
    """Kept connections, one or more per address."""

    async def get(self, address: Address) -> Host:
        """Return a connected host."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
