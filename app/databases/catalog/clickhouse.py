"""ClickHouse, as its makers' image runs it."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote
from xml.sax.saxutils import escape

from app.databases.definition import Columns, DatabaseDefinition, MountedFile
from app.models.standalone import StandaloneClickhouse
from app.remote.command import Secret

_PASSWORD = "/run/secrets/clickhouse-password"  # noqa: S105 - a path
_CLIENT = "/run/secrets/clickhouse-client.xml"
_OPEN_FILES = 262_144


def _environment(columns: Columns) -> Mapping[str, str]:
    # The image writes the user's file anew at every start, so a changed user or password holds from then on.
    environment = {"CLICKHOUSE_USER": columns["clickhouse_admin_user"], "CLICKHOUSE_PASSWORD_FILE": _PASSWORD}
    if columns["clickhouse_db"] != "default":
        # The one called default is there anyway, and making it would start a client with the password as an argument.
        environment["CLICKHOUSE_DB"] = columns["clickhouse_db"]
    return environment


def _files(columns: Columns) -> Sequence[MountedFile]:
    user, password = columns["clickhouse_admin_user"], columns["clickhouse_admin_password"]
    client = f"<config>\n  <user>{escape(user)}</user>\n  <password>{escape(password)}</password>\n</config>\n"
    return (
        MountedFile("clickhouse-password", _PASSWORD, Secret(password)),
        MountedFile("clickhouse-client.xml", _CLIENT, Secret(client)),
    )


def _healthcheck(_columns: Columns, uuid: str) -> Sequence[str]:
    # Under its own name: while the image initialises the data, the server listens on 127.0.0.1 alone.
    return ("CMD", "clickhouse-client", "--config-file", _CLIENT, "--host", uuid, "--query", "SELECT 1")


def _url(columns: Columns, host: str, port: int) -> str:
    user, password, database = (
        quote(columns[name], safe="")
        for name in ("clickhouse_admin_user", "clickhouse_admin_password", "clickhouse_db")
    )
    return f"clickhouse://{user}:{password}@{host}:{port}/{database}"


CLICKHOUSE = DatabaseDefinition(
    title="ClickHouse",
    model=StandaloneClickhouse,
    default_image="clickhouse/clickhouse-server:25.11",
    port=9000,
    data_volume="clickhouse-data",
    data_path=lambda _image: "/var/lib/clickhouse",
    config_path=None,
    tls=None,
    environment=_environment,
    healthcheck=_healthcheck,
    url=_url,
    files=_files,
    init_directory="/docker-entrypoint-initdb.d",
    ulimits={"nofile": {"soft": _OPEN_FILES, "hard": _OPEN_FILES}},
    move="Create a new database with the new image and bring the data over with INSERT INTO … SELECT FROM remote(…).",
    fixed=frozenset({"clickhouse_db"}),
)
