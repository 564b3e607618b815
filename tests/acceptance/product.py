"""The product as its user runs it: `shiplog api` and `shiplog worker` against a real PostgreSQL and Valkey."""

import asyncio
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from app.kit import child, encryption, private_file
from tests.rig.processes import free_port

SHIPLOG = Path(sys.executable).with_name("shiplog")
OWNER = "ada@example.com"
READY_SECONDS = 30


class Product:
    """One API and one worker process; either can be killed and started again."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        redis_url: str,
        *,
        encryption_keys: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`environment` is what its processes get besides the settings; without `encryption_keys` there is a new one."""
        self.url = ""
        self.token = ""
        self._folder = folder
        self._port = free_port()
        self._processes: dict[str, Process] = {}
        self._environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            # A lease is waited out by whoever goes on with a run: in seconds, not in the half minute of production.
            "SHIPLOG_LEASE_SECONDS": "3",
            "SHIPLOG_SWEEP_SECONDS": "0.5",
            **(environment or {}),
        }
        secrets = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "ENCRYPTION_KEYS": encryption_keys or encryption.new_key(),
        }
        for name, value in secrets.items():
            private_file.write(folder / name.lower(), value)
            self._environment[f"SHIPLOG_{name}_FILE"] = str(folder / name.lower())

    async def initialise(self) -> None:
        """Make the first user, team and root token."""
        self.token = await self._token_from("init", "--email", OWNER)

    async def make_token(self, ability: str) -> str:
        """Make another token for the same team."""
        return await self._token_from("token", "create", "--email", OWNER, "--ability", ability)

    async def run(self, *command: str) -> tuple[int | None, str]:
        """Run a command of whoever runs the product; return its exit code and what it printed."""
        process = await asyncio.create_subprocess_exec(
            SHIPLOG, *command, env=self._environment, cwd=self._folder, stdout=PIPE, stderr=STDOUT
        )
        printed = (await process.communicate())[0].decode()
        return process.returncode, printed

    async def start(self) -> None:
        """Start both and wait until the API answers."""
        await self.start_worker()
        await self.start_api()

    async def start_api(self) -> None:
        """Start the API alone and wait until it answers."""
        await self._start("api", "--port", str(self._port))
        self.url = f"http://127.0.0.1:{self._port}"
        await self._until(self._answers, "the API answers")

    async def start_worker(self) -> None:
        """Start the worker alone."""
        await self._start("worker")

    async def end(self, name: str) -> None:
        """End a process in order."""
        await child.stop(self._processes.pop(name), signal.SIGTERM, grace_seconds=10)

    async def kill(self, *names: str) -> None:
        """End processes as a power cut would."""
        for name in names:
            process = self._processes.pop(name)
            process.kill()
            await process.wait()

    async def stop(self) -> None:
        """End what runs, in order."""
        for process in self._processes.values():
            await child.stop(process, signal.SIGTERM, grace_seconds=10)

    def printed(self) -> str:
        """Return everything that both have printed, over all their lives."""
        return "".join(path.read_text(errors="replace") for path in sorted(self._folder.glob("*.log")))

    async def _start(self, name: str, *arguments: str) -> None:
        with child.open_log(self._folder / f"{name}.log") as output:
            self._processes[name] = await child.start(
                [SHIPLOG, name, *arguments], output=output, environment=self._environment, folder=self._folder
            )

    async def _token_from(self, *command: str) -> str:
        code, printed = await self.run(*command)
        found = re.search(r"\d+\|\w{20,}", printed)
        assert code == 0, printed
        assert found is not None, printed
        return found[0]

    def _answers(self) -> bool:
        assert self._processes["api"].returncode is None, self.printed()[-3000:]
        try:
            return httpx.get(f"{self.url}/api/v1/health").status_code == 200
        except httpx.TransportError:
            return False

    async def _until(self, ready: Callable[[], bool], what: str) -> None:
        for _ in range(READY_SECONDS * 10):
            if ready():
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{what}: not within {READY_SECONDS} s\n{self.printed()[-3000:]}")
