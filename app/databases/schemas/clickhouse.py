"""What ClickHouse takes and answers."""

from typing import Literal

from pydantic import Field

from app.databases.fields import Identifier, Password
from app.databases.schemas.every_type import DatabaseAnswer, DatabaseCreate, DatabaseFields, ScriptAnswer, ScriptFields


class ClickhouseFields(ScriptFields):
    """What can be set on ClickHouse alone."""

    clickhouse_admin_user: Identifier | None = Field(
        default=None, description="`default` at first. A change holds from the next start on."
    )
    clickhouse_admin_password: Password | None = Field(
        default=None, description="64 random letters and digits when left out. A change holds from the next start on."
    )
    clickhouse_db: Identifier | None = Field(default=None, description="`default` at first. Fixed at the first start.")


class ClickhouseCreate(ClickhouseFields, DatabaseCreate):
    """Body of `POST /databases/clickhouse`."""


class ClickhouseUpdate(ClickhouseFields, DatabaseFields):
    """What can be changed on a ClickHouse database."""


class ClickhouseAnswer(ScriptAnswer, DatabaseAnswer):
    """A ClickHouse database."""

    database_type: Literal["standalone-clickhouse"] = "standalone-clickhouse"
    clickhouse_admin_user: str = Field(examples=["default"])
    clickhouse_admin_password: str | None = Field(default=None, description="*Sensitive.*")
    clickhouse_db: str = Field(examples=["default"])
