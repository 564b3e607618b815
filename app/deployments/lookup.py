"""One deployment for whoever asks with a token: token, row and a short log come from one statement."""

from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Request
from fastapi.security import HTTPAuthorizationCredentials
from sqlalchemy import JSON, ColumnElement, String, bindparam, case, literal_column

from app.auth.dependencies import Caller, authenticate_beside, demand
from app.auth.repository import known_token
from app.deployments.kinds import DATABASE, SERVICE, Kind
from app.deployments.repository import log_of
from app.deployments.schemas import COLUMNS, JSON_COLUMNS
from app.lookups import Lookup
from app.models.api_token import ApiToken

_JSON_COLUMNS = tuple(name for name in COLUMNS[SERVICE.name] if isinstance(SERVICE.queue.__table__.c[name].type, JSON))
SHORT_LOG_BYTES = 64 * 1024
"""A log up to here comes with its row, whether or not the caller may see it; a longer one is asked for afterwards."""


@dataclass(frozen=True)
class Found:
    """A deployment of the caller's team: its columns by name, and its log when that is short."""

    kind: Kind
    columns: dict[str, Any]
    short_log: str | None


async def look(
    request: Request, credentials: HTTPAuthorizationCredentials | None, deployment_uuid: str, *kinds: Kind
) -> tuple[Caller, Found | None]:
    """Return who asks and their team's deployment if it is of one of `kinds`; raise what `require("read")` raises."""
    lookup = _BESIDE_TOKEN[kinds]
    caller, values = await authenticate_beside(request, credentials, lookup, deployment_uuid=deployment_uuid)
    demand(caller, "read")
    for kind in kinds:
        *columns, short_log = values[: len(COLUMNS[kind.name]) + 1]
        if columns[0] is not None:
            named = dict(zip(COLUMNS[kind.name], columns, strict=True))
            named |= {name: orjson.loads(named[name] or "null") for name in JSON_COLUMNS}
            return caller, Found(kind, named, short_log)
        values = values[len(columns) + 1 :]
    return caller, None


def _beside_token(kinds: tuple[Kind, ...]) -> Lookup:
    tables = [(kind, kind.queue.__table__) for kind in kinds]
    columns: list[Any] = []
    for kind, table in tables:
        columns += [table.c[name] for name in COLUMNS[kind.name]]
        log: ColumnElement[str] = literal_column(log_of(kind, kind.table))
        columns.append(case((table.c.log_bytes <= literal_column(str(SHORT_LOG_BYTES)), log)))
    statement = known_token(*columns)
    for _, table in tables:
        is_it = table.c.deployment_uuid == bindparam("deployment_uuid", type_=String)
        statement = statement.outerjoin(table, is_it & (table.c.team_id == ApiToken.team_id))
    return Lookup(statement)


_BESIDE_TOKEN: dict[tuple[Kind, ...], Lookup] = {
    kinds: _beside_token(kinds) for kinds in ((SERVICE,), (DATABASE,), (SERVICE, DATABASE))
}
