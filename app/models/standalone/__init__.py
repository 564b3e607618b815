"""One model per database type; `STANDALONE_MODELS` maps the type string, as `standalone-postgresql`, to it."""

from app.models.standalone.clickhouse import StandaloneClickhouse
from app.models.standalone.columns import StandaloneMixin
from app.models.standalone.dragonfly import StandaloneDragonfly
from app.models.standalone.keydb import StandaloneKeydb
from app.models.standalone.mariadb import StandaloneMariadb
from app.models.standalone.mongodb import StandaloneMongodb
from app.models.standalone.mysql import StandaloneMysql
from app.models.standalone.postgresql import StandalonePostgresql
from app.models.standalone.redis import StandaloneRedis
from app.models.standalone.valkey import StandaloneValkey

STANDALONE_MODELS: dict[str, type[StandaloneMixin]] = {
    model.resource_type: model
    for model in (
        StandalonePostgresql,
        StandaloneRedis,
        StandaloneMongodb,
        StandaloneMysql,
        StandaloneMariadb,
        StandaloneKeydb,
        StandaloneDragonfly,
        StandaloneClickhouse,
        StandaloneValkey,
    )
}

__all__ = [
    "STANDALONE_MODELS",
    "StandaloneClickhouse",
    "StandaloneDragonfly",
    "StandaloneKeydb",
    "StandaloneMariadb",
    "StandaloneMixin",
    "StandaloneMongodb",
    "StandaloneMysql",
    "StandalonePostgresql",
    "StandaloneRedis",
    "StandaloneValkey",
]
