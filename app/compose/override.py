"""Building `shiplog.override.json`, the second Compose file: all that we add to the user's text, for anyone to see."""

import json
import re
from collections.abc import Mapping

from app.compose.document import ComposeDocument, ComposeService

_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")

# A resource's own description as labels, e.g. {"shiplog.resource": uuid}.
Labels = Mapping[str, str]


def resource_labels(kind: str, *, uuid: str, name: str, project: str, environment: str, deployment: str) -> Labels:
    """Return the labels of every container of a resource; `kind` is `service` or `database`, empty values are left out."""
    labels = {
        "shiplog.managed": "true",
        "shiplog.type": kind,
        "shiplog.resource": uuid,
        "shiplog.name": name,
        "shiplog.project": project,
        "shiplog.environment": environment,
        "shiplog.deployment": deployment,
    }
    return {key: value for key, value in labels.items() if value}


def build_override(
    document: ComposeDocument, labels: Labels, *, uuid: str, network: str | None, images: Mapping[str, str]
) -> dict[str, object]:
    """Return the second file: labels for every service and, with `network`, that external network beside its own.

    `images` are those that take the place of the user's, by service. Container names, restart policies and everything
    else stay as the user wrote them. A service without `networks` stays on `default`; one with `network_mode` gets no
    network, because Docker allows only one of the two. On the network every service also answers to `{service}-{uuid}`,
    since its short name may not be the only one there.
    """
    key = _network_key(document, network) if network else None
    services = {service.name: _addition(service, labels, uuid=uuid, network_key=key) for service in document.services}
    for name in services.keys() & images.keys():
        services[name] = {"image": images[name], **services[name]}
    override: dict[str, object] = {"services": services}
    if key:
        override["networks"] = {key: {"name": network, "external": True}}
    return override


def render_json(document: Mapping[str, object]) -> str:
    """Return JSON that Compose reads as YAML, with every `$` doubled so that nothing in it is interpolated."""
    # A surrogate pair, as JSON escapes what lies beyond the basic plane, is no character in YAML.
    text = json.dumps(_doubled(document), ensure_ascii=False, indent=2)
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def _network_key(document: ComposeDocument, network: str) -> str:
    for key, name in document.networks.items():
        if name == network:
            return key
    key = "shiplog-destination"
    while key in document.networks:
        key += "-"
    return key


def _addition(service: ComposeService, labels: Labels, *, uuid: str, network_key: str | None) -> dict[str, object]:
    addition: dict[str, object] = {"labels": dict(labels)}
    if network_key and not service.network_mode:
        own = service.networks or ("default",)
        addition["networks"] = {key: {} for key in own} | {network_key: {"aliases": [f"{service.name}-{uuid}"]}}
    return addition


def _doubled(value: object) -> object:
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: _doubled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_doubled(item) for item in value]
    return value
