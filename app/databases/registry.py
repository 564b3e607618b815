"""Which database types there are."""

from app.compose.plan import PlanError
from app.databases.catalog.clickhouse import CLICKHOUSE
from app.databases.catalog.dragonfly import DRAGONFLY
from app.databases.catalog.keydb import KEYDB
from app.databases.catalog.mariadb import MARIADB
from app.databases.catalog.mongodb import MONGODB
from app.databases.catalog.mysql import MYSQL
from app.databases.catalog.postgresql import POSTGRESQL
from app.databases.catalog.redis import REDIS
from app.databases.catalog.valkey import VALKEY
from app.databases.definition import DatabaseDefinition

DEFINITIONS: dict[str, DatabaseDefinition] = {
    definition.type: definition
    for definition in (POSTGRESQL, REDIS, MONGODB, MYSQL, MARIADB, KEYDB, DRAGONFLY, CLICKHOUSE, VALKEY)
}
"""Every type that can be deployed, by its type string."""


class UnknownDatabaseType(PlanError, LookupError):
    """A type string that names no database type that can be deployed."""


def definition_of(resource_type: str) -> DatabaseDefinition:
    """Return the definition of a type such as `standalone-postgresql`; raises UnknownDatabaseType."""
    try:
        return DEFINITIONS[resource_type]
    except KeyError:
        known = ", ".join(sorted(DEFINITIONS))
        raise UnknownDatabaseType(
            f"{resource_type} is no database type that can be deployed; there are: {known}."
        ) from None
