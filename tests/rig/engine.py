"""The Docker engine on the default socket: one that answers is used and left alone, otherwise one of our own."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.rig.processes import Daemon, RigError, run

SOCKET = "unix:///var/run/docker.sock"  # where `docker` looks when somebody logged in over SSH types it


def docker(
    *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None, timeout: float = 120
) -> str:
    """Run `docker` against the rig's engine whatever this process's own Docker context is; return its stdout."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    variables |= {"DOCKER_HOST": SOCKET, **(environment or {})}
    return run(["docker", *arguments], stdin=stdin, environment=variables, timeout=timeout)


class Engine:
    """A dockerd whose data begin empty and are removed when it stops."""

    def __init__(self, folder: Path, runtime: Path) -> None:
        self._data = folder / "docker"
        self._runtime = runtime
        self._daemon = Daemon("dockerd", folder)

    @property
    def own(self) -> bool:
        """Whether the engine that answers was started by the rig."""
        return self._daemon.pid() is not None

    def answers(self) -> bool:
        """Tell whether an engine answers on the default socket."""
        return self.version() is not None

    def version(self) -> str | None:
        """Return the engine's version, None when none answers."""
        try:
            return docker("version", "--format", "{{.Server.Version}}", timeout=10).strip() or None
        except RigError:
            return None

    def start(self) -> None:
        """Start it unless one answers already."""
        if self.answers():
            return
        self._wipe()
        self._launch()

    def stop(self) -> None:
        """End an engine of our own, with all its containers, and remove its data; another one is left alone."""
        try:
            if not self.own and self._data.exists() and not self.answers():
                self._launch()  # it was killed, and nobody else can end the containers that live on
            if self.own:
                self._remove_everything()
        except RigError:
            pass  # it does not answer: what follows ends it all the same
        self._daemon.stop(seconds=30)
        self._wipe()

    def _launch(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True)
        self._runtime.mkdir(parents=True, exist_ok=True)
        settings = self._runtime / "daemon.json"
        settings.write_text("{}")  # the machine's own /etc/docker/daemon.json is for another engine
        options = {
            "--config-file": str(settings),
            "--data-root": str(self._data),
            "--exec-root": str(self._runtime / "exec"),
            "--pidfile": str(self._runtime / "dockerd.pid"),
            "--host": SOCKET,
            "--group": "docker",
            # Docker's own pools end after 31 networks; a suite that runs in parallel may need more for a while.
            "--default-address-pool": "base=172.28.0.0/14,size=24",
            "--log-level": "warn",
        }
        self._daemon.start(
            ["dockerd", *(word for pair in options.items() for word in pair)], ready=self.answers, seconds=60
        )

    def _remove_everything(self) -> None:
        if containers := docker("ps", "--all", "--quiet").split():
            docker("rm", "--force", "--volumes", *containers)
        docker("network", "prune", "--force")  # their bridges would stay behind

    def _wipe(self) -> None:
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mount in reversed(mounts):  # left behind when the engine was killed
            if Path(mount).is_relative_to(self._data) or Path(mount).is_relative_to(self._runtime):
                run(["umount", "--lazy", mount])
        shutil.rmtree(self._data, ignore_errors=True)
        shutil.rmtree(self._runtime, ignore_errors=True)
