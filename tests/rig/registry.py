"""Image registries on loopback: an open one, and one that asks for a name and a password."""

import json
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.rig.engine import docker
from tests.rig.processes import Daemon, free_port, listens, run


class Registry:
    """A docker-registry with its own storage; `username` makes it ask for a password, which is made anew."""

    def __init__(self, folder: Path, name: str, username: str | None = None) -> None:
        self.username = username
        self.password = secrets.token_urlsafe(18) if username else None
        self.port = free_port()
        self.storage = folder / name
        self._folder = folder
        self._name = name
        self._daemon = Daemon(f"registry-{name}", folder)

    @property
    def address(self) -> str:
        """Host and port, the beginning of its images' names; Docker needs no TLS for loopback."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it on what its storage holds."""
        self.storage.mkdir(parents=True, exist_ok=True)
        settings: dict[str, Any] = {
            "version": "0.1",
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.storage)}, "delete": {"enabled": True}},
            "http": {"addr": self.address, "secret": secrets.token_hex(16)},
        }
        if self.username and self.password:
            passwords = self._folder / f"{self._name}.htpasswd"
            passwords.write_text(run(["htpasswd", "-niB", self.username], stdin=self.password.encode()).strip() + "\n")
            settings["auth"] = {"htpasswd": {"realm": "rig", "path": str(passwords)}}
        file = self._folder / f"{self._name}.yml"
        file.write_text(json.dumps(settings))  # JSON is YAML
        self._daemon.start(["docker-registry", "serve", file], ready=lambda: listens(self.port))

    def running(self) -> bool:
        """Tell whether it runs."""
        return self._daemon.pid() is not None

    def stop(self) -> None:
        """End it; its storage stays."""
        self._daemon.stop()


@contextmanager
def logged_in(registry: str, username: str, password: str) -> Iterator[dict[str, str]]:
    """Yield the environment in which `docker` knows the password, kept in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="shiplog-rig-") as folder:
        environment = {"DOCKER_CONFIG": folder}
        docker(
            *("login", registry, "--username", username, "--password-stdin"),
            stdin=password.encode(),
            environment=environment,
        )
        yield environment
