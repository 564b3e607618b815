"""Runs of a test: made in one folder, looked into, read to their end, and ended with the test."""

import secrets
from pathlib import Path

from app.remote.detached import DetachedRun, RunState
from tests.contract.remote.detached.local_host import LocalHost, kill, marked


class Runs:
    """Makes runs in one runs folder, whose path has what a shell could stumble over, and ends them after the test."""

    def __init__(self, host: LocalHost, folder: Path) -> None:
        self.host = host
        self.folder = folder
        self._uuids: list[str] = []

    def new(self, *, host: LocalHost | None = None) -> "Run":
        uuid = f"r{secrets.token_hex(12)}"
        self._uuids.append(uuid)
        return Run(host or self.host, self.folder / uuid, uuid)

    @property
    def names(self) -> set[str]:
        return {entry.name for entry in self.folder.iterdir()}

    def clear(self) -> None:
        for uuid in self._uuids:
            for pid in marked(uuid):
                kill(pid)


class Run(DetachedRun):
    """A run whose folder the test can look into."""

    def __init__(self, host: LocalHost, path: Path, uuid: str) -> None:
        super().__init__(host, str(path), uuid)
        self.path = path
        self.uuid = uuid

    @property
    def names(self) -> set[str]:
        return {entry.name for entry in self.path.iterdir()}

    @property
    def meta(self) -> list[str]:
        return (self.path / "meta").read_text().split()

    @property
    def supervisor(self) -> int:
        return int(self.meta[0])

    def change_meta(self, position: int, value: str) -> None:
        meta = self.meta
        meta[position] = value
        (self.path / "meta").write_text(" ".join(meta) + "\n")

    async def reach(self, text: bytes) -> None:
        """Wait until the script has printed `text` on stdout."""
        seen = b""
        async with self.follow(0, 0) as chunks:
            async for chunk in chunks:
                seen += chunk.data if chunk.channel == "stdout" else b""
                if text in seen:
                    return
        raise AssertionError(f"it ended with {await self.state()} and {seen!r}")

    async def over(self, *, stdout_offset: int = 0) -> RunState:
        """Wait until it no longer runs."""
        while True:
            async with self.follow(stdout_offset, 0) as chunks:
                async for _ in chunks:
                    pass
            if (state := await self.state()).kind != "running":
                return state
