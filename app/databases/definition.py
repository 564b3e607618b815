"""What a database type has to say about itself, so that one engine can run all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.databases.versions import Version, is_older, version_of
from app.models.resource import secret_columns
from app.models.standalone.columns import StandaloneMixin
from app.remote.command import Secret

Columns = Mapping[str, Any]
"""The columns of a database's row by name, as its snapshot holds them."""


TLS_FOLDER = "tls"
CA_FILE = "ca.pem"
CERTIFICATE_FILE = "server.crt"
KEY_FILE = "server.key"
KEY_AND_CERTIFICATE_FILE = "server.pem"


@dataclass(frozen=True)
class MountedFile:
    """A file that the container reads: `name` in the resource's folder, `target` in the container.

    The container's own user has to read it, so it is 0644 below a folder that nobody else on the server can enter.
    """

    name: str
    target: str
    content: Secret


@dataclass(frozen=True)
class Tls:
    """Where a type has its certificate: `TLS_FOLDER` of the resource's folder, read-only under `directory`."""

    directory: str
    key_owner: str
    """Whose the key has to be, as `postgres:postgres`: user and group by their names in the image."""
    modes: tuple[str, ...] = ()
    """What `ssl_mode` can be; empty: the type has no such column."""
    default_mode: str | None = None

    def path(self, name: str) -> str:
        """Return where the container finds one of the files, such as `CA_FILE`."""
        return f"{self.directory}/{name}"

    def mode(self, columns: Columns) -> str | None:
        """Return how strict a database is; None for a type without modes."""
        return columns.get("ssl_mode") or self.default_mode


def _no_files(_columns: Columns) -> Sequence[MountedFile]:
    return ()


def _no_command(_columns: Columns) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class DatabaseDefinition:
    """One database type. Everything that only some types have is an optional field with a name of its own."""

    title: str
    """What people call it, as `PostgreSQL`."""
    model: type[StandaloneMixin]
    default_image: str
    port: int
    data_volume: str
    """The volume's name without the uuid, as `postgres-data`."""
    data_path: Callable[[str], str]
    """Where an image keeps its data."""
    config_path: str | None
    """Where the container finds the user's own configuration; its file in the folder has the same name."""
    tls: Tls | None
    """How it speaks TLS when `enable_ssl` is set; None: it never does."""
    environment: Callable[[Columns], Mapping[str, str]]
    """The container's variables; they are visible in `docker inspect`, so a secret is never one of them."""
    healthcheck: Callable[[Columns, str], Sequence[str]]
    """Compose's `test` for a database that is called `uuid`: a login with the password, as a client would."""
    url: Callable[[Columns, str, int], str]
    """The URL of a client that reaches it under a host and a port."""
    files: Callable[[Columns], Sequence[MountedFile]] = _no_files
    """Secrets and configuration."""
    command: Callable[[Columns], Sequence[str]] = _no_command
    """Arguments of the container, visible in `ps`; empty: those of the image."""
    init_directory: str | None = None
    """Where the image looks for scripts to run over new data."""
    more_volumes: Mapping[str, str] = field(default_factory=dict)
    """Further volumes: name without the uuid → path."""
    ulimits: Mapping[str, Any] = field(default_factory=dict)
    optional_files: tuple[str, ...] = ()
    """Files that it has or has not, beside its configuration and its init scripts."""
    version: Callable[[str], Version | None] = version_of
    """Which version an image is; None when its name does not say."""
    cannot_read: Callable[[Version, Version], bool] = is_older
    """Whether data that the first version wrote are in danger under the second."""
    move: str = "Create a new database with the new image and copy the data over."
    """How to get data to a version that cannot read them; a sentence."""
    fixed: frozenset[str] = frozenset()
    """The columns that the image reads only when it initialises an empty data folder."""

    @property
    def type(self) -> str:
        """The type string, as `standalone-postgresql`."""
        return self.model.resource_type

    @property
    def slug(self) -> str:
        """The type in a path of the API, as `postgresql`."""
        return self.type.removeprefix("standalone-")

    @property
    def secret_columns(self) -> tuple[str, ...]:
        """The columns whose values are redacted from every log."""
        return secret_columns(self.model)

    def volumes(self, image: str) -> Mapping[str, str]:
        """Return every volume by its name without the uuid, with its path in the container."""
        return {self.data_volume: self.data_path(image), **self.more_volumes}

    def internal_url(self, columns: Columns, uuid: str) -> str:
        """Return the URL inside the destination network, where the database answers to its uuid."""
        return self.url(columns, uuid, self.port)

    def external_url(self, columns: Columns, host: str, port: int) -> str:
        """Return the URL for clients outside, through the published port of its server."""
        return self.url(columns, f"[{host}]" if ":" in host else host, port)
