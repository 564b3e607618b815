"""Dragonfly, as its makers' image runs it: Redis for its clients, with flags instead of a configuration."""

from collections.abc import Sequence

from app.databases.catalog.redis_family import DATA_PATH, PORT, login_check, no_environment, password_file, redis_url
from app.databases.definition import CERTIFICATE_FILE, KEY_FILE, Columns, DatabaseDefinition, MountedFile, Tls
from app.models.standalone import StandaloneDragonfly
from app.remote.command import Secret

_NAME = "dragonfly"
_FLAGS = "/etc/dragonfly/dragonfly.flags"
_TLS = Tls(directory="/etc/dragonfly/certs", key_owner="dfly:dfly")


def _files(columns: Columns) -> Sequence[MountedFile]:
    flags = {"requirepass": columns["dragonfly_password"]}
    if columns.get("enable_ssl"):
        # Without the authority's certificate: given one, Dragonfly asks every client for a certificate of its own.
        flags |= {
            "tls": "true",
            "tls_cert_file": _TLS.path(CERTIFICATE_FILE),
            "tls_key_file": _TLS.path(KEY_FILE),
        }
    lines = "".join(f"--{name}={value}\n" for name, value in flags.items())
    return (password_file(columns, _NAME), MountedFile("dragonfly.flags", _FLAGS, Secret(lines)))


DRAGONFLY = DatabaseDefinition(
    title="Dragonfly",
    model=StandaloneDragonfly,
    default_image="docker.dragonflydb.io/dragonflydb/dragonfly",
    port=PORT,
    data_volume="dragonfly-data",
    data_path=lambda _image: DATA_PATH,
    config_path=None,
    tls=_TLS,
    environment=no_environment,
    healthcheck=lambda columns, uuid: login_check(columns, uuid, name=_NAME, client="redis-cli", tls=_TLS),
    url=lambda columns, host, port: redis_url(columns, host, port, name=_NAME),
    files=_files,
    command=lambda _columns: ("dragonfly", "--logtostderr", f"--flagfile={_FLAGS}"),
    ulimits={"memlock": -1},
)
