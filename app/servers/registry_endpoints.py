"""Logins for private image registries over the API."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.auth.dependencies import Caller, require
from app.errors import Conflict, NotFound, answers
from app.kit.answers import MessageAnswer, UuidAnswer
from app.kit.constraints import taken_as
from app.models.registry_credential import RegistryCredential
from app.postgres import Session
from app.servers.repository import RegistryCredentialRepository
from app.servers.schemas import RegistryAnswer, RegistryCreate, RegistryUpdate

router = APIRouter(tags=["Registries"])

Reader = Annotated[Caller, Depends(require("read"))]
Writer = Annotated[Caller, Depends(require("write"))]

_UNIQUE = "uq_registry_credentials_team_id_registry_host"


def _taken() -> Conflict:
    return Conflict("A login for this registry already exists. Use PATCH request to update it.")


@router.get(
    "/registries",
    operation_id="list-registries",
    summary="List registry logins",
    response_model_exclude_unset=True,
    responses=answers(401, 403),
)
async def list_registries(session: Session, caller: Reader) -> list[RegistryAnswer]:
    """Return every login of the team, by registry; passwords only with `read:sensitive`."""
    credentials = await RegistryCredentialRepository(session).of_team(caller.team_id)
    return [RegistryAnswer.of(credential, with_secrets=caller.can_read_sensitive) for credential in credentials]


@router.post(
    "/registries",
    operation_id="create-registry",
    summary="Create a registry login",
    status_code=201,
    responses=answers(400, 401, 403, 409, 422),
)
async def create_registry(session: Session, caller: Writer, body: RegistryCreate) -> UuidAnswer:
    """Store a login, one a registry. Every deployment of the team may pull with it from now on."""
    credential = RegistryCredential(team_id=caller.team_id, **body.model_dump())
    with taken_as(_UNIQUE, _taken()):
        await RegistryCredentialRepository(session).add(credential)
    return UuidAnswer(uuid=credential.uuid)


@router.get(
    "/registries/{uuid}",
    operation_id="get-registry-by-uuid",
    summary="Get a registry login",
    response_model_exclude_unset=True,
    responses=answers(401, 403, 404),
)
async def get_registry(session: Session, caller: Reader, uuid: str) -> RegistryAnswer:
    """Return one login; its password only with `read:sensitive`."""
    return RegistryAnswer.of(await _found(session, caller, uuid), with_secrets=caller.can_read_sensitive)


@router.patch(
    "/registries/{uuid}",
    operation_id="update-registry-by-uuid",
    summary="Change a registry login",
    responses=answers(400, 401, 403, 404, 409, 422),
)
async def update_registry(session: Session, caller: Writer, uuid: str, body: RegistryUpdate) -> UuidAnswer:
    """Change what is named; it counts from the next deployment that is asked for."""
    credential = await _found(session, caller, uuid)
    for name, value in body.model_dump(exclude_none=True).items():
        setattr(credential, name, value)
    with taken_as(_UNIQUE, _taken()):
        await session.flush()
    return UuidAnswer(uuid=credential.uuid)


@router.delete(
    "/registries/{uuid}",
    operation_id="delete-registry-by-uuid",
    summary="Delete a registry login",
    responses=answers(401, 403, 404),
)
async def delete_registry(session: Session, caller: Writer, uuid: str) -> MessageAnswer:
    """Delete a login; deployments that wait already carry it."""
    await RegistryCredentialRepository(session).delete(await _found(session, caller, uuid))
    return MessageAnswer(message="Registry login deleted.")


async def _found(session: Session, caller: Caller, uuid: str) -> RegistryCredential:
    credential = await RegistryCredentialRepository(session).get(caller.team_id, uuid)
    if credential is None:
        raise NotFound("Registry login not found.")
    return credential
