"""Each type's health check, run by real shells against clients that behave as the real ones are documented to."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from app.databases.definition import DatabaseDefinition
from app.databases.registry import DEFINITIONS
from tests.programs import SHELLS, shell, write_program
from tests.snapshots import DATABASES

PASSWORD_COLUMNS = {
    "standalone-postgresql": "postgres_password",
    "standalone-redis": "redis_password",
    "standalone-mongodb": "mongo_initdb_root_password",
    "standalone-mysql": "mysql_password",
    "standalone-mariadb": "mariadb_password",
    "standalone-keydb": "keydb_password",
    "standalone-dragonfly": "dragonfly_password",
    "standalone-clickhouse": "clickhouse_admin_password",
    "standalone-valkey": "valkey_password",
}
RIGHT, WRONG = "r1ght!#%^*", "wr0ng"

# Refused without a password, the clients of the Redis family still end with 0; with a wrong one they say so and go on.
REDIS = """
[ "$REDISCLI_AUTH" = "$RIGHT" ] || { echo "AUTH failed: WRONGPASS" >&2; echo "NOAUTH Authentication required."; exit 0; }
echo PONG
"""
MYSQL = """
case $1 in --defaults-extra-file=*) ;; *) echo "unknown option" >&2; exit 7 ;; esac
grep -qxF "password=\\"$RIGHT\\"" "${1#*=}" || { echo "ERROR 1045 (28000): Access denied" >&2; exit 1; }
echo 1
"""
MONGO = """
for script; do :; done
grep -qF "db.auth(\\"root\\", \\"$RIGHT\\")" "$script" || { echo "MongoServerError: Authentication failed." >&2; exit 1; }
"""
CLICKHOUSE = """
[ "$1" = --config-file ] || exit 7
grep -qF "<password>$RIGHT</password>" "$2" || { echo "Code: 516. Authentication failed" >&2; exit 4; }
echo 1
"""
PSQL = """
[ "$PGPASSWORD" = "$RIGHT" ] || { echo "psql: error: password authentication failed" >&2; exit 2; }
echo 1
"""
CLIENTS = {
    "standalone-postgresql": {"psql": PSQL},
    "standalone-redis": {"redis-cli": REDIS},
    "standalone-mongodb": {"mongosh": MONGO},
    "standalone-mysql": {"mysql": MYSQL},
    "standalone-mariadb": {"mariadb": MYSQL},
    "standalone-keydb": {"keydb-cli": REDIS},
    "standalone-dragonfly": {"redis-cli": REDIS},
    "standalone-clickhouse": {"clickhouse-client": CLICKHOUSE},
    "standalone-valkey": {"valkey-cli": REDIS},
}
UNREACHABLE = 'echo "Could not connect to db: Connection refused" >&2; exit 1\n'


class Container:
    """A folder that stands for the container's file system, with clients that note their arguments."""

    def __init__(self, folder: Path, definition: DatabaseDefinition, password: str, **columns: Any) -> None:
        self.folder = folder
        self.definition = definition
        self.columns = {**DATABASES[definition.type], PASSWORD_COLUMNS[definition.type]: password, **columns}
        for file in definition.files(self.columns):
            path = Path(self._inside(file.target))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.content.reveal())

    def install(self, clients: dict[str, str]) -> None:
        """Put the clients where the check finds them."""
        for name, text in clients.items():
            note = f'printf "%s\\n" "$0" "$@" >>{self.folder}/arguments\n'
            write_program(self.folder / "bin" / name, note + text)

    def check(self, sh: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run the check as Docker would, with this shell for /bin/sh."""
        kind, *words = self.definition.healthcheck(self.columns, "db")
        words = [self._inside(word) for word in words]
        environment = {key: self._inside(value) for key, value in self.definition.environment(self.columns).items()}
        return subprocess.run(
            [*sh, "-c", *words] if kind == "CMD-SHELL" else ["/usr/bin/env", *words],
            env={"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "RIGHT": RIGHT, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=30,
            check=False,
        )

    def arguments(self) -> list[str]:
        """Return what the clients were called with."""
        path = self.folder / "arguments"
        return path.read_text().splitlines() if path.exists() else []

    def _inside(self, text: str) -> str:
        return text.replace("/run/secrets", f"{self.folder}/run/secrets")


@pytest.mark.parametrize("sh", SHELLS)
@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_wrong_password_is_unhealthy(name: str, sh: str, tmp_path: Path) -> None:
    for password, is_healthy in ((RIGHT, True), (WRONG, False)):
        container = Container(tmp_path / str(is_healthy), DEFINITIONS[name], password)
        container.install(CLIENTS[name])
        completed = container.check(shell(sh))
        assert (completed.returncode == 0) is is_healthy, completed
        assert container.arguments()
        assert password not in "".join(container.arguments())
        assert password not in json.dumps([*container.definition.healthcheck(container.columns, "db")])


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_server_that_does_not_answer_is_unhealthy(name: str, tmp_path: Path) -> None:
    container = Container(tmp_path, DEFINITIONS[name], RIGHT)
    container.install(dict.fromkeys(CLIENTS[name], UNREACHABLE))
    assert container.check(["sh"]).returncode == 1


@pytest.mark.parametrize("name", DEFINITIONS)
def test_it_comes_through_the_network_under_its_own_name(name: str, tmp_path: Path) -> None:
    container = Container(tmp_path, DEFINITIONS[name], RIGHT)
    container.install(CLIENTS[name])
    container.check(["sh"])
    arguments = container.arguments()
    assert "db" in arguments or f"mongodb://db:{container.definition.port}/admin" in arguments
    assert not {"localhost", "127.0.0.1", "::1"} & set(arguments)


@pytest.mark.parametrize("name", [name for name, definition in DEFINITIONS.items() if definition.tls])
def test_with_tls_it_trusts_the_authority_alone(name: str, tmp_path: Path) -> None:
    definition = DEFINITIONS[name]
    assert definition.tls is not None
    container = Container(tmp_path, definition, RIGHT, enable_ssl=True)
    container.install(CLIENTS[name])
    assert container.check(["sh"]).returncode == 0
    told = [*definition.healthcheck(container.columns, "db")]
    told += [file.content.reveal() for file in definition.files(container.columns) if "secrets" in file.target]
    assert definition.tls.path("ca.pem") in " ".join(told)


def test_an_old_image_of_mongodb_has_another_shell(tmp_path: Path) -> None:
    container = Container(tmp_path, DEFINITIONS["standalone-mongodb"], RIGHT)
    container.install({"mongo": MONGO})
    assert container.check(["sh"]).returncode == 0
    assert container.arguments()[0].endswith("/mongo")


def test_every_type_has_its_client() -> None:
    assert CLIENTS.keys() == PASSWORD_COLUMNS.keys() == DEFINITIONS.keys()
