"""What Redis and its relatives have in common: one password, a configuration that ends with ours, the same client."""

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
from app.models.standalone.columns import StandaloneMixin
from app.remote.command import Secret

PORT = 6379
DATA_PATH = "/data"


def redis_like(
    model: type[StandaloneMixin],
    *,
    title: str,
    default_image: str,
    config_path: str,
    user: Callable[[Columns], str] = lambda _columns: "",
) -> DatabaseDefinition:
    """Return the definition of a type whose server, client, user and columns are all called by its slug."""
    name = model.resource_type.removeprefix("standalone-")
    tls = Tls(directory=f"/etc/{name}/certs", key_owner=f"{name}:{name}")

    def files(columns: Columns) -> Sequence[MountedFile]:
        config = MountedFile(f"{name}.conf", config_path, Secret(_config(columns, name, tls)))
        return (password_file(columns, name), config)

    return DatabaseDefinition(
        title=title,
        model=model,
        default_image=default_image,
        port=PORT,
        data_volume=f"{name}-data",
        data_path=lambda _image: DATA_PATH,
        config_path=config_path,
        tls=tls,
        environment=no_environment,
        healthcheck=lambda columns, uuid: login_check(columns, uuid, name=name, client=f"{name}-cli", tls=tls),
        url=lambda columns, host, port: redis_url(columns, host, port, name=name, user=user(columns)),
        files=files,
        command=lambda _columns: (f"{name}-server", config_path),
    )


def no_environment(_columns: Columns) -> Mapping[str, str]:
    """Return nothing: these images take everything from their configuration."""
    return {}


def password_file(columns: Columns, name: str) -> MountedFile:
    """Return the file that the health check reads the password from."""
    return MountedFile(f"{name}-password", _password_path(name), Secret(columns[f"{name}_password"]))


def login_check(columns: Columns, uuid: str, *, name: str, client: str, tls: Tls) -> Sequence[str]:
    """Return a check that logs in and looks at the answer: the client ends with 0 when it is refused, too."""
    options = f" --tls --cacert {tls.path(CA_FILE)}" if columns.get("enable_ssl") else ""
    ping = f"REDISCLI_AUTH=$(cat {_password_path(name)}) {client} -h {uuid} -p {PORT}{options} ping"
    return ("CMD-SHELL", f'answer=$({ping}); echo "$answer"; test "$answer" = PONG || exit 1')


def redis_url(columns: Columns, host: str, port: int, *, name: str, user: str = "") -> str:
    """Return the URL of the first database; without a user the password alone logs in."""
    scheme = "rediss" if columns.get("enable_ssl") else "redis"
    password = quote(columns[f"{name}_password"], safe="")
    return f"{scheme}://{quote(user, safe='')}:{password}@{host}:{port}/0"


def _password_path(name: str) -> str:
    return f"/run/secrets/{name}-password"


def _config(columns: Columns, name: str, tls: Tls) -> str:
    """Return the user's text between what it may change and what it may not: of a setting the last line counts."""
    ours = [f"requirepass {_quoted(columns[f'{name}_password'])}", "daemonize no"]
    if columns.get("enable_ssl"):
        ours += ["port 0", f"tls-port {PORT}", "tls-auth-clients no"]
        ours += [f"tls-cert-file {tls.path(CERTIFICATE_FILE)}", f"tls-key-file {tls.path(KEY_FILE)}"]
    else:
        ours.append(f"port {PORT}")
    # Also with a configuration of the user's, or the first one would hide all data: a server that does not append
    # reads another file.
    theirs = (columns.get(f"{name}_conf") or "").strip("\n")
    return "\n".join(["appendonly yes", *([theirs] if theirs else []), *ours, ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
