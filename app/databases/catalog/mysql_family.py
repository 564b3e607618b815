"""What MySQL and MariaDB have in common: root and one user with a database of its own, both read once."""

from collections.abc import Callable, Mapping, Sequence
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
from app.databases.versions import Version
from app.models.standalone.columns import StandaloneMixin
from app.remote.command import Secret

_CERTIFICATES = "/etc/mysql/certs"
_CONFIG = "/etc/mysql/conf.d/custom-config.cnf"
CA_PATH = f"{_CERTIFICATES}/{CA_FILE}"


def mysql_like(
    model: type[StandaloneMixin],
    *,
    title: str,
    default_image: str,
    server: str,
    client: str,
    client_options: Callable[[Columns], Sequence[str]],
    url_mode: Callable[[Columns], str],
    needs_tls: Callable[[Columns], bool],
    cannot_read: Callable[[Version, Version], bool],
    dump: str,
    modes: tuple[str, ...] = (),
    default_mode: str | None = None,
) -> DatabaseDefinition:
    """Return the definition of a type whose columns, volume and variables begin with its slug."""
    name = model.resource_type.removeprefix("standalone-")
    tls = Tls(directory=_CERTIFICATES, key_owner="mysql:mysql", modes=modes, default_mode=default_mode)

    def command(columns: Columns) -> Sequence[str]:
        if not columns.get("enable_ssl"):
            return ()
        flags = {"ssl-ca": CA_PATH, "ssl-cert": tls.path(CERTIFICATE_FILE), "ssl-key": tls.path(KEY_FILE)}
        if needs_tls(columns):
            flags["require-secure-transport"] = "ON"
        return (server, *(f"--{flag}={value}" for flag, value in flags.items()))

    def healthcheck(_columns: Columns, uuid: str) -> Sequence[str]:
        # Under its own name: while the image initialises the data, the server listens on the socket alone.
        login = (f"--defaults-extra-file={_client_path(name)}", "-h", uuid, "-P", "3306")
        return ("CMD", client, *login, "--batch", "--skip-column-names", "-e", "SELECT 1")

    def url(columns: Columns, host: str, port: int) -> str:
        user, password, database = (
            quote(columns[f"{name}_{column}"], safe="") for column in ("user", "password", "database")
        )
        mode = f"?ssl-mode={url_mode(columns)}" if columns.get("enable_ssl") else ""
        return f"mysql://{user}:{password}@{host}:{port}/{database}{mode}"

    return DatabaseDefinition(
        title=title,
        model=model,
        default_image=default_image,
        port=3306,
        data_volume=f"{name}-data",
        data_path=lambda _image: "/var/lib/mysql",
        config_path=_CONFIG,
        tls=tls,
        environment=lambda columns: _environment(columns, name),
        healthcheck=healthcheck,
        url=url,
        files=lambda columns: _files(columns, name, client_options(columns)),
        command=command,
        init_directory="/docker-entrypoint-initdb.d",
        cannot_read=cannot_read,
        move=f"Create a new database with the new image and bring the data over with {dump} and {client}.",
        fixed=frozenset(f"{name}_{column}" for column in ("root_password", "user", "password", "database")),
    )


def _environment(columns: Columns, name: str) -> Mapping[str, str]:
    prefix = name.upper()
    return {
        f"{prefix}_ROOT_PASSWORD_FILE": f"/run/secrets/{name}-root-password",
        f"{prefix}_USER": columns[f"{name}_user"],
        f"{prefix}_PASSWORD_FILE": f"/run/secrets/{name}-password",
        f"{prefix}_DATABASE": columns[f"{name}_database"],
    }


def _files(columns: Columns, name: str, client_options: Sequence[str]) -> Sequence[MountedFile]:
    root, own = f"{name}-root-password", f"{name}-password"
    files = [
        MountedFile(root, f"/run/secrets/{root}", Secret(columns[f"{name}_root_password"])),
        MountedFile(own, f"/run/secrets/{own}", Secret(columns[f"{name}_password"])),
        MountedFile(f"{name}-client.cnf", _client_path(name), Secret(_client(columns, name, client_options))),
    ]
    if config := columns.get(f"{name}_conf"):
        files.append(MountedFile("custom-config.cnf", _CONFIG, Secret(config)))
    return files


def _client_path(name: str) -> str:
    return f"/run/secrets/{name}-client.cnf"


def _client(columns: Columns, name: str, options: Sequence[str]) -> str:
    """Return the options of the client that is the health check."""
    texts = {column: _quoted(columns[f"{name}_{column}"]) for column in ("user", "password", "database")}
    return "\n".join(["[client]", *(f"{key}={text}" for key, text in texts.items()), "protocol=tcp", *options, ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
