"""What a service and a database have in common: where they live, how they are, and their secrets."""

import re
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from sqlalchemy import ForeignKey, String, Text, and_, inspect
from sqlalchemy.orm import Mapped, declared_attr, foreign, mapped_column, relationship

from app.kit.base import IdMixin, TimestampMixin, UuidMixin
from app.models.destination import StandaloneDocker
from app.models.environment import Environment
from app.models.environment_variable import EnvironmentVariable
from app.models.server import Server

if TYPE_CHECKING:
    from sqlalchemy.orm.attributes import InstrumentedAttribute


class DeployableMixin(IdMixin, UuidMixin, TimestampMixin):
    """A resource that can be deployed. Soft-deleted first; the row goes when the tracked delete has finished."""

    resource_type: ClassVar[str]

    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(32), default="exited", server_default="exited")
    status_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]

    @declared_attr
    def environment_id(cls) -> Mapped[int]:  # noqa: N805
        """The environment it belongs to."""
        return mapped_column(ForeignKey("environments.id", ondelete="RESTRICT"), index=True)

    @declared_attr
    def server_id(cls) -> Mapped[int]:  # noqa: N805
        """The server it runs on."""
        return mapped_column(ForeignKey("servers.id", ondelete="RESTRICT"), index=True)

    @declared_attr
    def destination_id(cls) -> Mapped[int]:  # noqa: N805
        """The Docker network it joins."""
        return mapped_column(ForeignKey("standalone_dockers.id", ondelete="RESTRICT"))

    @declared_attr
    def environment(cls) -> Mapped[Environment]:  # noqa: N805
        """The environment row."""
        return relationship(Environment, lazy="raise")

    @declared_attr
    def server(cls) -> Mapped[Server]:  # noqa: N805
        """The server row."""
        return relationship(Server, lazy="raise")

    @declared_attr
    def destination(cls) -> Mapped[StandaloneDocker]:  # noqa: N805
        """The destination row."""
        return relationship(StandaloneDocker, lazy="raise")

    @declared_attr
    def environment_variables(cls) -> Mapped[list[EnvironmentVariable]]:  # noqa: N805
        """Its variables, by key."""
        return relationship(
            EnvironmentVariable,
            primaryjoin=lambda: and_(
                foreign(EnvironmentVariable.resource_id) == cls.id,
                EnvironmentVariable.resource_type == cls.resource_type,
            ),
            order_by=EnvironmentVariable.key,
            viewonly=True,
            lazy="select",
        )


def secret_columns(model: type[DeployableMixin]) -> tuple[str, ...]:
    """Return the names of the model's columns that are marked `info={"secret": True}`."""
    columns: list[InstrumentedAttribute[object]] = inspect(model).column_attrs.values()
    return tuple(attribute.key for attribute in columns if attribute.columns[0].info.get("secret"))


async def current_secrets(resource: DeployableMixin | None, secret_names: str | None = None) -> frozenset[str]:
    """Return the secrets that a resource has now: locked variables and secret columns; empty for None.

    Also variables with a name in which the regular expression `secret_names` finds something.
    """
    if resource is None:
        return frozenset()
    variables: list[EnvironmentVariable] = await resource.awaitable_attrs.environment_variables  # type: ignore[attr-defined]
    names = re.compile(secret_names) if secret_names else None
    values = {one.value for one in variables if one.is_shown_once or (names and names.search(one.key))}
    values |= {getattr(resource, column) for column in secret_columns(type(resource))}
    return frozenset(value for value in values if value)
