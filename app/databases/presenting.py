"""From rows to answers and from bodies to columns, for every type alike."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import inspect

from app.databases.registry import definition_of
from app.databases.schemas import SCHEMAS, AnyDatabase
from app.kit.base64_text import decoded
from app.kit.encryption import EncryptedJSON, EncryptedText
from app.models.standalone.columns import StandaloneMixin


def present(database: StandaloneMixin, *, with_secrets: bool, certificate_valid_until: datetime | None) -> AnyDatabase:
    """Return the answer for a row; fields that the caller may not see are not set, and so left out."""
    columns = columns_of(database)
    schema = SCHEMAS[database.resource_type].answer
    values = {name: columns[name] for name in schema.model_fields.keys() & columns.keys()}
    if with_secrets:
        values |= urls_of(database, database.server.ip)
    else:
        values = {name: value for name, value in values.items() if name not in _encrypted(type(database))}
    return schema(
        **values,
        database_type=database.resource_type,
        project_uuid=database.environment.project.uuid,
        environment_uuid=database.environment.uuid,
        environment_name=database.environment.name,
        server_uuid=database.server.uuid,
        destination_uuid=database.destination.uuid,
        certificate_valid_until=certificate_valid_until,
    )


def urls_of(database: StandaloneMixin, host: str) -> dict[str, str]:
    """Return `internal_db_url`, and `external_db_url` of a public database; both hold the password."""
    definition = definition_of(database.resource_type)
    columns = columns_of(database)
    urls = {"internal_db_url": definition.internal_url(columns, database.uuid)}
    if database.is_public and database.public_port is not None:
        urls["external_db_url"] = definition.external_url(columns, host, database.public_port)
    return urls


def columns_of(database: StandaloneMixin) -> dict[str, Any]:
    """Return every column of a row by name."""
    return {attribute.key: getattr(database, attribute.key) for attribute in inspect(type(database)).column_attrs}


def asked_columns(body: BaseModel, model: type[StandaloneMixin]) -> dict[str, Any]:
    """Return what a body sets, by column. Null is kept only where the column can be empty; files are decoded."""
    columns = inspect(model).columns
    asked = body.model_dump(exclude_unset=True, include=set(columns.keys()))
    asked = {name: value for name, value in asked.items() if value is not None or columns[name].nullable}
    return {
        name: decoded(value) if name.endswith("_conf") and value is not None else value for name, value in asked.items()
    }


def _encrypted(model: type[StandaloneMixin]) -> set[str]:
    """Return the columns that are encrypted at rest: what nobody may read there, not everybody may read here."""
    columns = inspect(model).columns
    return {name for name in columns.keys() if isinstance(columns[name].type, EncryptedText | EncryptedJSON)}  # noqa: SIM118
