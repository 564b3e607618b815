"""The plan's relation from a resource to its deployments."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import async_object_session

if TYPE_CHECKING:
    from app.models.resource import DeployableMixin

Q = TypeVar("Q")


async def history_of(resource: "DeployableMixin", queue: type[Q], skip: int, take: int, **of: Any) -> Sequence[Q]:
    """Return the resource's rows of `queue`, newest first."""
    session = async_object_session(resource)
    if session is None:
        raise RuntimeError("The resource is not attached to a session.")
    model: Any = queue
    statement = select(model).filter_by(**of).order_by(model.created_at.desc(), model.id.desc())
    return (await session.execute(statement.offset(skip).limit(take))).scalars().all()
