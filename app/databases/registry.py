"""Which database types there are."""

from app.compose.plan import PlanError
from app.databases.catalog.postgresql import POSTGRESQL
from app.databases.definition import DatabaseDefinition

DEFINITIONS: dict[str, DatabaseDefinition] = {definition.type: definition for definition in (POSTGRESQL,)}
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
