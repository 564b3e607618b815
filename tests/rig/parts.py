"""All parts of the rig at once: what is missing for them, how they start, where they are and how they end."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from tests.rig.databases import VALKEY_SERVER, upload_databases
from tests.rig.engine import SOCKET, Engine
from tests.rig.images import BUSYBOX, POSTGRES_ROOT, busybox_image, push
from tests.rig.processes import RigError, run
from tests.rig.registry import Registry, logged_in
from tests.rig.ssh import ACCOUNTS, Login, SshServer
from tests.rig.standins import upload_standins

FOLDER = Path("/var/lib/shiplog-rig")  # sshd takes no keys from below a folder that everybody may write to, like /tmp
RUNTIME = Path("/run/shiplog-rig")
CACHE = Path("/var/cache/shiplog-rig")

_PROGRAMS = ("docker", "dockerd", "docker-registry", "htpasswd", "iptables", "ssh-keygen", "sudo")
_SSHD = (Path("/usr/sbin/sshd"), Path("/usr/lib/openssh/sftp-server"))


@dataclass(frozen=True)
class Rig:
    """Where everything is. Images are full references; those whose name begins with `private` need the password."""

    engine: str
    docker_host: str
    registry: str
    private_registry: str
    username: str
    password: str
    images: dict[str, str]
    logins: dict[str, Login]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        fields: dict[str, Any] = json.loads(text)
        fields["logins"] = {name: Login(**login) for name, login in fields["logins"].items()}
        return cls(**fields)

    def to_json(self) -> str:
        """Return everything, private keys too."""
        return json.dumps(asdict(self), indent=2)


def missing() -> list[str]:
    """Name each thing that the rig needs and this machine does not have."""
    if os.geteuid() != 0:
        return ["root"]
    absent = [program for program in _PROGRAMS if shutil.which(program) is None]
    absent += [str(path) for path in (*_SSHD, BUSYBOX, VALKEY_SERVER) if not path.exists()]
    if not (CACHE / POSTGRES_ROOT).exists() and shutil.which("debootstrap") is None:
        absent.append("debootstrap")
    if "docker" not in absent:
        try:
            run(["docker", "compose", "version"], environment={**os.environ, "HOME": "/nonexistent"})
        except RigError:
            absent.append("the Docker Compose plugin")
    return absent + [f"the account {user}" for user in ACCOUNTS.values() if not _is_account(user)]


def start() -> Rig:
    """Start every part anew; RigError says which one did not come up, and then none is left running."""
    stop()
    FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
    try:
        return _start()
    except RigError:
        stop()
        raise


def running(rig: Rig) -> bool:
    """Tell whether every part that `rig` describes is still there."""
    daemons = (_registry("open"), _registry("private"), SshServer(FOLDER))
    return all(daemon.running() for daemon in daemons) and Engine(FOLDER, RUNTIME).version() == rig.engine


@contextmanager
def another_sshd(settings: str = "") -> Iterator[SshServer]:
    """Lend an sshd beside the rig's own, not started yet and ended afterwards, for tests that break or restart it."""
    folder = Path(tempfile.mkdtemp(prefix="another-sshd-", dir=FOLDER))
    folder.chmod(0o755)
    server = SshServer(folder, settings)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def stop() -> None:
    """End every part and remove its data; the cache stays."""
    steps: tuple[Callable[[], None], ...] = (
        SshServer(FOLDER).stop,
        *(SshServer(folder).stop for folder in FOLDER.glob("another-sshd-*")),  # of tests that were killed
        Engine(FOLDER, RUNTIME).stop,
        _registry("open").stop,
        _registry("private").stop,
    )
    for step in steps:
        step()
    shutil.rmtree(FOLDER, ignore_errors=True)


def _start() -> Rig:
    engine = Engine(FOLDER, RUNTIME)
    engine.start()
    version = engine.version()
    if version is None:
        raise RigError("the Docker engine went away again")
    open_registry, private_registry = _registry("open"), Registry(FOLDER, "private", username="rig")
    open_registry.start()
    private_registry.start()
    return Rig(
        engine=version,
        docker_host=SOCKET,
        registry=open_registry.address,
        private_registry=private_registry.address,
        username=private_registry.username or "",
        password=private_registry.password or "",
        images=_push_images(open_registry, private_registry),
        logins=SshServer(FOLDER).start(),
    )


def _push_images(open_registry: Registry, private_registry: Registry) -> dict[str, str]:
    images = {f"web-{number}": f"{open_registry.address}/web:{number}" for number in (1, 2)}
    for reference in images.values():
        busybox_image(reference)
        push(reference)
    images |= upload_databases(open_registry.address, CACHE)
    images |= upload_standins(open_registry.address)
    images["private-web"] = f"{private_registry.address}/web:1"
    busybox_image(images["private-web"])
    username, password = private_registry.username or "", private_registry.password or ""
    with logged_in(private_registry.address, username, password) as environment:
        push(images["private-web"], environment)
    return images


def _registry(name: str) -> Registry:
    return Registry(FOLDER, name)


def _is_account(user: str) -> bool:
    return any(line.startswith(f"{user}:") for line in Path("/etc/passwd").read_text().splitlines())
