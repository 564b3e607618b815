"""Making what was planned, through our own API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.cli.client import Api, Refused
from app.cli.coolify.planning import ImportPlan, Step
from app.cli.coolify.reading import Coolify
from app.cli.finding import list_resources
from app.cli.output import Item


@dataclass(frozen=True)
class Made:
    """What became of a step: `made`, `there`, `refused` or `skipped`, because it needs something that was refused."""

    step: Step
    state: str
    reason: str = ""


async def find_here(api: Api, coolify: Coolify) -> dict[str, str]:
    """Return our uuid of whatever is here already, by Coolify's."""
    keys, servers, projects = [await api.get(path) for path in ("/security/keys", "/servers", "/projects")]
    found = _matches(coolify.keys, keys, lambda key: key["name"])
    with_public = tuple(key for key in coolify.keys if key.get("public_key"))
    found |= _matches(with_public, keys, lambda key: key["public_key"].split()[:2])
    found |= _matches(coolify.servers, servers, lambda server: server["name"])
    found |= _matches(coolify.servers, servers, lambda server: (server["ip"], server["port"]))
    found |= _matches(coolify.projects, projects, lambda project: project["name"])
    resources = await list_resources(api)
    for one in coolify.environments:
        if one.project_uuid not in found:
            continue
        project = found[one.project_uuid]
        environments = await api.get(f"/projects/{project}/environments")
        same = next((item for item in environments if item["name"] == one.name), None)
        if same is not None:
            found[one.uuid] = same["uuid"]
        for old in (*coolify.services, *coolify.databases):
            for new in resources:
                place = (new.item["project_uuid"], new.item["environment_name"], new.name)
                if old["uuid"] in one.resources and place == (project, one.name, old["name"]):
                    found[old["uuid"]] = new.uuid
    return found


async def make(api: Api, plan: ImportPlan, here: Mapping[str, str]) -> list[Made]:
    """Make every step that is not here; what is refused keeps only what needs it from being made."""
    uuids = dict(here)
    outcomes = []
    for step in plan.steps:
        if step.uuid in uuids:
            outcomes.append(Made(step, "there"))
        elif not step.needs <= uuids.keys():
            outcomes.append(Made(step, "skipped"))
        else:
            outcomes.append(await _make_one(api, step, uuids))
    return outcomes


async def _make_one(api: Api, step: Step, uuids: dict[str, str]) -> Made:
    path = step.path.format(*(uuids[old] for old in step.of))
    try:
        if step.kind == "variables":
            return Made(step, "made" if await _make_variables(api, path, step) else "there")
        known = await api.get(path) if step.kind == "environment" else []  # a new project has one of its own
        same = next((item for item in known if item["name"] == step.name), None)
        body = {name: value for name, value in step.body.items() if value is not None}
        links = {name: uuids[old] for name, old in step.links.items()}
        answer = same or await api.post(path, {**body, **links})
        uuids[step.uuid] = answer["uuid"]
    except Refused as refused:
        return Made(step, "refused", str(refused))
    return Made(step, "made")


async def _make_variables(api: Api, path: str, step: Step) -> int:
    """Make those that are not there and return how many they were."""
    there = {variable["key"] for variable in await api.get(path)}
    missing = [variable for variable in step.variables if variable["key"] not in there]
    for variable in missing:
        await api.post(path, variable)
    return len(missing)


def _matches(old: tuple[Item, ...], new: list[Item], by: Any) -> dict[str, str]:
    ours = {str(by(item)): item["uuid"] for item in new}
    return {item["uuid"]: ours[str(by(item))] for item in old if str(by(item)) in ours}
