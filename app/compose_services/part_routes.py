"""The parts of a service over the API: its applications and its databases, read from its Compose file."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, require
from app.compose_services.parts import Part, PartKind, parts_of
from app.compose_services.repository import ServiceRepository
from app.compose_services.schemas import PartAnswer, PartUpdate
from app.errors import NotFound, answers
from app.models.service import Service
from app.postgres import Session

router = APIRouter(tags=["Services"])

Reader = Annotated[Caller, Depends(require("read"))]
Writer = Annotated[Caller, Depends(require("write"))]


@router.get(
    "/services/{uuid}/applications",
    operation_id="list-service-applications-by-service-uuid",
    summary="List the applications of a service",
    responses=answers(401, 403, 404),
)
async def list_applications(session: Session, caller: Reader, uuid: str) -> list[PartAnswer]:
    """Return what of its Compose file is no database, in the order of the file."""
    return await _list(session, caller, uuid, "application")


@router.get(
    "/services/{uuid}/databases",
    operation_id="list-service-databases-by-service-uuid",
    summary="List the databases of a service",
    responses=answers(401, 403, 404),
)
async def list_databases(session: Session, caller: Reader, uuid: str) -> list[PartAnswer]:
    """Return what of its Compose file is a database, going by the image, in the order of the file."""
    return await _list(session, caller, uuid, "database")


@router.get(
    "/services/{uuid}/applications/{app_uuid}",
    operation_id="get-service-application-by-service-and-app-uuid",
    summary="Get an application of a service",
    responses=answers(401, 403, 404),
)
async def get_application(session: Session, caller: Reader, uuid: str, app_uuid: str) -> PartAnswer:
    """Return one entry of its Compose file; its uuid is the same as long as its name is."""
    service, part = await find_part(session, caller, uuid, app_uuid, "application")
    return PartAnswer.of(service, part)


@router.get(
    "/services/{uuid}/databases/{database_uuid}",
    operation_id="get-service-database-by-service-and-database-uuid",
    summary="Get a database of a service",
    responses=answers(401, 403, 404),
)
async def get_database(session: Session, caller: Reader, uuid: str, database_uuid: str) -> PartAnswer:
    """Return one entry of its Compose file; its uuid is the same as long as its name is."""
    service, part = await find_part(session, caller, uuid, database_uuid, "database")
    return PartAnswer.of(service, part)


@router.patch(
    "/services/{uuid}/applications/{app_uuid}",
    operation_id="patch-service-application-by-service-and-app-uuid",
    summary="Change what an application of a service is called",
    responses=answers(400, 401, 403, 404, 422),
)
async def update_application(
    session: Session, caller: Writer, uuid: str, app_uuid: str, body: PartUpdate
) -> PartAnswer:
    """Everything else stands in the Compose file: change it there."""
    return await _update(session, caller, uuid, app_uuid, "application", body)


@router.patch(
    "/services/{uuid}/databases/{database_uuid}",
    operation_id="patch-service-database-by-service-and-database-uuid",
    summary="Change what a database of a service is called",
    responses=answers(400, 401, 403, 404, 422),
)
async def update_database(
    session: Session, caller: Writer, uuid: str, database_uuid: str, body: PartUpdate
) -> PartAnswer:
    """Everything else stands in the Compose file: change it there."""
    return await _update(session, caller, uuid, database_uuid, "database", body)


async def find_part(
    session: AsyncSession, caller: Caller, uuid: str, part_uuid: str, kind: PartKind, *, for_update: bool = False
) -> tuple[Service, Part]:
    """Return a service of the caller's team and one of its parts; raise NotFound. `for_update` locks the service."""
    service = await ServiceRepository(session).found(caller.team_id, uuid, for_update=for_update)
    for part in await parts_of(service):
        if (part.uuid, part.kind) == (part_uuid, kind):
            return service, part
    raise NotFound(f"Service {kind} not found.")


async def _list(session: AsyncSession, caller: Caller, uuid: str, kind: PartKind) -> list[PartAnswer]:
    service = await ServiceRepository(session).found(caller.team_id, uuid)
    return [PartAnswer.of(service, part) for part in await parts_of(service) if part.kind == kind]


async def _update(
    session: AsyncSession, caller: Caller, uuid: str, part_uuid: str, kind: PartKind, body: PartUpdate
) -> PartAnswer:
    service, part = await find_part(session, caller, uuid, part_uuid, kind, for_update=True)
    notes = {**service.part_notes.get(part.name, {}), **body.model_dump(exclude_unset=True)}
    service.part_notes = {**service.part_notes, part.name: notes}
    await session.flush()
    return PartAnswer.of(service, replace(part, **notes))
