"""What the endpoints of servers, private keys and registry logins take and answer."""

from typing import Annotated, Literal, Self

from pydantic import Field

from app.kit.schema import Description, Line, Name, RequestSchema, ResponseSchema, Timestamp
from app.models.private_key import PrivateKey
from app.models.registry_credential import RegistryCredential
from app.models.server import Server, ServerSetting
from app.servers.fields import Host, Port, RegistryHost, SecretText, User, Username
from app.servers.validation import fingerprint

_UUID = "k3v0q6n2m9x1c8b7z5a4s6d2"

Concurrent = Annotated[int, Field(ge=1, le=100)]
Seconds = Annotated[int, Field(ge=1, le=7 * 24 * 3600)]
PemOrBase64 = Annotated[
    SecretText, Field(description="An OpenSSH or PEM private key without a passphrase, or base64 of it.")
]


class PrivateKeyCreate(RequestSchema):
    """Body of `POST /security/keys`."""

    name: Name | None = Field(default=None, description="`key-…` when left out.")
    description: Description | None = None
    private_key: PemOrBase64 = Field(
        examples=["-----BEGIN OPENSSH PRIVATE KEY-----\n…\n-----END OPENSSH PRIVATE KEY-----\n"]
    )


class PrivateKeyUpdate(RequestSchema):
    """Body of `PATCH /security/keys/{uuid}`: what is left out stays."""

    name: Name | None = None
    description: Description | None = Field(default=None, description="Null removes it.")
    private_key: PemOrBase64 | None = None


class PrivateKeyAnswer(ResponseSchema):
    """A key pair."""

    uuid: str = Field(examples=[_UUID])
    description: str | None
    name: str
    public_key: str = Field(examples=["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI…"])
    fingerprint: str = Field(examples=["SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDaNmqx3Vm4nHhXhJY"])
    is_git_related: bool
    private_key: str | None = Field(default=None, description="Only with `read:sensitive`.")
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, key: PrivateKey, *, with_secrets: bool) -> Self:
        """Return the answer for a row; the private half is left out unless the caller may see it."""
        names = set(cls.model_fields) - (set() if with_secrets else {"private_key"})
        return cls(**{name: getattr(key, name) for name in names})


class ServerSettings(RequestSchema):
    """The settings that both bodies take."""

    concurrent_deployments: Concurrent | None = Field(default=None, description="Deployments at once; 2 at first.")
    concurrent_builds: Concurrent | None = Field(default=None, description="Another name of `concurrent_deployments`.")
    deployment_timeout: Seconds | None = Field(
        default=None, description="Seconds a deployment may take; 3600 at first."
    )
    dynamic_timeout: Seconds | None = Field(default=None, description="Another name of `deployment_timeout`.")
    deployment_queue_limit: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="Deployments that may wait; 25 at first."
    )
    connection_timeout: Annotated[int, Field(ge=1, le=300)] | None = Field(
        default=None, description="Seconds to wait for a connection; 10 at first."
    )
    is_build_server: bool | None = Field(default=None, description="A build server hosts no resources.")
    allow_host_paths: bool | None = Field(
        default=None,
        description="Whether Compose files may mount and read paths outside their own folder, the Docker socket included, "
        "and containers be privileged, use devices, the server's network, its processes, or more capabilities; false at "
        "first, because that is as good as root on the server.",
    )


class ServerCreate(ServerSettings):
    """Body of `POST /servers`."""

    name: Name | None = Field(default=None, description="`server-…` when left out.")
    description: Description | None = None
    ip: Host = Field(description="IPv4 or IPv6 address, or host name.")
    port: Port = 22
    user: User = "root"
    private_key_uuid: Line
    instant_validate: bool = Field(default=False, description="Also validate it now, in the background.")


class ServerUpdate(ServerSettings):
    """Body of `PATCH /servers/{uuid}`: what is left out stays."""

    name: Name | None = None
    description: Description | None = Field(default=None, description="Null removes it.")
    ip: Host | None = Field(default=None, description="Another ip or port is another machine: it is validated anew.")
    port: Port | None = None
    user: User | None = None
    private_key_uuid: Line | None = None
    instant_validate: bool = Field(default=False, description="Also validate it now, in the background.")


class ServerValidate(RequestSchema):
    """Body of `POST /servers/{uuid}/validate`."""

    accept_new_host_key: bool = Field(
        default=False, description="Pin the host key that the server shows now: for a reinstalled server."
    )
    install: Literal[False] = Field(default=False, description="Shiplog installs nothing on a server.")


class ServerSettingsAnswer(ResponseSchema):
    """What can be set per server, and what the last look at it found."""

    concurrent_deployments: int
    concurrent_builds: int = Field(description="The same as `concurrent_deployments`.")
    deployment_timeout: int
    dynamic_timeout: int = Field(description="The same as `deployment_timeout`.")
    deployment_queue_limit: int
    connection_timeout: int
    is_reachable: bool
    is_usable: bool
    is_build_server: bool
    allow_host_paths: bool
    force_disabled: bool

    @classmethod
    def of(cls, settings: ServerSetting) -> Self:
        """Return the answer for a row."""
        return cls(
            concurrent_deployments=settings.concurrent_deployments,
            concurrent_builds=settings.concurrent_deployments,
            deployment_timeout=settings.deployment_timeout,
            dynamic_timeout=settings.deployment_timeout,
            deployment_queue_limit=settings.deployment_queue_limit,
            connection_timeout=settings.connection_timeout,
            is_reachable=settings.is_reachable,
            is_usable=settings.is_usable,
            is_build_server=settings.is_build_server,
            allow_host_paths=settings.allow_host_paths,
            force_disabled=settings.force_disabled,
        )


class ServerAnswer(ResponseSchema):
    """A server."""

    uuid: str = Field(examples=[_UUID])
    description: str | None
    name: str
    ip: str = Field(examples=["192.0.2.10"])
    port: int
    user: str
    private_key_uuid: str
    is_reachable: bool = Field(description="Whether the last validation got in.")
    is_usable: bool = Field(description="Whether Docker and Compose were there, and a folder to write to.")
    host_key: str | None = Field(description="Fingerprint of the pinned host key; null before the first validation.")
    docker_version: str | None
    compose_version: str | None
    docker_needs_sudo: bool
    data_folder: str | None = Field(description="Where Shiplog keeps its files there.", examples=["/data/shiplog"])
    validated_at: Timestamp | None
    validation_logs: str | None = Field(description="What the last validation saw; its last line is the outcome.")
    settings: ServerSettingsAnswer
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, server: Server) -> Self:
        """Return the answer for a row with settings and private key loaded."""
        return cls(
            uuid=server.uuid,
            description=server.description,
            name=server.name,
            ip=server.ip,
            port=server.port,
            user=server.user,
            private_key_uuid=server.private_key.uuid,
            is_reachable=server.settings.is_reachable,
            is_usable=server.settings.is_usable,
            host_key=None if server.host_key is None else fingerprint(server.host_key),
            docker_version=server.docker_version,
            compose_version=server.compose_version,
            docker_needs_sudo=server.docker_needs_sudo,
            data_folder=server.data_folder,
            validated_at=server.validated_at,
            validation_logs=server.validation_logs,
            settings=ServerSettingsAnswer.of(server.settings),
            created_at=server.created_at,
            updated_at=server.updated_at,
        )


class RegistryCreate(RequestSchema):
    """Body of `POST /registries`."""

    registry_host: RegistryHost
    username: Username
    password: SecretText = Field(examples=["a-token-of-the-registry"])


class RegistryUpdate(RequestSchema):
    """Body of `PATCH /registries/{uuid}`: what is left out stays."""

    registry_host: RegistryHost | None = None
    username: Username | None = None
    password: SecretText | None = None


class RegistryAnswer(ResponseSchema):
    """A login at an image registry, used by every deployment of the team."""

    uuid: str = Field(examples=[_UUID])
    registry_host: str = Field(examples=["registry.example.com:5000"])
    username: str
    password: str | None = Field(default=None, description="Only with `read:sensitive`.")
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, credential: RegistryCredential, *, with_secrets: bool) -> Self:
        """Return the answer for a row; the password is left out unless the caller may see it."""
        names = set(cls.model_fields) - (set() if with_secrets else {"password"})
        return cls(**{name: getattr(credential, name) for name in names})
