"""What MySQL and MariaDB take and answer."""

from typing import Annotated, Literal

from pydantic import Field

from app.databases.fields import FileInBase64, Identifier, OneOf, OrdinaryUser, Password
from app.databases.schemas.every_type import (
    DatabaseAnswer,
    DatabaseCreate,
    DatabaseFields,
    ScriptAnswer,
    ScriptFields,
    TlsFields,
)

_GENERATED = "64 random letters and digits when left out. Fixed at the first start."


class MysqlFields(ScriptFields, TlsFields):
    """What can be set on MySQL alone."""

    mysql_root_password: Password | None = Field(default=None, description=_GENERATED)
    mysql_user: OrdinaryUser | None = Field(default=None, description="`mysql` at first. Fixed at the first start.")
    mysql_password: Password | None = Field(default=None, description=_GENERATED)
    mysql_database: Identifier | None = Field(default=None, description="`default` at first. Fixed at the first start.")
    mysql_conf: FileInBase64 | None = Field(default=None, description="A file of `conf.d` in base64.")
    ssl_mode: Annotated[str, OneOf(("PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"))] | None = Field(
        default=None, description="Stands in the URLs once SSL is on. `REQUIRED` at first."
    )


class MysqlCreate(MysqlFields, DatabaseCreate):
    """Body of `POST /databases/mysql`."""


class MysqlUpdate(MysqlFields, DatabaseFields):
    """What can be changed on a MySQL database."""


class MysqlAnswer(ScriptAnswer, DatabaseAnswer):
    """A MySQL database."""

    database_type: Literal["standalone-mysql"] = "standalone-mysql"
    mysql_root_password: str | None = Field(default=None, description="*Sensitive.*")
    mysql_user: str = Field(examples=["mysql"])
    mysql_password: str | None = Field(default=None, description="*Sensitive.*")
    mysql_database: str = Field(examples=["default"])
    mysql_conf: str | None = Field(default=None, description="*Sensitive.* As text.")
    enable_ssl: bool
    ssl_mode: str | None


class MariadbFields(ScriptFields, TlsFields):
    """What can be set on MariaDB alone."""

    mariadb_root_password: Password | None = Field(default=None, description=_GENERATED)
    mariadb_user: OrdinaryUser | None = Field(default=None, description="`mariadb` at first. Fixed at the first start.")
    mariadb_password: Password | None = Field(default=None, description=_GENERATED)
    mariadb_database: Identifier | None = Field(
        default=None, description="`default` at first. Fixed at the first start."
    )
    mariadb_conf: FileInBase64 | None = Field(default=None, description="A file of `conf.d` in base64.")


class MariadbCreate(MariadbFields, DatabaseCreate):
    """Body of `POST /databases/mariadb`."""


class MariadbUpdate(MariadbFields, DatabaseFields):
    """What can be changed on a MariaDB database."""


class MariadbAnswer(ScriptAnswer, DatabaseAnswer):
    """A MariaDB database."""

    database_type: Literal["standalone-mariadb"] = "standalone-mariadb"
    mariadb_root_password: str | None = Field(default=None, description="*Sensitive.*")
    mariadb_user: str = Field(examples=["mariadb"])
    mariadb_password: str | None = Field(default=None, description="*Sensitive.*")
    mariadb_database: str = Field(examples=["default"])
    mariadb_conf: str | None = Field(default=None, description="*Sensitive.* As text.")
    enable_ssl: bool
