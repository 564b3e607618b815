"""PostgreSQL, as the official image runs it."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from app.databases.definition import Columns, DatabaseDefinition, MountedFile, Tls
from app.models.standalone import StandalonePostgresql
from app.remote.command import Secret

_CONFIG = "/etc/postgresql/postgresql.conf"
_PASSWORD = "/run/secrets/postgres-password"  # noqa: S105 - a path
_TLS = Tls(
    directory="/var/lib/postgresql/certs",
    key_owner="postgres:postgres",
    modes=("allow", "prefer", "require", "verify-ca", "verify-full"),
    default_mode="require",
)
_MAJOR = re.compile(r":(?:[\w.-]*pg)?(\d{1,2})(?!\d)[\w.-]*$")  # 17.2-alpine, pg17, latest-pg17


def _data_path(image: str) -> str:
    # From 18 on the official image keeps its data one level higher. Of a tag without a number the older layout is
    # assumed: should it be a newer image it refuses to start, while the other way round its data would be in no volume.
    found = _MAJOR.search(image.partition("@")[0])
    return "/var/lib/postgresql" if found and int(found[1]) >= 18 else "/var/lib/postgresql/data"


def _environment(columns: Columns) -> Mapping[str, str]:
    optional = {
        "POSTGRES_INITDB_ARGS": columns.get("postgres_initdb_args"),
        "POSTGRES_HOST_AUTH_METHOD": columns.get("postgres_host_auth_method"),
    }
    return {
        "POSTGRES_USER": columns["postgres_user"],
        "POSTGRES_DB": columns["postgres_db"],
        "POSTGRES_PASSWORD_FILE": _PASSWORD,
        "PGUSER": columns["postgres_user"],
        **{name: value for name, value in optional.items() if value},
    }


def _files(columns: Columns) -> Sequence[MountedFile]:
    password = MountedFile("postgres-password", _PASSWORD, Secret(columns["postgres_password"]))
    if not (config := columns.get("postgres_conf")):
        return (password,)
    if not re.search(r"^\s*listen_addresses\b", config, re.IGNORECASE | re.MULTILINE):
        config = f"{config.rstrip()}\nlisten_addresses = '*'\n"
    return (password, MountedFile("postgresql.conf", _CONFIG, Secret(config)))


def _command(columns: Columns) -> Sequence[str]:
    return ("postgres", "-c", f"config_file={_CONFIG}") if columns.get("postgres_conf") else ()


def _healthcheck(_columns: Columns, uuid: str) -> Sequence[str]:
    # Through the network under its own name, as a client comes: the socket and 127.0.0.1 need no password in the
    # official image, and while that initialises its data, PostgreSQL listens on the socket alone.
    login = f'psql --no-psqlrc --no-password -h {uuid} -p 5432 -U "$POSTGRES_USER" -d "$POSTGRES_DB"'
    return ("CMD-SHELL", f'PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") {login} -qtAc "SELECT 1" || exit 1')


def _url(columns: Columns, host: str, port: int) -> str:
    user, password, database = (
        quote(columns[name], safe="") for name in ("postgres_user", "postgres_password", "postgres_db")
    )
    return f"postgres://{user}:{password}@{host}:{port}/{database}"


POSTGRESQL = DatabaseDefinition(
    model=StandalonePostgresql,
    default_image="postgres:16-alpine",
    port=5432,
    data_volume="postgres-data",
    data_path=_data_path,
    config_path=_CONFIG,
    tls=_TLS,
    environment=_environment,
    healthcheck=_healthcheck,
    url=_url,
    files=_files,
    command=_command,
    init_directory="/docker-entrypoint-initdb.d",
)
