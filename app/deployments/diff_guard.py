"""What a comparison of deployments may know, and what it may show: values go out redacted, secrets not at all."""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from app.compose.plan import DeploymentPlan, PlanError, ServerFacts
from app.deployments.kinds import Kind
from app.deployments.masking import masked
from app.deployments.redaction import hiding_of
from app.kit.redaction import Redactor

_FACTS = ServerFacts(data_folder="/")  # files and steps are the same on every server


@dataclass(frozen=True)
class Deployed:
    """What one deployment deployed, or would: what it is called, its snapshot, and the images that it then ran."""

    label: str
    snapshot: Mapping[str, Any] = field(repr=False)
    image_digests: Mapping[str, Any] | None


class Guard:
    """Knows the secrets of both sides; compares by hashes with a salt of this one comparison, which nobody is shown."""

    def __init__(self, *sides: Deployed | None, more: frozenset[str], secret_names: str) -> None:
        snapshots = [side.snapshot for side in sides if side is not None]
        known = {*more, *(secret for snapshot in snapshots for secret in snapshot.get("secrets", ()))}
        hidden = {secret for snapshot in snapshots for secret in hiding_of(snapshot, known, secret_names).secrets}
        self.names = re.compile(secret_names)
        self._redactor = Redactor(hidden)
        self._salt = secrets.token_bytes(32)

    def hash_of(self, value: Any) -> bytes:
        """Return what is equal for equal values alone."""
        return hashlib.blake2b(json.dumps(_in_order(value)).encode(), key=self._salt).digest()

    def show(self, value: Any) -> str | None:
        """Return a value as redacted text; None stays None."""
        if value is None:
            return None
        return self._redactor.redact(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))

    def masked(self, snapshot: Mapping[str, Any]) -> dict[str, Any]:
        """Return a snapshot without its secrets."""
        return masked(snapshot, self.names)


def _in_order(value: Any) -> Any:
    """Return a value whose mappings are in the order of their keys, which YAML does not care about."""
    if isinstance(value, Mapping):
        return {str(key): _in_order(value[key]) for key in sorted(value, key=str)}
    return [_in_order(one) for one in value] if isinstance(value, list) else value


def plan_of(kind: Kind, snapshot: Mapping[str, Any]) -> DeploymentPlan:
    """Return the plan of a snapshot; raises PlanError also for one that cannot be read."""
    try:
        return kind.plan(dict(snapshot), _FACTS)
    except ValidationError as error:
        # Pydantic's text would quote the values.
        fields = ", ".join(".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
        raise PlanError(f"The stored configuration cannot be read ({fields}).") from None
