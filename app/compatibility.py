"""What of Coolify's API is here, and `python -m app.compatibility`, which writes docs/coolify-compatibility.md.

docs/coolify-operations.json lists the operations of Coolify's published description; this module says what is different
about those that are here, and why the others are not. Everything else is the same.
"""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.kit.generated import write_or_check

_DOCS = Path(__file__).parents[1] / "docs"
OPERATIONS = _DOCS / "coolify-operations.json"
FILE = _DOCS / "coolify-compatibility.md"


@dataclass(frozen=True)
class Area:
    """A part of Coolify that is not here; `operations` is a regular expression of `METHOD /path`."""

    name: str
    operations: str
    reason: str


NOT_HERE = (
    Area("Applications", r".+ /(applications.*|deployments/applications/.*)", "Shiplog builds nothing from git."),
    Area("Backups", r".+ /databases/[^/]+/backups.*", "Use the database's own tools, or a service that runs them."),
    Area(
        "Storages",
        r".+ /(databases|services)/[^/]+/storages.*",
        "A database has the one volume of its type; a service's volumes stand in its Compose file.",
    ),
    Area(
        "Domains",
        r".+ /servers/[^/]+/domains",
        "Shiplog routes no domains: publish ports, or run a proxy as a service.",
    ),
    Area("Scheduled tasks", r".+ /services/[^/]+/scheduled-tasks.*", "Run a scheduler as a container of the service."),
)

_NO_VOLUMES = "Settings, variables and tags; data are not copied between servers, so `clone_volumes` is refused."
_PART_START = " `latest` and `force` are refused when true: only a deployment pulls or builds images."
_STAYS = (
    "To another network of its server at any time, to another server before its first deployment: what has data is "
    "refused with what to do, and never started empty."
)
BETTER: Mapping[str, str] = {
    "POST /deploy": "`deployment_uuid` for every resource; a tag reaches databases too; `force` pulls images; "
    "`Idempotency-Key`.",
    "GET /deployments/{uuid}": "Of services and databases; another team's is not found; an `ETag` once it is settled.",
    "GET /deployments": "Services and databases.",
    "POST /deployments/{uuid}/cancel": "What runs on the server has ended before the status says so.",
    "POST /databases/{uuid}/start": "`deployment_uuid`; a crashed database can be started; `Idempotency-Key`.",
    "POST /databases/{uuid}/restart": "`deployment_uuid`; `Idempotency-Key`.",
    "POST /databases/{uuid}/stop": "`operation_uuid`: how it went is `GET /operations/{uuid}`.",
    "DELETE /databases/{uuid}": "`operation_uuid`; a server that is away is waited for.",
    "POST /services/{uuid}/start": "`deployment_uuid`; takes `pull_latest_images`, `stop_before_start`; `Idempotency-Key`.",
    "POST /services/{uuid}/restart": "`deployment_uuid`; `Idempotency-Key`.",
    "POST /services/{uuid}/stop": "`operation_uuid`: how it went is `GET /operations/{uuid}`.",
    "DELETE /services/{uuid}": "`operation_uuid`; a server that is away is waited for.",
    "POST /services": "From a Compose file alone, no templates; paths outside the service's folder are refused.",
    "PATCH /security/keys": "At `/security/keys/{uuid}`: the published description leaves the uuid out.",
    "POST /servers/{uuid}/validate": "The host key is pinned; another one is refused until it is accepted.",
    "GET /servers/{uuid}": "The last validation with what it found.",
    "GET /projects/{uuid}/{environment_name_or_uuid}": "`resources` has everything in one list, beside the lists by type.",
    "POST /disable": "Of the token's own team, so that none takes the API from another; the pages go on.",
    "POST /enable": "Of the token's own team, and by any token of it that may write.",
    "POST /services/{uuid}/clone": _NO_VOLUMES,
    "POST /databases/{uuid}/clone": _NO_VOLUMES,
    "POST /services/{uuid}/migrate": _STAYS,
    "POST /databases/{uuid}/migrate": _STAYS,
    **{
        f"POST /services/{{uuid}}/{kind}/{verb}": f"`operation_uuid`: how it went is `GET /operations/{{uuid}}`.{more}"
        for kind in ("applications/{app_uuid}", "databases/{database_uuid}")
        for verb, more in {"stop": "", "start": _PART_START, "restart": ""}.items()
    },
    "GET /services/{uuid}/envs": "A locked value is never shown; the others only with `read:sensitive`.",
    "GET /databases/{uuid}/envs": "A locked value is never shown; the others only with `read:sensitive`.",
}
"""How ours differs for the better; a database type's create routes all have the same words."""

_CREATE = (
    "Also `ports_mappings`, `enable_ssl`, `ssl_mode`, `init_scripts` where the type has them; every field is checked."
)

_BUILDS = "Belongs to applications, which are not here."
_NO_DOMAINS = "There are no domains and no proxy here."
_IN_COMPOSE = "Of a part of a service: it stands in the Compose file. A database has it."
FIELDS_NOT_HERE: Mapping[str, str] = {
    "pr": _BUILDS,
    "pull_request_id": _BUILDS,
    "docker_tag": _BUILDS,
    "is_preview": _BUILDS,
    "proxy_type": _NO_DOMAINS,
    "urls": _NO_DOMAINS,
    "force_domain_override": _NO_DOMAINS,
    "is_container_label_escape_enabled": "A Compose file is deployed byte for byte: nothing in it is rewritten.",
    "url": _NO_DOMAINS,
    "noindex_domains": _NO_DOMAINS,
    "is_gzip_enabled": _NO_DOMAINS,
    "is_stripprefix_enabled": _NO_DOMAINS,
    "is_log_drain_enabled": "There are no log drains here.",
    "exclude_from_status": "The status of a service is that of all its containers.",
    **dict.fromkeys(("image", "is_public", "public_port", "public_port_timeout"), _IN_COMPOSE),
    "type": "There are no one-click templates here: send a Compose file.",
    "server_disk_usage_check_frequency": "Shiplog does not watch the disks of servers.",
    "server_disk_usage_notification_threshold": "Shiplog does not watch the disks of servers.",
}
"""Fields that a request of ours refuses with 422 `This field is not allowed.`, and why."""

ELSEWHERE: Mapping[str, str] = {"PATCH /security/keys": "PATCH /security/keys/{}"}
"""Where we serve an operation whose published path is wrong."""

_HEAD = """# Coming from Coolify

Point a client of Coolify's API (version {version}) at Shiplog by changing its base URL and its token: what is marked *same*
answers with the same paths, fields, codes and messages. `SHIPLOG_LEGACY_GET_ACTIONS=true` also takes the actions by GET, as
older clients send them. Written from the code by `python -m app.compatibility`.

The operations with their fields and codes are those of Coolify's published description and, where it is wrong, of its
controllers (docs/coolify-operations.json). A test generates a Python client from them and asks every operation that is here
with what the description needs: it gets the code that the description has, and can read the answer.

Closed here on purpose, because it is a hole there: no secret is returned to a token without `read:sensitive`, in lists as
little as in single answers, except that who creates a database is told its URL once; wrong types in a create are refused,
not ignored; a deployment is found by its own team alone.

| operation | here | how, or why not |
|---|---|---|
"""

_FIELDS = """
A field that could have no effect is refused with 422 and its name:

| field | why |
|---|---|"""


def operations() -> list[dict[str, Any]]:
    """Return the operations of Coolify's description."""
    found: list[dict[str, Any]] = json.loads(OPERATIONS.read_text(encoding="utf-8"))["operations"]
    return found


def name_of(operation: Mapping[str, Any]) -> str:
    """Return `METHOD /path`."""
    return f"{operation['method']} {operation['path']}"


def area_of(operation: Mapping[str, Any]) -> Area | None:
    """Return the part of Coolify that is not here and has this operation, or None."""
    return next((area for area in NOT_HERE if re.fullmatch(area.operations, name_of(operation))), None)


def shape_of(name: str) -> str:
    """Return `METHOD /path` without the names of path parameters, which differ."""
    return re.sub(r"\{[^}]+\}", "{}", name)


def served_as(operation: Mapping[str, Any]) -> str:
    """Return the `shape_of` the operation that answers it here."""
    return ELSEWHERE.get(name_of(operation), shape_of(name_of(operation)))


def render() -> str:
    """Return the page."""
    version = json.loads(OPERATIONS.read_text(encoding="utf-8"))["coolify"]
    lines = [_line(operation) for operation in operations()]
    fields = [f"| `{name}` | {why} |" for name, why in FIELDS_NOT_HERE.items()]
    return _HEAD.format(version=version) + "\n".join([*lines, _FIELDS, *fields]) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or check it; return the exit code."""
    return write_or_check(
        FILE,
        render,
        arguments,
        program="python -m app.compatibility",
        source="the code says",
        remedy="run `python -m app.compatibility` and commit it",
    )


def _line(operation: Mapping[str, Any]) -> str:
    name = name_of(operation)
    area = area_of(operation)
    if area is not None:
        return f"| `{name}` | not here | {area.name}: {area.reason} |"
    how = _CREATE if operation["operationId"].startswith("create-database-") else BETTER.get(name)
    return f"| `{name}` | same | |" if how is None else f"| `{name}` | better | {how} |"


if __name__ == "__main__":
    sys.exit(main())
