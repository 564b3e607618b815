"""What schemathesis is told: who asks, what is there, and with what a well-formed request may be refused."""

import json
import re
from collections.abc import Iterator
from itertools import cycle
from typing import Any

from tests.contract.api.seeds import PART_OPERATIONS, Names

EVERYWHERE = {
    "body.project_uuid": "project",
    "body.server_uuid": "server",
    "body.environment_name": "environment",
    "body.environment_uuid": "environment_uuid",
    "body.destination_uuid": "destination",
    "body.private_key_uuid": "key",
    "body.private_key": "private_key",
    "body.docker_compose_raw": "compose",
    "body.ip": "host",
    "body.registry_host": "registry_host",
    "body.network": "network",
    "body.key": "variable_key",
    "body.uuid": "resource",
    "query.resource_uuid": "resource",
    "query.uuid": "resource",
}
# By the names of operations; of two that fit, the first counts.
_PATHS = {
    "^DELETE /services/.uuid.$": {"path.uuid": "deleted_service"},
    "^DELETE /databases/.uuid.$": {"path.uuid": "deleted_database"},
    "^DELETE /projects/.uuid.$": {"path.uuid": "deleted_project"},
    "^DELETE /projects/.uuid./environments/[^/]*$": {
        "path.uuid": "project",
        "path.environment_name_or_uuid": "deleted_environment",
    },
    "^PATCH /servers/.uuid.$": {"path.uuid": "changed_server"},
    "^DELETE /servers/.uuid.$": {"path.uuid": "deleted_server"},
    "^DELETE /security/keys/.uuid.$": {"path.uuid": "deleted_key"},
    "^DELETE /tags/": {"path.uuid": "deleted_tag"},
    "^DELETE /notifications/": {"path.uuid": "deleted_channel"},
    "^POST /deployments/.uuid./cancel$": {"path.uuid": "active_deployment"},
    "^DELETE /deployments/.uuid.$": {"path.uuid": "deleted_deployment"},
    "^[A-Z]+ /deployments/.uuid./(diff|rollback)$": {
        "path.uuid": "kept_deployment",
        "query.against": "kept_deployment",
    },
    "^[A-Z]+ /deployments/services/deployment/.uuid./(diff|rollback)$": {
        "path.uuid": "kept_service_deployment",
        "query.against": "kept_service_deployment",
    },
    "^[A-Z]+ /deployments/databases/deployment/.uuid./(diff|rollback)$": {
        "path.uuid": "kept_database_deployment",
        "query.against": "kept_database_deployment",
    },
    "^DELETE /deployments/.uuid./logs$": {"path.uuid": "emptied_deployment"},
    "^DELETE /destinations/": {"path.uuid": "unused_destination"},
    "^(POST /services/.uuid./stop|GET /services/.uuid./logs)$": {"path.uuid": "running_service"},
    "^(POST /databases/.uuid./stop|GET /databases/.uuid./logs)$": {"path.uuid": "running_database"},
    "^POST /servers/.server_uuid./destinations$": {"path.server_uuid": "changed_server"},
    # A service each: while one thing is done with a part, another is refused.
    **{
        f"^POST /services/.uuid./{kind}s/.*/{verb}$": {
            "path.uuid": f"{verb}_{kind}_service",
            "path.app_uuid": f"{verb}_application",
            "path.database_uuid": f"{verb}_database",
        }
        for kind, verb in PART_OPERATIONS
    },
    "/services/.uuid./(applications|databases)": {
        "path.uuid": "running_service",
        "path.app_uuid": "service_application",
        "path.database_uuid": "service_database",
    },
    "/services/.uuid./tags": {"path.uuid": "tagged_service", "path.tag_uuid": "tag"},
    "/databases/.uuid./tags": {"path.uuid": "tagged_database", "path.tag_uuid": "tag"},
    "^POST /services/.uuid./envs$": {"path.uuid": "service", "body.key": "new_variable_key"},
    "^POST /databases/.uuid./envs$": {"path.uuid": "database", "body.key": "new_variable_key"},
    "^PATCH /services/.uuid./envs$": {"path.uuid": "service", "body.key": "kept_variable_key"},
    "^PATCH /databases/.uuid./envs$": {"path.uuid": "database", "body.key": "kept_variable_key"},
    "^DELETE /services/.uuid./envs": {"path.uuid": "tagged_service", "path.env_uuid": "service_variable"},
    "^DELETE /databases/.uuid./envs": {"path.uuid": "tagged_database", "path.env_uuid": "database_variable"},
    " /team/envs": {"path.env_id": "team_variable"},
    " /projects/.uuid./envs": {"path.uuid": "project", "path.env_id": "project_variable"},
    " /servers/.uuid./envs": {"path.uuid": "server", "path.env_id": "server_variable"},
    " /projects": {
        "path.uuid": "project",
        "path.environment_name_or_uuid": "environment",
        "path.env_id": "environment_variable",
    },
    " /servers": {"path.uuid": "server", "path.server_uuid": "server"},
    " /services": {"path.uuid": "service"},
    " /databases": {"path.uuid": "database"},
    " /destinations": {"path.uuid": "destination"},
    " /registries": {"path.uuid": "registry"},
    " /security/keys": {"path.uuid": "key"},
    " /operations": {"path.uuid": "operation"},
    " /notifications/channels": {
        "path.uuid": "channel",
        "path.delivery_uuid": "delivery",
        "query.before": "delivery",
        "body.url": "receiver",
    },
    " /tags": {"path.uuid": "tag"},
    " /teams": {"path.team_id": "team"},
    " /deployments/services/.uuid": {"path.uuid": "service"},
    " /deployments/databases/.uuid": {"path.uuid": "database"},
    " /deployments/services/deployment": {"path.uuid": "service_deployment"},
    " /deployments/databases/deployment": {"path.uuid": "database_deployment"},
    " /deployments/.uuid": {"path.uuid": "deployment"},
}
_REFUSALS = (
    ("^DELETE ", ["400"], "it is in use"),
    ("^(GET|POST) /(services|databases)/.*/logs$", ["400"], "it does not run"),
    ("^POST /services/.uuid./(applications|databases)/.*/start$", ["400"], "it is to pull or to build an image"),
    ("^GET /deployments/statistics$", ["422"], "the first day is behind the last"),
    ("^POST /deploy$", ["400"], "neither uuid nor tag is named, or both are"),
    ("^POST /(services|databases)/.uuid./(start|stop)$", ["400"], "it runs already, or has ended"),
    ("^GET /deployments/.*/diff$", ["404", "422"], "the other deployment is not there, or is of another resource"),
    ("^POST /(deployments|operations)/.uuid./cancel$", ["400"], "it has ended"),
    ("^POST /(services|databases/[a-z]+)$", ["400", "422"], "its place, port, Compose file or options are refused"),
    ("^PATCH /services/.uuid.$", ["422"], "its Compose file is refused"),
    ("^PATCH /databases/.uuid.$", ["400", "422"], "a field is of another type, or its port is taken"),
    ("^POST /(services|databases)/.uuid./(clone|migrate)$", ["400", "422"], "data are not copied"),
    ("^POST /(services|databases)/.uuid./tags$", ["422"], "it names no tag"),
    ("^(POST|PATCH) /security/keys", ["422"], "it is no key, or is there already"),
    ("^(POST|PATCH) /servers(/.uuid.)?$", ["400", "422"], "its address is taken or is none"),
)
"""With what a well-formed request may be refused, and why no schema can say so; of two that fit, the last counts."""


def configuration(token: str, others_token: str, names: Names) -> str:
    """Return schemathesis.toml; every check is on. The switch of the API is another team's: ours would end the run."""
    # A stream of a deployment that waits goes on for ten minutes; its first event comes at once.
    lines = ["max-stream-events = 1", f"headers = {{ Authorization = {json.dumps(f'Bearer {token}')} }}"]
    for name, values in names.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(values)}"]
    lines += ["[parameters]", *(_binding(*each) for each in EVERYWHERE.items())]
    for pattern, bindings in _PATHS.items():
        lines += ["[[operations]]", f"include-name-regex = {json.dumps(pattern)}", "[operations.parameters]"]
        lines += [_binding(*each) for each in bindings.items()]
    lines += ["[[operations]]", 'include-name-regex = "^POST /(enable|disable)$"']
    lines += [f"headers = {{ Authorization = {json.dumps(f'Bearer {others_token}')} }}"]
    for pattern, codes, _ in _REFUSALS:
        accepted = ["2xx", "401", "403", "404", "409", "429", *codes]
        lines += ["[[operations]]", f"include-name-regex = {json.dumps(pattern)}"]
        lines += [f"checks.positive_data_acceptance.expected-statuses = {json.dumps(accepted)}"]
    return "\n".join(lines)


def names_of_paths(operation: str) -> dict[str, str]:
    """Return which dictionary the path parameters of `METHOD /path` are from."""
    return next((bindings for pattern, bindings in _PATHS.items() if re.search(pattern, operation)), {})


def name_what_is_there(document: dict[str, Any], names: Names) -> None:
    """Let the examples of bodies name things that are there, as those of a client do; what must be new is new in each."""
    values = {field: cycle(names[dictionary]) for field, dictionary in EVERYWHERE.items()}
    for schema in document["components"]["schemas"].values():
        for field, property_schema in schema.get("properties", {}).items():
            if f"body.{field}" in values:
                property_schema["examples"] = [next(values[f"body.{field}"])]
    for content in _bodies(document):
        content["example"] |= {
            field: next(values[f"body.{field}"]) for field in content["example"] if f"body.{field}" in values
        }


def _bodies(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        for operation in methods.values():
            yield from operation.get("requestBody", {}).get("content", {}).values()


def _binding(parameter: str, dictionary: str) -> str:
    return f'"{parameter}" = {{ dictionary = "{dictionary}", probability = 0.95 }}'
