"""The part of a configuration snapshot that services and databases share, read back as values."""

import re
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from app.compose.dotenv import KEY, Variable
from app.compose.plan import PlanError

# Ours by right: with another value, the files typed by hand would mean another project than ours.
_RESERVED = frozenset({"COMPOSE_FILE", "COMPOSE_PROJECT_NAME"})

_REFERENCE = re.compile(r"\$(?:\$|\{?([A-Za-z_][A-Za-z0-9_.]*))")


class SnapshotVariable(BaseModel):
    """An environment variable as it was when the deployment was asked for, shared variables resolved."""

    model_config = ConfigDict(frozen=True)

    key: str
    value: str = Field(repr=False)
    is_literal: bool = False
    is_multiline: bool = False
    is_shown_once: bool = False


class SnapshotRegistry(BaseModel):
    """A registry's credentials."""

    model_config = ConfigDict(frozen=True)

    registry: str
    username: str
    password: str = Field(repr=False)


class ResourceSnapshot(BaseModel):
    """What a plan needs of any resource; fields it does not know are an older or a newer version's and are ignored."""

    model_config = ConfigDict(frozen=True)

    uuid: str
    name: str
    project: str
    environment: str
    env: tuple[SnapshotVariable, ...] = ()
    network: str
    registries: tuple[SnapshotRegistry, ...] = ()
    secrets: tuple[str, ...] = Field(default=(), repr=False)
    images: dict[str, str] = {}
    """The image of a Compose service where that is pinned, whatever the file says; a rollback pins what ran."""
    deadline_seconds: int

    def variables(self) -> tuple[Variable, ...]:
        """Return the lines of the `.env`, each definition before its references; raises PlanError for what cannot be one."""
        for variable in self.env:
            if not KEY.fullmatch(variable.key):
                raise PlanError(f"The environment variable {variable.key!r} has a name that Compose cannot read.")
            if variable.key in _RESERVED:
                raise PlanError(
                    f"The environment variable {variable.key} is set by Shiplog: remove it, then deploy again."
                )
            if "\0" in variable.value:
                raise PlanError(f"The environment variable {variable.key} holds a NUL character.")
        return tuple(
            _in_order_of_reference(
                Variable(variable.key, variable.value, literal=variable.is_literal or variable.is_multiline)
                for variable in self.env
            )
        )


def _in_order_of_reference(variables: Iterable[Variable]) -> Iterable[Variable]:
    """Yield each variable after those that its value refers to; what refers to itself in a circle stays as it was."""
    waiting = list(variables)
    while waiting:
        missing = {variable.key for variable in waiting}
        ready = [variable for variable in waiting if not _references(variable) & missing - {variable.key}] or waiting
        yield from ready
        waiting = [variable for variable in waiting if variable not in ready]


def _references(variable: Variable) -> set[str]:
    return set() if variable.literal else set(_REFERENCE.findall(variable.value))
