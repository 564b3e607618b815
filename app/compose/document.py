"""Reading the user's Compose text: only to check it and to learn its services; the text itself is never rewritten."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from app.compose.confinement import paths_inside, reaches_outside
from app.compose.plan import PlanError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 64
MAX_NODES = 100_000

_SERVICE_NAME = re.compile(r"[A-Za-z0-9._-]+")
# What else YAML can spell, as text in base64, Compose would read and the checks here would not.
_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq", "merge")
)


class ComposeInvalid(PlanError):
    """A Compose text that cannot be used; the text says what is wrong with it and, where known, in which line."""


@dataclass(frozen=True)
class ComposeService:
    """One entry of `services`, with what the second file has to know about it."""

    name: str
    has_build: bool
    network_mode: bool
    networks: tuple[str, ...]  # empty: Compose puts it on `default`
    image: str | None = None


@dataclass(frozen=True)
class ComposeDocument:
    """The services in the order of the text, and the networks by key with their name on the server if external."""

    services: tuple[ComposeService, ...]
    networks: Mapping[str, str | None]
    outside: tuple[str, ...] = ()
    """A sentence for each thing that needs the server's `allow_host_paths`."""
    paths_inside: tuple[str, ...] = ()
    """What it mounts of its own folder."""
    has_profiles: bool = False
    """Whether a profile can leave a service out."""

    @property
    def has_build(self) -> bool:
        """Whether any image is built from source."""
        return any(service.has_build for service in self.services)


def read_compose(text: str) -> ComposeDocument:
    """Return what the text says; raises ComposeInvalid with a message for the person who wrote it.

    Limits: 256 KiB, 64 levels, 100,000 nodes after aliases are expanded. Whether the rest of it makes sense is for
    `docker compose config` on the server to say.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ComposeInvalid(f"The Compose file is larger than {MAX_BYTES // 1024} KiB.")
    try:
        _check_size(text)
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 -- a SafeLoader that makes strings
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" in line {mark.line + 1}" if mark else ""
        raise ComposeInvalid(f"The Compose file is not valid YAML{line}: {error.problem or error.context}.") from None
    except (yaml.YAMLError, ValueError, UnicodeError) as error:
        raise ComposeInvalid(f"The Compose file is not valid YAML: {str(error).splitlines()[0]}.") from None
    return _document(data)


def services_of(text: str) -> Mapping[str, Any]:
    """Return the services of a text that `read_compose` takes, as data."""
    services: Mapping[str, Any] = yaml.load(text, Loader=_Loader)["services"]  # noqa: S506 -- as above
    return services


def refuse_outside(document: ComposeDocument) -> None:
    """Raise ComposeInvalid for a text that reaches beyond the resource's own folder."""
    if document.outside:
        raise ComposeInvalid(
            f"{document.outside[0]} Turn on allow_host_paths of the server if its services may use what is its own."
        )


class _Loader(yaml.CSafeLoader):
    """Knows strings, null and `<<` alone: `on`, `1` and `2026-01-01` are names like any other to Compose."""


_Loader.yaml_implicit_resolvers = {}
# The library only asks whether the beginning matches.
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"<<\Z"), ["<"])
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])


def _construct_tagged(loader: Any, _suffix: str, node: yaml.Node) -> object:
    # `!reset` and `!override` are Compose's own: their value is what counts.
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


yaml.add_multi_constructor("!", _construct_tagged, Loader=_Loader)


def _check_size(text: str) -> None:
    """Refuse depth, alias bombs, a second document and unusual tags before any node is built.

    Works on events: building nodes recurses, and merge keys copy what they name each time.
    """
    finished: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []
    documents, size = 0, 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        _check_tag(getattr(event, "tag", None))
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise ComposeInvalid("The Compose file holds more than one YAML document.")
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, size))
            size += 1
            if len(open_nodes) > MAX_DEPTH:
                raise ComposeInvalid(f"The Compose file is nested deeper than {MAX_DEPTH} levels.")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor:
                finished[anchor] = size - before
        elif isinstance(event, yaml.ScalarEvent):
            size += 1
            if event.anchor:
                finished[event.anchor] = 1
        elif isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in open_nodes):
                raise ComposeInvalid(f"The alias *{event.anchor} in the Compose file contains itself.")
            size += finished.get(event.anchor or "", 1)
        if size > MAX_NODES:
            raise ComposeInvalid(f"The Compose file has more than {MAX_NODES} nodes once its aliases are expanded.")


def _check_tag(tag: str | None) -> None:
    if tag and not tag.startswith("!") and tag not in _PLAIN_TAGS:
        raise ComposeInvalid(f"The Compose file has the YAML tag {tag}, which Shiplog does not read.")


def _document(data: object) -> ComposeDocument:
    if not isinstance(data, dict):
        raise ComposeInvalid("The Compose file is not a mapping: it must begin with keys such as `services:`.")
    services = data.get("services")
    if not services:
        raise ComposeInvalid("The Compose file has no services.")
    if not isinstance(services, dict):
        raise ComposeInvalid("`services` in the Compose file is not a mapping of names to services.")
    for name, service in services.items():
        if not isinstance(name, str) or not _SERVICE_NAME.fullmatch(name):
            raise ComposeInvalid(f"The service name {name!r} may only have letters, digits, `.`, `_` and `-`.")
        if not isinstance(service, dict):
            raise ComposeInvalid(f"The service {name} in the Compose file is not a mapping.")
        if not any(service.get(key) for key in ("image", "build", "extends")):
            raise ComposeInvalid(f"The service {name} has neither an image nor a build.")
        _check_build(name, service.get("build"))
    return ComposeDocument(
        services=tuple(_service(name, services) for name in services),
        networks=dict(_networks(data.get("networks"))),
        outside=tuple(reaches_outside(data)),
        paths_inside=paths_inside(data),
        has_profiles=any(service.get("profiles") for service in services.values()),
    )


def _check_build(name: str, build: object) -> None:
    """Refuse what is built from files: there are none, and a repository is not ours to fetch on somebody's server."""
    if not build:
        return
    described = build if isinstance(build, dict) else {"context": build}
    contexts = [described.get("context") or "."] if described.get("dockerfile_inline") else []
    more = described.get("additional_contexts") or ()
    contexts += [str(one).partition("=")[2] for one in more] if isinstance(more, list) else []
    contexts += more.values() if isinstance(more, dict) else []
    allowed = all(str(one) in {".", "./"} or str(one).startswith(("docker-image://", "service:")) for one in contexts)
    if not described.get("dockerfile_inline") or not allowed:
        raise ComposeInvalid(
            f"The service {name} is built from files, and Shiplog neither brings nor fetches any: build its image "
            "elsewhere and name it with `image`, or write the whole Dockerfile as `dockerfile_inline`."
        )


def _service(name: str, services: Mapping[str, Mapping[str, Any]]) -> ComposeService:
    chain = list(_extended(name, services))
    networks = [key for service in chain for key in _keys(service.get("networks"))]
    return ComposeService(
        name=name,
        has_build=any(service.get("build") for service in chain),
        network_mode=any(service.get("network_mode") for service in chain),
        networks=tuple(dict.fromkeys(networks)),
        image=next((str(service["image"]) for service in chain if service.get("image")), None),
    )


def _extended(name: str, services: Mapping[str, Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the service and those of the same file that it extends."""
    seen: set[str] = set()
    while name in services and name not in seen:
        seen.add(name)
        yield services[name]
        extends = services[name].get("extends")
        if not isinstance(extends, dict):
            extends = {"service": extends}
        name = "" if extends.get("file") else str(extends.get("service"))


def _keys(value: object) -> list[str]:
    if isinstance(value, dict | list):
        return [key for key in value if isinstance(key, str)]
    return []


def _networks(value: object) -> Iterator[tuple[str, str | None]]:
    for key in _keys(value):
        network = value[key] if isinstance(value, dict) else None
        if not isinstance(network, dict) or network.get("external") in (None, "false", "False", "no"):
            yield key, None
        else:
            external = network["external"]
            inner = external.get("name") if isinstance(external, dict) else None
            yield key, str(network.get("name") or inner or key)
