"""Tags over the API: the team's own, and the `/tags` of services and databases, the same for both."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, require
from app.errors import Conflict, NotFound, ValidationFailed, answers
from app.kit.answers import MessageAnswer
from app.kit.constraints import taken_as
from app.models.resource import DeployableMixin
from app.models.tag import Tag
from app.postgres import Session
from app.projects.tags.repository import TagRepository
from app.projects.tags.schemas import TagAnswer, TagBody, TagsPut

Reader = Annotated[Caller, Depends(require("read"))]
Writer = Annotated[Caller, Depends(require("write"))]
Find = Callable[[AsyncSession, int, str], Awaitable[DeployableMixin | None]]

router = APIRouter(tags=["Tags"])

_UNIQUE = "uq_tags_team_id_name"


@router.get("/tags", operation_id="list-tags", summary="List tags", responses=answers(401, 403))
async def list_tags(session: Session, caller: Reader) -> list[TagAnswer]:
    """Return every tag of the team by name."""
    return [TagAnswer.model_validate(tag) for tag in await TagRepository(session).of_team(caller.team_id)]


@router.post(
    "/tags",
    operation_id="create-tag",
    summary="Create a tag",
    status_code=201,
    responses=answers(400, 401, 403, 409, 422),
)
async def create_tag(session: Session, caller: Writer, body: TagBody) -> TagAnswer:
    """Make a tag that is on nothing yet."""
    with taken_as(_UNIQUE, _taken()):
        tag = await TagRepository(session).add(Tag(team_id=caller.team_id, name=body.name))
    return TagAnswer.model_validate(tag)


@router.patch(
    "/tags/{uuid}",
    operation_id="update-tag-by-uuid",
    summary="Rename a tag",
    responses=answers(400, 401, 403, 404, 409, 422),
)
async def update_tag(session: Session, caller: Writer, uuid: str, body: TagBody) -> TagAnswer:
    """Rename a tag; it stays on what it is on."""
    tag = await _tag(session, caller, uuid)
    tag.name = body.name
    with taken_as(_UNIQUE, _taken()):
        await session.flush()
    return TagAnswer.model_validate(tag)


@router.delete(
    "/tags/{uuid}", operation_id="delete-tag-by-uuid", summary="Delete a tag", responses=answers(401, 403, 404)
)
async def delete_tag(session: Session, caller: Writer, uuid: str) -> MessageAnswer:
    """Delete a tag, and take it off everything."""
    await TagRepository(session).delete(await _tag(session, caller, uuid))
    return MessageAnswer(message="Tag deleted.")


def add_tag_routes(router: APIRouter, *, noun: Literal["service", "database"], find: Find) -> None:
    """Add the routes below `/services|databases/{uuid}/tags`; `find(session, team_id, uuid)` returns the resource."""
    path = f"/{noun}s/{{uuid}}/tags"

    async def found(session: AsyncSession, caller: Caller, uuid: str) -> DeployableMixin:
        resource = await find(session, caller.team_id, uuid)
        if resource is None:
            raise NotFound(f"{noun.capitalize()} not found.")
        return resource

    async def present(session: AsyncSession, resource: DeployableMixin) -> list[TagAnswer]:
        return [TagAnswer.model_validate(tag) for tag in await TagRepository(session).of_resource(resource)]

    @router.get(
        path,
        operation_id=f"list-tags-by-{noun}-uuid",
        summary=f"List the tags of a {noun}",
        responses=answers(401, 403, 404),
    )
    async def list_resource_tags(session: Session, caller: Reader, uuid: str) -> list[TagAnswer]:
        """Return them by name."""
        return await present(session, await found(session, caller, uuid))

    @router.post(
        path,
        operation_id=f"create-tag-by-{noun}-uuid",
        summary=f"Tag a {noun}",
        status_code=201,
        responses=answers(400, 401, 403, 404, 422),
    )
    async def put_tags(session: Session, caller: Writer, uuid: str, body: TagsPut) -> list[TagAnswer]:
        """Put one or several tags on it, made where there is none of the name; return all it has now."""
        resource = await found(session, caller, uuid)
        names = [*(body.tag_names or ()), *([] if body.tag_name is None else [body.tag_name])]
        if not names:
            raise ValidationFailed({"tag_name": ["Give tag_name, or tag_names with at least one."]})
        await TagRepository(session).put_on(caller.team_id, resource, names)
        return await present(session, resource)

    @router.delete(
        f"{path}/{{tag_uuid}}",
        operation_id=f"delete-tag-by-{noun}-uuid",
        summary=f"Take a tag off a {noun}",
        responses=answers(401, 403, 404),
    )
    async def take_tag(session: Session, caller: Writer, uuid: str, tag_uuid: str) -> MessageAnswer:
        """Take it off; the tag itself stays."""
        resource = await found(session, caller, uuid)
        if not await TagRepository(session).take_off(resource, await _tag(session, caller, tag_uuid)):
            raise NotFound("Tag not found.")
        return MessageAnswer(message="Tag removed.")


async def _tag(session: AsyncSession, caller: Caller, uuid: str) -> Tag:
    tag = await TagRepository(session).get(caller.team_id, uuid)
    if tag is None:
        raise NotFound("Tag not found.")
    return tag


def _taken() -> Conflict:
    return Conflict("Tag with this name already exists.")
