"""What MongoDB takes and answers."""

from typing import Annotated, Literal

from pydantic import Field

from app.databases.fields import FileInBase64, Identifier, OneOf, Password
from app.databases.schemas.every_type import (
    DatabaseAnswer,
    DatabaseCreate,
    DatabaseFields,
    ScriptAnswer,
    ScriptFields,
    TlsFields,
)


class MongodbFields(ScriptFields, TlsFields):
    """What can be set on MongoDB alone."""

    mongo_initdb_root_username: Identifier | None = Field(
        default=None, description="`root` at first. Fixed at the first start."
    )
    mongo_initdb_root_password: Password | None = Field(
        default=None, description="64 random letters and digits when left out. Fixed at the first start."
    )
    mongo_initdb_database: Identifier | None = Field(
        default=None, description="Where the init scripts run; `default` at first. Fixed at the first start."
    )
    mongo_conf: FileInBase64 | None = Field(default=None, description="`mongod.conf` in base64.")
    ssl_mode: Annotated[str, OneOf(("allow", "prefer", "require", "verify-full"))] | None = Field(
        default=None, description="What the server asks of clients once SSL is on. `require` at first."
    )


class MongodbCreate(MongodbFields, DatabaseCreate):
    """Body of `POST /databases/mongodb`."""


class MongodbUpdate(MongodbFields, DatabaseFields):
    """What can be changed on a MongoDB database."""


class MongodbAnswer(ScriptAnswer, DatabaseAnswer):
    """A MongoDB database."""

    database_type: Literal["standalone-mongodb"] = "standalone-mongodb"
    mongo_initdb_root_username: str = Field(examples=["root"])
    mongo_initdb_root_password: str | None = Field(default=None, description="*Sensitive.*")
    mongo_initdb_database: str = Field(examples=["default"])
    mongo_conf: str | None = Field(default=None, description="*Sensitive.* As text.")
    enable_ssl: bool
    ssl_mode: str | None
