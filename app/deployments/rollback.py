"""What a rollback deploys: the configuration of an earlier deployment, its images as they were, the secrets of now.

A password that was changed since stays changed, and so does what a database reads only over an empty data folder: the
data are those of now.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.compose.document import read_compose
from app.compose.plan import PlanError
from app.databases.registry import definition_of
from app.deployments.digests import pins_of
from app.deployments.kinds import AnyQueue
from app.deployments.masking import is_secret_variable
from app.errors import Conflict
from app.models.standalone.columns import StandaloneMixin

# A Compose file, and what decides how it is read, as the earlier deployment had it; the rest is where it lives now.
_OF_A_SERVICE = ("compose", "connect_to_network")
_READ_ONCE = frozenset({"init_scripts"})
# Not of what runs, but what the row is called.
_WORDS = frozenset({"name", "description"})


@dataclass(frozen=True)
class Rollback:
    """The deployment that is gone back to, its snapshot loaded; `secret_names` is the expression for names of secrets."""

    source: AnyQueue
    secret_names: str

    def columns(self, database: StandaloneMixin, now: Mapping[str, Any]) -> dict[str, Any]:
        """Return a database's columns as they were, but those of now that are secret or belong to the data."""
        definition = definition_of(database.resource_type)
        kept = {*definition.secret_columns, *definition.fixed, *_READ_ONCE, *_WORDS}
        then = self._snapshot.get("columns", {})
        return {key: now[key] if key in kept else then.get(key, now[key]) for key in now}

    def over(self, now: Mapping[str, Any]) -> dict[str, Any]:
        """Return the snapshot to deploy, from that of the resource as it is now; raises Conflict where none can be made."""
        then = self._snapshot
        restored = {**now, **{key: then[key] for key in _OF_A_SERVICE if key in then}}
        env, renewed = self._variables(now, then)
        services, built = _services(restored)
        pins = pins_of(self.source.image_digests)
        images = {service: pins[service] for service in services if service in pins and service not in built}
        return {
            **restored,
            "env": env,
            "images": images,
            "notes": list(self._notes(images, set(services) - images.keys() - built, built, renewed)),
            "secrets": sorted({*now["secrets"], *then.get("secrets", ())}),
        }

    @property
    def _snapshot(self) -> dict[str, Any]:
        return self.source.configuration_snapshot or {}

    def _variables(
        self, now: Mapping[str, Any], then: Mapping[str, Any]
    ) -> tuple[list[Mapping[str, Any]], tuple[str, ...]]:
        """Return the variables of then, those with a secret as they are now, and the names of these that differ."""
        names = re.compile(self.secret_names)
        current = {variable["key"]: variable for variable in now["env"]}
        env, renewed, lost = [], [], []
        for variable in then.get("env", ()):
            key, today = variable["key"], current.get(variable["key"])
            if not (
                is_secret_variable(variable, then, names)
                or (today is not None and is_secret_variable(today, now, names))
            ):
                env.append(variable)
            elif today is None:
                lost.append(key)
            else:
                env.append(today)
                renewed += [key] if today != variable else []
        if lost:
            raise Conflict(
                f"These variables held secrets then and are not there any more: {', '.join(lost)}. A rollback takes "
                "secrets as they are now: set them, then roll back."
            )
        return env, tuple(renewed)

    def _notes(
        self, images: Mapping[str, str], unknown: Iterable[str], built: Iterable[str], renewed: Iterable[str]
    ) -> Iterator[str]:
        moment = f"{self.source.created_at:%Y-%m-%d %H:%M} UTC"
        yield f"Rolling back to the deployment {self.source.deployment_uuid} of {moment}."
        for service, image in images.items():
            yield f"The image of {service} is the one that ran then: {image}."
        if words := ", ".join(sorted(unknown)):
            why = " because it was deployed before Shiplog kept any" if self.source.image_digests is None else ""
            yield f"No digest is known of the image of {words}{why}: its name is taken for what it means now."
        if words := ", ".join(sorted(built)):
            yield f"Built on the server again, from the Dockerfile of then: {words}."
        if words := ", ".join(renewed):
            yield f"Secrets are those of now: {words}."


def _services(snapshot: Mapping[str, Any]) -> tuple[list[str], set[str]]:
    """Return the names of all Compose services, and of those whose image is built."""
    if "compose" not in snapshot:
        return [snapshot["uuid"]], set()
    try:
        services = read_compose(snapshot["compose"]).services
    except PlanError as error:
        raise Conflict(f"What was deployed then cannot be deployed any more: {error}") from error
    return [service.name for service in services], {service.name for service in services if service.has_build}
