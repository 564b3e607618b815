"""A production installation: compose.yaml as it stands, with secrets made by the recipe in its comments."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.rig.engine import SOCKET, docker
from tests.rig.processes import RigError, free_port, run

COMPOSE_FILE = Path(__file__).parents[2] / "compose.yaml"
READY_SECONDS = 60


class Installation:
    """Everything in compose.yaml, under a project name of its own."""

    def __init__(self, folder: Path, project: str, images: Mapping[str, str]) -> None:
        """`images` are those of shiplog, postgres and valkey; the secrets are made in `folder`."""
        self.folder = folder
        self._project = project
        self._port = free_port()
        self._environment = {f"SHIPLOG_{name.upper()}_IMAGE": images[name] for name in ("postgres", "valkey")}
        self._environment |= {"SHIPLOG_IMAGE": images["shiplog"], "SHIPLOG_LISTEN": f"127.0.0.1:{self._port}"}
        shutil.copy(COMPOSE_FILE, folder)
        self.secrets = self._make_secrets()
        """The passwords of PostgreSQL and Valkey and the encryption key."""

    @property
    def url(self) -> str:
        """Where the API is published."""
        return f"http://127.0.0.1:{self._port}/api/v1"

    def compose(self, *words: str) -> str:
        """Run `docker compose` and return its stdout."""
        options = ("--project-name", self._project, "--file", str(self.folder / COMPOSE_FILE.name))
        return docker("compose", *options, *words, environment=self._environment, timeout=300)

    def container(self, service: str) -> dict[str, Any]:
        """Return a service's only container, running or not, as `docker inspect` has it."""
        label = f"com.docker.compose.project={self._project}"
        filters = ("--filter", f"label={label}", "--filter", f"label=com.docker.compose.service={service}")
        (found,) = json.loads(docker("inspect", *docker("ps", "--all", "--quiet", *filters).split()))
        details: dict[str, Any] = found
        return details

    def execute(self, service: str, *command: str) -> str:
        """Run a command in a service's container; RigError when it fails."""
        return docker("exec", self.container(service)["Id"], *command)

    def logs(self) -> str:
        """Return what all containers have printed."""
        return self.compose("logs", "--no-color")

    async def start(self) -> None:
        """Start everything and wait until the image's health check finds the API well."""
        try:
            self.compose("up", "--detach")
        except RigError as error:
            raise AssertionError(f"{error}\n{self.logs()}") from error
        for _ in range(READY_SECONDS * 4):
            if self.container("api")["State"]["Health"]["Status"] == "healthy":
                return
            await asyncio.sleep(0.25)
        raise AssertionError(f"The API is not healthy within {READY_SECONDS} s.\n{self.logs()}")

    def remove(self) -> None:
        """Remove containers, network and volume."""
        self.compose("down", "--volumes", "--timeout", "2")

    def _make_secrets(self) -> list[str]:
        # The commands at the head of the file, as somebody would paste them.
        block = re.search(r"(?:^#   .*\n)+", COMPOSE_FILE.read_text(), re.MULTILINE)
        assert block is not None
        commands = re.sub("^#   ", "", block[0], flags=re.MULTILINE)
        commands = commands.replace("shiplog:local", self._environment["SHIPLOG_IMAGE"])
        run(["sh", "-euc", f'cd "$0"\n{commands}', self.folder], environment={**os.environ, "DOCKER_HOST": SOCKET})
        texts = {path.name: path.read_text().strip() for path in (self.folder / "secrets").iterdir()}
        valkey_password = texts["redis_url"].removeprefix("redis://:").partition("@")[0]
        return [texts["postgres_password"], valkey_password, texts["encryption_keys"]]
