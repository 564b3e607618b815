"""What every type takes and answers."""

from typing import Annotated

from pydantic import Field

from app.databases.fields import (
    CpuLimit,
    CpuSet,
    Image,
    InitScript,
    InitScripts,
    MemoryLimit,
    PortMappings,
    PublicPort,
    RunOptions,
    SwapLimit,
)
from app.kit.schema import Description, Line, Name, RequestSchema, ResponseSchema, Timestamp, UuidOf
from app.projects.tags.schemas import NewTags

Seconds = Annotated[int, Field(ge=1, le=86_400)]

_UUID = "k3v0q6n2m9x1c8b7z5a4s6d2"


class DatabaseFields(RequestSchema):
    """What can be set on every type. Null means: as if it were left out, or none where the field can be empty."""

    name: Name | None = None
    description: Description | None = None
    image: Image | None = Field(default=None, description="The type's default image when left out.")
    is_public: bool | None = Field(default=None, description="Reachable from outside at `public_port`. False at first.")
    public_port: PublicPort | None = Field(default=None, description="Free among the server's public databases.")
    public_port_timeout: Annotated[int, Field(ge=1, le=2_147_483)] | None = Field(
        default=None, description="Seconds after which an idle connection from outside ends. 3600 at first."
    )
    ports_mappings: PortMappings | None = Field(default=None, description="Ports of the host that lead to it.")
    limits_memory: MemoryLimit | None = Field(default=None, description="`0` at first: none.")
    limits_memory_swap: SwapLimit | None = Field(default=None, description="Memory and swap together. `0` at first.")
    limits_memory_swappiness: Annotated[int, Field(ge=0, le=100)] | None = Field(
        default=None, description="60 at first."
    )
    limits_memory_reservation: MemoryLimit | None = Field(default=None, description="`0` at first: none.")
    limits_cpus: CpuLimit | None = Field(default=None, description="`0` at first: none.")
    limits_cpuset: CpuSet | None = Field(default=None, description="Empty or null: any CPU.")
    limits_cpu_shares: Annotated[int, Field(ge=0, le=262_144)] | None = Field(
        default=None, description="1024 at first."
    )
    custom_docker_run_options: RunOptions | None = Field(
        default=None, description="Options of `docker run`, as `--ulimit nofile=1024:2048 --shm-size 256m`."
    )
    health_check_enabled: bool | None = Field(
        default=None,
        description="Whether Docker asks it how it is. True at first; without, running is all that is seen.",
    )
    health_check_interval: Seconds | None = Field(default=None, description="Between two checks. 5 at first.")
    health_check_timeout: Seconds | None = Field(default=None, description="That a check may take. 5 at first.")
    health_check_retries: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None, description="Checks that fail one after another until it is unhealthy. 10 at first."
    )
    health_check_start_period: Annotated[int, Field(ge=0, le=86_400)] | None = Field(
        default=None, description="Seconds after the start in which a check that fails does not count. 30 at first."
    )
    instant_deploy: bool = Field(default=False, description="Also queue a deployment.")


class DatabaseCreate(DatabaseFields):
    """What every type takes when it is made."""

    project_uuid: UuidOf
    environment_name: Line | None = Field(
        default=None, description="This or `environment_uuid` is needed.", examples=["production"]
    )
    environment_uuid: UuidOf | None = None
    server_uuid: UuidOf
    destination_uuid: UuidOf | None = Field(default=None, description="Needed when the server has several.")
    tags: NewTags | None = Field(default=None, description="Names of tags to put on it.")


class TlsFields(RequestSchema):
    """What can be set on the types that speak TLS."""

    enable_ssl: bool | None = Field(
        default=None,
        description="TLS with a certificate of the server's own authority, which "
        "`GET /servers/{uuid}/ca-certificate` answers. False at first.",
    )


class ScriptFields(RequestSchema):
    """What can be set on the types whose images run scripts."""

    init_scripts: InitScripts | None = Field(default=None, description="Run at the first start only.")


class DatabaseAnswer(ResponseSchema):
    """What every database answers. Fields marked *sensitive* are there only with `read:sensitive`."""

    uuid: str = Field(examples=[_UUID])
    description: str | None
    name: str = Field(examples=["postgresql-database-" + _UUID])
    status: str = Field(
        description="`running:healthy`, `running:unhealthy`, `exited`, `unknown` …", examples=["exited"]
    )
    status_at: Timestamp | None = Field(description="When that was seen; null before the first deployment.")
    project_uuid: str
    environment_uuid: str
    environment_name: str = Field(examples=["production"])
    server_uuid: str
    destination_uuid: str
    image: str = Field(examples=["postgres:16-alpine"])
    is_public: bool
    public_port: int | None
    public_port_timeout: int
    ports_mappings: str | None
    limits_memory: str
    limits_memory_swap: str
    limits_memory_swappiness: int
    limits_memory_reservation: str
    limits_cpus: str
    limits_cpuset: str | None
    limits_cpu_shares: int
    custom_docker_run_options: str | None
    health_check_enabled: bool
    health_check_interval: int
    health_check_timeout: int
    health_check_retries: int
    health_check_start_period: int
    certificate_valid_until: Timestamp | None = Field(
        description="When the certificate of a database with `enable_ssl` expires; a start in its last 30 days renews it. "
        "Null without one."
    )
    internal_db_url: str | None = Field(default=None, description="*Sensitive.* For containers of the destination.")
    external_db_url: str | None = Field(default=None, description="*Sensitive.* Only of a public database.")
    created_at: Timestamp
    updated_at: Timestamp


class ScriptAnswer(ResponseSchema):
    """Of the types whose images run scripts."""

    init_scripts: list[InitScript] | None = Field(default=None, description="*Sensitive.*")


class DatabaseCreated(ResponseSchema):
    """Which database was made and how to reach it, the password included: whoever makes it could have chosen it."""

    uuid: str = Field(examples=[_UUID])
    internal_db_url: str = Field(examples=[f"postgres://postgres:…@{_UUID}:5432/postgres"])
    external_db_url: str | None = Field(default=None, description="Only of a public database.")
