"""What PostgreSQL takes and answers."""

from typing import Annotated, Literal

from pydantic import Field

from app.databases.fields import FileInBase64, HostAuthMethod, Identifier, OneOf, Password
from app.databases.schemas.every_type import (
    DatabaseAnswer,
    DatabaseCreate,
    DatabaseFields,
    ScriptAnswer,
    ScriptFields,
    TlsFields,
)
from app.kit.schema import Line


class PostgresqlFields(ScriptFields, TlsFields):
    """What can be set on PostgreSQL alone."""

    postgres_user: Identifier | None = Field(default=None, description="`postgres` at first. Fixed at the first start.")
    postgres_password: Password | None = Field(
        default=None, description="64 random letters and digits when left out. Fixed at the first start."
    )
    postgres_db: Identifier | None = Field(default=None, description="`postgres` at first. Fixed at the first start.")
    postgres_initdb_args: Line | None = Field(default=None, description="Fixed at the first start.")
    postgres_host_auth_method: HostAuthMethod | None = Field(default=None, description="Fixed at the first start.")
    postgres_conf: FileInBase64 | None = Field(default=None, description="`postgresql.conf` in base64.")
    ssl_mode: Annotated[str, OneOf(("allow", "prefer", "require", "verify-ca", "verify-full"))] | None = Field(
        default=None, description="Stands in the URLs once SSL is on. `require` at first."
    )


class PostgresqlCreate(PostgresqlFields, DatabaseCreate):
    """Body of `POST /databases/postgresql`."""


class PostgresqlUpdate(PostgresqlFields, DatabaseFields):
    """What can be changed on a PostgreSQL database."""


class PostgresqlAnswer(ScriptAnswer, DatabaseAnswer):
    """A PostgreSQL database."""

    database_type: Literal["standalone-postgresql"] = "standalone-postgresql"
    postgres_user: str = Field(examples=["postgres"])
    postgres_password: str | None = Field(default=None, description="*Sensitive.*")
    postgres_db: str = Field(examples=["postgres"])
    postgres_initdb_args: str | None
    postgres_host_auth_method: str | None
    postgres_conf: str | None = Field(default=None, description="*Sensitive.* As text.")
    enable_ssl: bool
    ssl_mode: str | None
