"""The Compose files of two deployments, rendered again, and their difference line by line."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.compose.commands import COMPOSE_FILE, OVERRIDE_FILE
from app.compose.document import services_of
from app.compose.plan import DeploymentPlan, PlanError
from app.deployments.diff_guard import Deployed, Guard, plan_of
from app.deployments.kinds import Kind

MOST_LINES = 4000
"""Of longer files only that they differ is said: comparing takes the square of their length at worst."""

_PATHS = (COMPOSE_FILE, OVERRIDE_FILE)


@dataclass(frozen=True)
class Rendered:
    """The Compose files of one side by name: as they are, and as they may be shown; and the services that they have."""

    label: str
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    shown: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, Any] = field(default_factory=dict, repr=False)
    problem: str | None = None


def render(kind: Kind, deployed: Deployed | None, guard: Guard) -> Rendered:
    """Return the files of a deployment; none of None, and none, with the `problem`, of what cannot be rendered."""
    if deployed is None:
        return Rendered("nothing")
    try:
        files = _files(plan_of(kind, deployed.snapshot))
        shown = _files(plan_of(kind, guard.masked(deployed.snapshot)))
        services = services_of(files[COMPOSE_FILE])
    except PlanError as error:
        problem = guard.show(f"{deployed.label} cannot be rendered: {error}")
        return Rendered(deployed.label, problem=problem)
    return Rendered(deployed.label, files, {path: guard.show(text) or "" for path, text in shown.items()}, services)


def unified(before: Rendered, after: Rendered, guard: Guard, notes: list[str]) -> Iterator[str]:
    """Yield the lines of a unified diff; adds to `notes` what it cannot show."""
    for path in _PATHS:
        old, new = before.files.get(path, ""), after.files.get(path, "")
        if guard.hash_of(old) == guard.hash_of(new):
            continue
        was, will_be = before.shown.get(path, "").splitlines(), after.shown.get(path, "").splitlines()
        if max(len(was), len(will_be)) > MOST_LINES:
            notes.append(f"{path} has more than {MOST_LINES} lines and is not compared line by line.")
        elif was == will_be:
            notes.append(f"{path} differs in secrets alone.")
        else:
            names = (f"{path}\t{before.label}", f"{path}\t{after.label}")
            yield from (f"{line}\n" for line in difflib.unified_diff(was, will_be, *names, lineterm=""))


def _files(plan: DeploymentPlan) -> dict[str, str]:
    return {file.path: file.content.reveal() for file in plan.files if file.path in _PATHS}
