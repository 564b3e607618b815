"""MongoDB, as the official image runs it."""

import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from app.databases.definition import (
    CA_FILE,
    KEY_AND_CERTIFICATE_FILE,
    Columns,
    DatabaseDefinition,
    MountedFile,
    Tls,
)
from app.databases.versions import is_older_or_skips_a_major
from app.models.standalone import StandaloneMongodb
from app.remote.command import Secret

_CONFIG = "/etc/mongo/mongod.conf"
_PASSWORD = "/run/secrets/mongodb-password"  # noqa: S105 - a path
_LOGIN = "/run/secrets/mongodb-login.js"
_TLS = Tls(
    directory="/etc/mongo/certs",
    key_owner="mongodb:mongodb",
    modes=("allow", "prefer", "require", "verify-full"),
    default_mode="require",
)
_SERVER_MODES = {"allow": "allowTLS", "prefer": "preferTLS"}


def _environment(columns: Columns) -> Mapping[str, str]:
    return {
        "MONGO_INITDB_ROOT_USERNAME": columns["mongo_initdb_root_username"],
        "MONGO_INITDB_ROOT_PASSWORD_FILE": _PASSWORD,
        "MONGO_INITDB_DATABASE": columns["mongo_initdb_database"],
    }


def _files(columns: Columns) -> Sequence[MountedFile]:
    password = columns["mongo_initdb_root_password"]
    login = ", ".join(json.dumps(text) for text in (columns["mongo_initdb_root_username"], password))
    # The shell of old images answers a refused login with 0 instead of an exception.
    script = f"if (!db.auth({login}) || !db.runCommand({{ping: 1}}).ok) {{\n  quit(1);\n}}\n"
    files = [
        MountedFile("mongodb-password", _PASSWORD, Secret(password)),
        MountedFile("mongodb-login.js", _LOGIN, Secret(script)),
    ]
    if config := columns.get("mongo_conf"):
        files.append(MountedFile("mongod.conf", _CONFIG, Secret(config)))
    return files


def _command(columns: Columns) -> Sequence[str]:
    arguments = ["--config", _CONFIG] if columns.get("mongo_conf") else []
    if columns.get("enable_ssl"):
        # Arguments, not lines of the configuration: the image looks for them to initialise new data without TLS.
        arguments += ["--tlsMode", _SERVER_MODES.get(_TLS.mode(columns) or "", "requireTLS")]
        arguments += ["--tlsCertificateKeyFile", _TLS.path(KEY_AND_CERTIFICATE_FILE)]
        arguments += ["--tlsCAFile", _TLS.path(CA_FILE), "--tlsAllowConnectionsWithoutCertificates"]
    return ("mongod", *arguments) if arguments else ()


def _healthcheck(columns: Columns, uuid: str) -> Sequence[str]:
    # Under its own name: while the image initialises the data, the server listens on 127.0.0.1 and asks nobody who he is.
    tls = f" --tls --tlsCAFile {_TLS.path(CA_FILE)}" if columns.get("enable_ssl") else ""
    login = f"--norc --quiet{tls} mongodb://{uuid}:27017/admin {_LOGIN}"
    return ("CMD-SHELL", f'shell=$(command -v mongosh || command -v mongo) && "$shell" {login} || exit 1')


def _url(columns: Columns, host: str, port: int) -> str:
    user, password = (
        quote(columns[name], safe="") for name in ("mongo_initdb_root_username", "mongo_initdb_root_password")
    )
    tls = f"&tls=true&tlsCAFile={_TLS.path(CA_FILE)}" if columns.get("enable_ssl") else ""
    return f"mongodb://{user}:{password}@{host}:{port}/?directConnection=true{tls}"


MONGODB = DatabaseDefinition(
    title="MongoDB",
    model=StandaloneMongodb,
    default_image="mongo:7",
    port=27017,
    data_volume="mongodb-db",
    data_path=lambda _image: "/data/db",
    config_path=_CONFIG,
    tls=_TLS,
    environment=_environment,
    healthcheck=_healthcheck,
    url=_url,
    files=_files,
    command=_command,
    init_directory="/docker-entrypoint-initdb.d",
    more_volumes={"mongodb-configdb": "/data/configdb"},
    cannot_read=is_older_or_skips_a_major,
    move=(
        "Go through every major version in between, setting the feature compatibility version each time, or bring the "
        "data to a new database with mongodump and mongorestore."
    ),
    fixed=frozenset({"mongo_initdb_root_username", "mongo_initdb_root_password", "mongo_initdb_database"}),
)
