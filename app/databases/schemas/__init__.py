"""What the database endpoints take and answer: `every_type`, and a module for each type or family."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from app.databases.schemas.clickhouse import ClickhouseAnswer, ClickhouseCreate, ClickhouseUpdate
from app.databases.schemas.every_type import DatabaseCreate, DatabaseFields
from app.databases.schemas.mongodb import MongodbAnswer, MongodbCreate, MongodbUpdate
from app.databases.schemas.mysql_family import (
    MariadbAnswer,
    MariadbCreate,
    MariadbUpdate,
    MysqlAnswer,
    MysqlCreate,
    MysqlUpdate,
)
from app.databases.schemas.postgresql import PostgresqlAnswer, PostgresqlCreate, PostgresqlUpdate
from app.databases.schemas.redis_family import (
    DragonflyAnswer,
    DragonflyCreate,
    DragonflyUpdate,
    KeydbAnswer,
    KeydbCreate,
    KeydbUpdate,
    RedisAnswer,
    RedisCreate,
    RedisUpdate,
    ValkeyAnswer,
    ValkeyCreate,
    ValkeyUpdate,
)

AnyDatabase = Annotated[
    PostgresqlAnswer
    | RedisAnswer
    | MongodbAnswer
    | MysqlAnswer
    | MariadbAnswer
    | KeydbAnswer
    | DragonflyAnswer
    | ClickhouseAnswer
    | ValkeyAnswer,
    Field(discriminator="database_type"),
]


class DatabaseUpdate(
    PostgresqlUpdate,
    RedisUpdate,
    MongodbUpdate,
    MysqlUpdate,
    MariadbUpdate,
    KeydbUpdate,
    DragonflyUpdate,
    ClickhouseUpdate,
    ValkeyUpdate,
):
    """Body of `PATCH /databases/{uuid}`: the fields of every type, those of another type than the database's are refused.

    What is left out stays; a change counts from the next deployment on.
    """

    ssl_mode: str | None = Field(default=None, description="One of the modes that the database's own type has.")


@dataclass(frozen=True)
class DatabaseSchemas:
    """The schemas of one type."""

    create: type[DatabaseCreate]
    update: type[DatabaseFields]
    answer: type[AnyDatabase]


SCHEMAS: Mapping[str, DatabaseSchemas] = {
    "standalone-postgresql": DatabaseSchemas(PostgresqlCreate, PostgresqlUpdate, PostgresqlAnswer),
    "standalone-redis": DatabaseSchemas(RedisCreate, RedisUpdate, RedisAnswer),
    "standalone-mongodb": DatabaseSchemas(MongodbCreate, MongodbUpdate, MongodbAnswer),
    "standalone-mysql": DatabaseSchemas(MysqlCreate, MysqlUpdate, MysqlAnswer),
    "standalone-mariadb": DatabaseSchemas(MariadbCreate, MariadbUpdate, MariadbAnswer),
    "standalone-keydb": DatabaseSchemas(KeydbCreate, KeydbUpdate, KeydbAnswer),
    "standalone-dragonfly": DatabaseSchemas(DragonflyCreate, DragonflyUpdate, DragonflyAnswer),
    "standalone-clickhouse": DatabaseSchemas(ClickhouseCreate, ClickhouseUpdate, ClickhouseAnswer),
    "standalone-valkey": DatabaseSchemas(ValkeyCreate, ValkeyUpdate, ValkeyAnswer),
}
"""By database type; every definition of the registry has one."""
