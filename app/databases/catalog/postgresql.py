"""PostgreSQL, as the official image runs it."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from app.databases.definition import (
    CA_FILE,
    CERTIFICATE_FILE,
    KEY_FILE,
    Columns,
    DatabaseDefinition,
    MountedFile,
    Tls,
)
from app.databases.versions import Version, is_other_major_or_older
from app.models.standalone import StandalonePostgresql
from app.remote.command import Secret

_CONFIG = "/etc/postgresql/postgresql.conf"
_ACCESS = "/etc/postgresql/pg_hba.conf"
_PASSWORD = "/run/secrets/postgres-password"  # noqa: S105 - a path
_TLS = Tls(
    directory="/etc/postgresql/certs",
    key_owner="postgres:postgres",
    modes=("allow", "prefer", "require", "verify-ca", "verify-full"),
    default_mode="require",
)
_MAJOR = re.compile(r":(?:[\w.-]*pg)?(\d{1,2})(?!\d)[\w.-]*$")  # 17.2-alpine, pg17, latest-pg17

# As initdb and the image write it, but for the last line: who comes from outside has to speak TLS.
_TLS_ONLY = """\
local all all trust
host all all 127.0.0.1/32 trust
host all all ::1/128 trust
local replication all trust
host replication all 127.0.0.1/32 trust
host replication all ::1/128 trust
hostssl all all all {method}
"""


def _version(image: str) -> Version | None:
    found = _MAJOR.search(image.partition("@")[0])
    return (int(found[1]),) if found else None


def _data_path(image: str) -> str:
    # From 18 on the official image keeps its data one level higher. Of a tag without a number the older layout is
    # assumed: should it be a newer image it refuses to start, while the other way round its data would be in no volume.
    return "/var/lib/postgresql" if (_version(image) or (0,)) >= (18,) else "/var/lib/postgresql/data"


def _needs_tls(columns: Columns) -> bool:
    return bool(columns.get("enable_ssl")) and _TLS.mode(columns) not in {"allow", "prefer"}


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
    files = [MountedFile("postgres-password", _PASSWORD, Secret(columns["postgres_password"]))]
    if config := columns.get("postgres_conf"):
        if not re.search(r"^\s*listen_addresses\b", config, re.IGNORECASE | re.MULTILINE):
            config = f"{config.rstrip()}\nlisten_addresses = '*'\n"
        files.append(MountedFile("postgresql.conf", _CONFIG, Secret(config)))
    if _needs_tls(columns):
        # Up to 13 the image stores md5 hashes unless told otherwise, and scram-sha-256 cannot check those.
        usual = "md5" if (_version(columns["image"]) or (14,)) < (14,) else "scram-sha-256"
        method = columns.get("postgres_host_auth_method") or usual
        files.append(MountedFile("pg_hba.conf", _ACCESS, Secret(_TLS_ONLY.format(method=method))))
    return files


def _command(columns: Columns) -> Sequence[str]:
    settings = []
    if columns.get("postgres_conf"):
        settings.append(f"config_file={_CONFIG}")
    if columns.get("enable_ssl"):
        certificate, key = _TLS.path(CERTIFICATE_FILE), _TLS.path(KEY_FILE)
        settings += ["ssl=on", f"ssl_cert_file={certificate}", f"ssl_key_file={key}"]
    if _needs_tls(columns):
        settings.append(f"hba_file={_ACCESS}")
    return ("postgres", *(word for setting in settings for word in ("-c", setting))) if settings else ()


def _healthcheck(columns: Columns, uuid: str) -> Sequence[str]:
    # Through the network under its own name, as a client comes: the socket and 127.0.0.1 need no password in the
    # official image, and while that initialises its data, PostgreSQL listens on the socket alone.
    login = f'psql --no-psqlrc --no-password -h {uuid} -p 5432 -U "$POSTGRES_USER" -d "$POSTGRES_DB"'
    tls = f"PGSSLMODE=verify-full PGSSLROOTCERT={_TLS.path(CA_FILE)} " if columns.get("enable_ssl") else ""
    return ("CMD-SHELL", f'{tls}PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") {login} -qtAc "SELECT 1" || exit 1')


def _url(columns: Columns, host: str, port: int) -> str:
    user, password, database = (
        quote(columns[name], safe="") for name in ("postgres_user", "postgres_password", "postgres_db")
    )
    tls = f"?sslmode={_TLS.mode(columns)}" if columns.get("enable_ssl") else ""
    return f"postgres://{user}:{password}@{host}:{port}/{database}{tls}"


POSTGRESQL = DatabaseDefinition(
    title="PostgreSQL",
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
    optional_files=("pg_hba.conf",),
    version=_version,
    cannot_read=is_other_major_or_older,
    move="Create a new database with the new image and bring the data over with pg_dumpall and psql.",
    fixed=frozenset(f"postgres_{column}" for column in ("user", "password", "db", "initdb_args", "host_auth_method")),
)
