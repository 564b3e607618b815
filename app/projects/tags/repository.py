"""Statements on tags: always inside a team."""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.dialects.postgresql import insert

from app.kit.ids import new_uuid
from app.kit.repository import Repository
from app.models.resource import DeployableMixin
from app.models.tag import Tag, Taggable


class TagRepository(Repository[Tag]):
    """Tags of a team and what they are on."""

    model = Tag

    async def of_team(self, team_id: int) -> Sequence[Tag]:
        """Return every tag of the team by name."""
        return await self.all(self.statement().where(Tag.team_id == team_id).order_by(Tag.name))

    async def get(self, team_id: int, uuid: str) -> Tag | None:
        """Return one tag of the team, or None."""
        return await self.one_or_none(self.statement().where(Tag.team_id == team_id, Tag.uuid == uuid))

    async def of_resource(self, resource: DeployableMixin) -> Sequence[Tag]:
        """Return the tags of a resource by name."""
        statement = self.statement().join(Taggable, Taggable.tag_id == Tag.id).where(*_on(resource))
        return await self.all(statement.order_by(Tag.name))

    async def put_on(self, team_id: int, resource: DeployableMixin, names: Iterable[str]) -> None:
        """Put tags, made where the team has none of the name, on a resource."""
        wanted = sorted(set(names))
        if not wanted:
            return
        made = [{"uuid": new_uuid(), "team_id": team_id, "name": name} for name in wanted]
        await self.session.execute(insert(Tag).values(made).on_conflict_do_nothing())
        ids = await self.session.scalars(select(Tag.id).where(Tag.team_id == team_id, Tag.name.in_(wanted)))
        put = [
            {"tag_id": tag_id, "resource_type": resource.resource_type, "resource_id": resource.id} for tag_id in ids
        ]
        await self.session.execute(insert(Taggable).values(put).on_conflict_do_nothing())

    async def take_off(self, resource: DeployableMixin, tag: Tag) -> bool:
        """Take a tag off a resource; False when it was not on it."""
        statement = delete(Taggable).where(Taggable.tag_id == tag.id, *_on(resource)).returning(Taggable.tag_id)
        return (await self.session.execute(statement)).one_or_none() is not None

    async def tagged(self, team_id: int, names: Iterable[str]) -> Sequence[tuple[str, int]]:
        """Return (type, id) of everything that has one of the tags."""
        statement = (
            select(Taggable.resource_type, Taggable.resource_id)
            .join(Tag, Tag.id == Taggable.tag_id)
            .where(Tag.team_id == team_id, Tag.name.in_(list(names)))
            .distinct()
            .order_by(Taggable.resource_type, Taggable.resource_id)
        )
        return [(row.resource_type, row.resource_id) for row in await self.session.execute(statement)]


def _on(resource: DeployableMixin) -> tuple[ColumnElement[bool], ...]:
    return (Taggable.resource_type == resource.resource_type, Taggable.resource_id == resource.id)
