"""Private keys over the API."""

import asyncio
import contextlib
from typing import Annotated

from fastapi import APIRouter, Depends

from app.auth.dependencies import Caller, require
from app.errors import InvalidRequest, NotFound, ValidationFailed, answers
from app.kit.answers import MessageAnswer, UuidAnswer
from app.kit.base64_text import decoded
from app.kit.constraints import taken_as
from app.kit.ids import new_uuid
from app.models.private_key import PrivateKey
from app.postgres import Session
from app.remote.errors import InvalidKey
from app.remote.keys import KeyPair, read_private_key
from app.servers.repository import PrivateKeyRepository
from app.servers.schemas import PrivateKeyAnswer, PrivateKeyCreate, PrivateKeyUpdate

router = APIRouter(tags=["Private Keys"])

Reader = Annotated[Caller, Depends(require("read"))]
Writer = Annotated[Caller, Depends(require("write"))]

_UNIQUE = "uq_private_keys_team_id_fingerprint"


@router.get(
    "/security/keys",
    operation_id="list-private-keys",
    summary="List private keys",
    response_model_exclude_unset=True,
    responses=answers(401, 403),
)
async def list_keys(session: Session, caller: Reader) -> list[PrivateKeyAnswer]:
    """Return every key of the team, oldest first; the private halves only with `read:sensitive`."""
    keys = await PrivateKeyRepository(session).of_team(caller.team_id)
    return [PrivateKeyAnswer.of(key, with_secrets=caller.can_read_sensitive) for key in keys]


@router.post(
    "/security/keys",
    operation_id="create-private-key",
    summary="Create a private key",
    status_code=201,
    responses=answers(400, 401, 403, 422),
)
async def create_key(session: Session, caller: Writer, body: PrivateKeyCreate) -> UuidAnswer:
    """Store a key pair; servers are reached with it. Put its public half into `authorized_keys` there."""
    text, pair = await _read(body.private_key)
    key = PrivateKey(
        team_id=caller.team_id,
        name=body.name if body.name is not None else f"key-{new_uuid()[:10]}",
        description=body.description,
        private_key=text,
        public_key=pair.public_key,
        fingerprint=pair.fingerprint,
    )
    with taken_as(_UNIQUE, _refused("Private key already exists.")):
        await PrivateKeyRepository(session).add(key)
    return UuidAnswer(uuid=key.uuid)


@router.get(
    "/security/keys/{uuid}",
    operation_id="get-private-key-by-uuid",
    summary="Get a private key",
    response_model_exclude_unset=True,
    responses=answers(401, 403, 404),
)
async def get_key(session: Session, caller: Reader, uuid: str) -> PrivateKeyAnswer:
    """Return one key; its private half only with `read:sensitive`."""
    return PrivateKeyAnswer.of(await _found(session, caller, uuid), with_secrets=caller.can_read_sensitive)


@router.patch(
    "/security/keys/{uuid}",
    operation_id="update-private-key",
    summary="Change a private key",
    status_code=201,
    responses=answers(400, 401, 403, 404, 422),
)
async def update_key(session: Session, caller: Writer, uuid: str, body: PrivateKeyUpdate) -> UuidAnswer:
    """Change what is named; another key counts from the next connection on."""
    read = None if body.private_key is None else await _read(body.private_key)
    key = await _found(session, caller, uuid)
    if body.name is not None:
        key.name = body.name
    if "description" in body.model_fields_set:
        key.description = body.description
    if read is not None:
        text, pair = read
        key.private_key, key.public_key, key.fingerprint = text, pair.public_key, pair.fingerprint
    with taken_as(_UNIQUE, _refused("Private key already exists.")):
        await session.flush()
    return UuidAnswer(uuid=key.uuid)


@router.delete(
    "/security/keys/{uuid}",
    operation_id="delete-private-key-by-uuid",
    summary="Delete a private key",
    responses=answers(400, 401, 403, 404),
)
async def delete_key(session: Session, caller: Writer, uuid: str) -> MessageAnswer:
    """Delete a key that no server is reached with."""
    repository = PrivateKeyRepository(session)
    key = await _found(session, caller, uuid, for_update=True)
    if await repository.is_in_use(key):
        raise InvalidRequest("Private Key is in use and cannot be deleted.")
    await repository.forget(key)
    return MessageAnswer(message="Private Key deleted.")


async def _found(session: Session, caller: Caller, uuid: str, *, for_update: bool = False) -> PrivateKey:
    key = await PrivateKeyRepository(session).get(caller.team_id, uuid, for_update=for_update)
    if key is None:
        raise NotFound("Private Key not found.")
    return key


async def _read(text: str) -> tuple[str, KeyPair]:
    """Return the PEM text of a key and what may be shown of it; raise ValidationFailed with what is wrong otherwise."""
    if not text.lstrip().startswith("-----BEGIN"):
        with contextlib.suppress(ValueError):  # not base64: something else, which the reader names
            text = decoded(text)
    text = text.replace("\r\n", "\n").strip() + "\n"
    try:
        # The arithmetic of an RSA key takes up to 0.2 s: too long for the event loop.
        return text, await asyncio.to_thread(read_private_key, text)
    except InvalidKey as error:
        raise _refused(str(error)) from None


def _refused(text: str) -> ValidationFailed:
    return ValidationFailed({"private_key": [text]})
