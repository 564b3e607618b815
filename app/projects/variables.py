"""A resource's variables with the shared ones put in: `{{team.X}}`, `{{project.X}}`, `{{environment.X}}`, `{{server.X}}`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import ValidationFailed
from app.models.environment_variable import EnvironmentVariable
from app.models.resource import DeployableMixin
from app.models.shared_variable import SharedEnvironmentVariable
from app.projects.repository import VariableRepository, shared_variables_for

FLAGS = ("is_literal", "is_multiline", "is_shown_once")

_REFERENCE = re.compile(r"\{\{\s*(team|project|environment|server)\.([A-Za-z_][A-Za-z0-9_.]*)\s*\}\}")


@dataclass(frozen=True)
class ResolvedVariable:
    """A variable as it is deployed. `locked_parts`: the values of locked shared variables within `value`."""

    key: str
    value: str
    is_literal: bool
    is_multiline: bool
    is_shown_once: bool
    locked_parts: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"ResolvedVariable({self.key!r})"


async def resolved_variables(session: AsyncSession, resource: DeployableMixin) -> list[ResolvedVariable]:
    """Return the variables of a service or database in the order they were made.

    Raises ValidationFailed, with one text a reference, for shared variables that are not there. A shared value is put in
    as it is: references inside it are text.
    """
    variables = await VariableRepository(session).of_resource(resource)
    references = {reference for variable in variables for reference in _REFERENCE.findall(variable.value or "")}
    shared = await shared_variables_for(session, resource, {key for _, key in references}) if references else {}
    undefined = {
        variable.key: [
            f"The shared variable {{{{{scope}.{key}}}}} is not defined."
            for scope, key in dict.fromkeys(_REFERENCE.findall(variable.value or ""))
            if (scope, key) not in shared
        ]
        for variable in variables
    }
    if any(undefined.values()):
        raise ValidationFailed({key: texts for key, texts in undefined.items() if texts})
    return [_resolved(variable, shared) for variable in variables]


def change_variable(
    variable: EnvironmentVariable | SharedEnvironmentVariable, sent: Mapping[str, Any], *, field: str = "is_shown_once"
) -> None:
    """Change what was sent; raises ValidationFailed, about `field`, for a locked variable that would only be unlocked.

    That alone would show a value that was promised never to be shown again.
    """
    if variable.is_shown_once and sent.get("is_shown_once") is False and "value" not in sent:
        raise ValidationFailed({field: ["A locked variable can only be unlocked together with a new value."]})
    for name, value in sent.items():
        if value is not None or name not in FLAGS:
            setattr(variable, name, value)


def _resolved(
    variable: EnvironmentVariable, shared: dict[tuple[str, str], SharedEnvironmentVariable]
) -> ResolvedVariable:
    text = variable.value or ""
    used = [shared[scope, key] for scope, key in _REFERENCE.findall(text)]
    locked = frozenset(one.value for one in used if one.is_shown_once and one.value)
    return ResolvedVariable(
        key=variable.key,
        value=_REFERENCE.sub(lambda match: shared[match[1], match[2]].value or "", text),
        is_literal=variable.is_literal,
        is_multiline=variable.is_multiline or any(one.is_multiline for one in used),
        is_shown_once=variable.is_shown_once or any(one.is_shown_once for one in used),
        locked_parts=locked,
    )
