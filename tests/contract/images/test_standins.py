"""The stand-ins for images that cannot be had: they take what is rendered, and end over what the real one would not do."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.databases.definition import CA_FILE, CERTIFICATE_FILE, KEY_AND_CERTIFICATE_FILE, KEY_FILE
from app.databases.registry import definition_of
from app.databases.render import mounted_files, render_database
from tests.rig.images import RECIPES
from tests.rig.standins import LIBRARY, STAND_INS
from tests.snapshots import DATABASES, UUID

KEY = "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
SOMEBODY_ELSE = os.getuid() + 1


@dataclass
class Container:
    """What a stand-in is handed: the files below `root`, which are this process's own, variables and arguments."""

    name: str
    root: Path
    environment: dict[str, str]
    arguments: list[str]
    paths: list[str] = field(default_factory=list)

    def file(self, path: str) -> Path:
        """Where a file of the container is."""
        return self.root / path.lstrip("/")

    def write(self, path: str, content: str, mode: int = 0o644) -> None:
        """Put a file into the container."""
        self.file(path).parent.mkdir(parents=True, exist_ok=True)
        self.file(path).write_text(content)
        self.file(path).chmod(mode)

    def run_by(self, uid: int) -> None:
        """Say who the server's user is: the files are its own, or those of a login that it is not."""
        self.write("/etc/passwd", f"root:x:0:0::/root:/bin/sh\n{STAND_INS[self.name].user}:x:{uid}:{uid}::/:/bin/sh\n")

    def replace(self, path: str, old: str, new: str) -> None:
        """Change a file that the container has."""
        text = self.file(path).read_text()
        assert old in text, text
        self.file(path).write_text(text.replace(old, new))

    def start(self) -> subprocess.CompletedProcess[str]:
        """Run the entrypoint as far as it checks."""
        environment = {"PATH": os.environ["PATH"], "STANDIN_ROOT": str(self.root), "STANDIN_LIBRARY": str(LIBRARY)}
        command = ["sh", str(RECIPES / self.name / "entrypoint.sh"), *self.arguments]
        return subprocess.run(
            command, env=environment | self.environment, capture_output=True, text=True, timeout=20, check=False
        )


def rendered(name: str, root: Path, **columns: Any) -> Container:
    """Return a container as the Compose file of a database has it."""
    definition = definition_of(f"standalone-{name}")
    row = {**DATABASES[definition.type], **columns}
    compose: Any = render_database(definition, row, uuid=UUID, network="shiplog", labels={}, has_env=False)
    service = compose["services"][UUID]
    arguments = service.get("command") or [*STAND_INS[name].command]
    container = Container(name, root, dict(service.get("environment", {})), arguments)
    for file in mounted_files(definition, row):
        container.write(file.target, file.content.reveal())
        container.paths.append(file.target)
    container.run_by(SOMEBODY_ELSE)
    if row["enable_ssl"]:
        assert definition.tls is not None
        container.run_by(os.getuid())
        for file_name, content, mode in (
            (CA_FILE, CERTIFICATE, 0o644),
            (CERTIFICATE_FILE, CERTIFICATE, 0o644),
            (KEY_FILE, KEY, 0o600),
            (KEY_AND_CERTIFICATE_FILE, KEY + CERTIFICATE, 0o600),
        ):
            container.write(definition.tls.path(file_name), content, mode)
    volumes = [mount["target"] for mount in service["volumes"] if mount["type"] == "volume"]
    container.write("/proc/mounts", "".join(f"/dev/sda1 {path} ext4 rw 0 0\n" for path in volumes))
    return container


CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "mysql": {"mysql_conf": "[mysqld]\nmax_connections = 50\n"},
    "mongodb": {"mongo_conf": "systemLog:\n  verbosity: 1\n"},
    "keydb": {"keydb_conf": "maxmemory 64mb\n"},
}
SCRIPTS = {"init_scripts": [{"filename": "ships.sh", "content": "true\n"}]}
GOOD: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"{name}, plain": (name, {}) for name in STAND_INS},
    **{f"{name}, with TLS": (name, {"enable_ssl": True}) for name in STAND_INS},
    **{f"{name}, configured": (name, columns) for name, columns in CONFIGURATIONS.items()},
    **{f"{name}, with scripts": (name, SCRIPTS) for name in ("mysql", "mongodb")},
    **{
        f"{name}, {mode}": (name, {"enable_ssl": True, "ssl_mode": mode})
        for name in ("mysql", "mongodb")
        for mode in getattr(definition_of(f"standalone-{name}").tls, "modes", ())
    },
}


@pytest.mark.parametrize("case", GOOD)
def test_what_is_rendered_is_taken(case: str, tmp_path: Path) -> None:
    name, columns = GOOD[case]

    done = rendered(name, tmp_path, **columns).start()

    assert (done.returncode, done.stderr) == (0, "")
    assert "ready for connections" in done.stdout


def _without_variable(name: str) -> Callable[[Container], object]:
    return lambda container: container.environment.pop(name)


def _misnamed_variable(name: str, wrong: str) -> Callable[[Container], object]:
    return lambda container: container.environment.update({wrong: container.environment.pop(name)})


def _without_setting(path: str, old: str, new: str) -> Callable[[Container], object]:
    return lambda container: container.replace(path, old, new)


def _moved(path: str) -> Callable[[Container], object]:
    return lambda container: container.file(path).rename(container.file(f"{path}.elsewhere"))


def _run_by_another(container: Container) -> None:
    container.run_by(SOMEBODY_ELSE)


def _closed(path: str) -> Callable[[Container], object]:
    def close(container: Container) -> None:
        container.run_by(SOMEBODY_ELSE)
        container.file(path).chmod(0o600)

    return close


def _argument(*words: str) -> Callable[[Container], object]:
    return lambda container: container.arguments.extend(words)


TLS = {"enable_ssl": True}
MYSQL_PASSWORD = "/run/secrets/mysql-password"
MONGODB_PASSWORD = "/run/secrets/mongodb-password"
KEYDB = "/etc/keydb/keydb.conf"
DRAGONFLY = "/etc/dragonfly/dragonfly.flags"
WRONG: dict[str, tuple[str, dict[str, Any], Callable[[Container], object], str]] = {
    "mysql, variable missing": ("mysql", {}, _without_variable("MYSQL_USER"), "MYSQL_USER is missing"),
    "mysql, variable misnamed": (
        "mysql",
        {},
        _misnamed_variable("MYSQL_PASSWORD_FILE", "MYSQL_PASSWD_FILE"),
        "knows no variable MYSQL_PASSWD_FILE",
    ),
    "mysql, wrong path": ("mysql", {}, _moved(MYSQL_PASSWORD), f"no file {MYSQL_PASSWORD}"),
    "mysql, wrong owner": ("mysql", TLS, _run_by_another, "mysql cannot read /etc/mysql/certs/server.key"),
    "mysql, wrong mode": ("mysql", {}, _closed(MYSQL_PASSWORD), f"mysql cannot read {MYSQL_PASSWORD}"),
    "mysql, wrong argv": ("mysql", TLS, _argument("--require-secure-transport=1"), "unknown option"),
    "mongodb, variable missing": (
        "mongodb",
        {},
        _without_variable("MONGO_INITDB_ROOT_PASSWORD_FILE"),
        "MONGO_INITDB_ROOT_PASSWORD_FILE is missing",
    ),
    "mongodb, variable misnamed": (
        "mongodb",
        {},
        _misnamed_variable("MONGO_INITDB_ROOT_USERNAME", "MONGO_INITDB_ROOT_USER"),
        "knows no variable MONGO_INITDB_ROOT_USER",
    ),
    "mongodb, wrong path": (
        "mongodb",
        TLS,
        _moved("/etc/mongo/certs/server.pem"),
        "no file /etc/mongo/certs/server.pem",
    ),
    "mongodb, wrong owner": ("mongodb", TLS, _run_by_another, "mongodb cannot read /etc/mongo/certs/server.pem"),
    "mongodb, wrong mode": ("mongodb", {}, _closed(MONGODB_PASSWORD), f"mongodb cannot read {MONGODB_PASSWORD}"),
    "mongodb, wrong argv": ("mongodb", TLS, _argument("--sslMode"), "unrecognised option '--sslMode'"),
    "keydb, variable missing": ("keydb", {}, _without_setting(KEYDB, "requirepass", "#"), "has no requirepass"),
    "keydb, variable misnamed": (
        "keydb",
        {},
        _without_setting(KEYDB, "requirepass", "require-pass"),
        "Bad directive or wrong number of arguments: require-pass",
    ),
    "keydb, wrong path": ("keydb", {}, _moved(KEYDB), f"no file {KEYDB}"),
    "keydb, wrong owner": ("keydb", TLS, _run_by_another, "keydb cannot read /etc/keydb/certs/server.key"),
    "keydb, wrong mode": ("keydb", {}, _closed(KEYDB), f"keydb cannot read {KEYDB}"),
    "keydb, wrong argv": ("keydb", {}, _argument("--requirepass", "secret"), "where everybody sees it"),
    "dragonfly, variable missing": (
        "dragonfly",
        {},
        _without_setting(DRAGONFLY, "--requirepass", "#"),
        "has no requirepass",
    ),
    "dragonfly, variable misnamed": (
        "dragonfly",
        {},
        _without_setting(DRAGONFLY, "--requirepass", "--require_pass"),
        "Unknown command line flag 'require_pass",
    ),
    "dragonfly, wrong path": ("dragonfly", {}, _moved(DRAGONFLY), f"no file {DRAGONFLY}"),
    "dragonfly, wrong owner": ("dragonfly", TLS, _run_by_another, "dfly cannot read /etc/dragonfly/certs/server.key"),
    "dragonfly, wrong mode": ("dragonfly", {}, _closed(DRAGONFLY), f"dfly cannot read {DRAGONFLY}"),
    "dragonfly, wrong argv": ("dragonfly", {}, _argument("--flag-file=/x"), "Unknown command line flag"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_rendering_is_refused(case: str, tmp_path: Path) -> None:
    name, columns, spoil, message = WRONG[case]
    container = rendered(name, tmp_path, **columns)
    spoil(container)

    done = container.start()

    assert done.returncode != 0, done.stdout
    assert message in done.stderr
    assert "ready for connections" not in done.stdout


@pytest.mark.parametrize("name", STAND_INS)
def test_a_key_that_others_may_read_is_refused(name: str, tmp_path: Path) -> None:
    container = rendered(name, tmp_path, enable_ssl=True)
    tls = definition_of(f"standalone-{name}").tls
    assert tls is not None
    for key in (KEY_FILE, KEY_AND_CERTIFICATE_FILE):
        container.file(tls.path(key)).chmod(0o644)

    assert "may be read by others" in container.start().stderr


@pytest.mark.parametrize("name", STAND_INS)
def test_data_in_no_volume_are_refused(name: str, tmp_path: Path) -> None:
    container = rendered(name, tmp_path)
    container.write("/proc/mounts", "overlay / overlay rw 0 0\n")

    assert "is in no volume" in container.start().stderr


@pytest.mark.parametrize("name", STAND_INS)
def test_six_wrong_renderings_are_tried(name: str) -> None:
    kinds = {case.partition(", ")[2] for case in WRONG if case.startswith(f"{name},")}
    assert kinds == {
        "variable missing", "variable misnamed", "wrong path", "wrong owner", "wrong mode", "wrong argv",
    }  # fmt: skip
