"""What in a Compose text reaches beyond the resource's own folder and containers, found by reading the text alone.

What else a container may do to the server is in `powers`.

Nothing but the Compose file itself, its `.env` and what containers write is in that folder, so a path that leads out of
it is the server's own, and a file that Compose would read from it was put there by a container.
"""

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from app.compose.powers import powers_of

NETWORK_FILE_SYSTEMS = frozenset({"cifs", "nfs", "nfs3", "nfs4", "tmpfs"})
"""Types of a volume of the `local` driver whose `device` is no path of the server."""

# A container that may write to these would have a say in what the deployment runs on the server.
_OWN_FILES = frozenset({"docker-compose.yml", "shiplog.override.json", "verify.sh"})
_OTHER_MOUNTS = frozenset({"volume", "tmpfs", "image", "cluster"})


def reaches_outside(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each thing in a Compose document that needs the server's `allow_host_paths`."""
    if data.get("include"):
        yield "The Compose file includes other files: Shiplog brings this one only."
    for name, service in _mappings(data.get("services")):
        for sentence in _of_service(service):
            yield f"The service {name} {sentence}"
    for name, network in _mappings(data.get("networks")):
        if "host" in {str(network.get("name") or name), str(network.get("driver"))}:
            yield f"The network {name} is the server's own."
    for name, volume in _mappings(data.get("volumes")):
        if _is_of_the_server(volume):
            yield f"The volume {name} has driver_opts that can lead to a path of the server."
    for section, noun in (("secrets", "secret"), ("configs", "config")):
        for name, entry in _mappings(data.get(section)):
            if "file" in entry and not _is_inside(entry["file"]):
                yield f"The {noun} {name} is read from {entry['file']}, outside its own folder."


def paths_inside(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths in the resource's folder that the services mount, for a look at where they lead there."""
    sources = [source for _, service in _mappings(data.get("services")) for source in _bind_sources(service)]
    return tuple(dict.fromkeys(posixpath.normpath(source) for source in sources if _is_inside(source)))


def _of_service(service: Mapping[str, Any]) -> Iterator[str]:
    for source in _bind_sources(service):
        if not _is_inside(source):
            yield f"mounts {source}, outside its own folder."
        elif posixpath.normpath(source) in {".", *_OWN_FILES}:
            yield f"mounts {source}, which is Shiplog's: mount a folder below it."
    for key in ("env_file", "label_file"):
        for path in _paths(service.get(key)):
            if not _is_inside(path):
                yield f"reads its {key} from {path}, outside its own folder."
    extends = service.get("extends")
    if isinstance(extends, Mapping) and extends.get("file"):
        yield "extends a service of another file: Shiplog brings this one only."
    if service.get("use_api_socket") not in (None, "false"):
        yield "mounts the socket of the Docker engine."
    if service.get("provider"):
        yield "has a provider, which is a program of the server."
    yield from powers_of(service)


def _bind_sources(service: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the volumes of a service name as a path of the server, or may name once variables are filled in."""
    for volume in _list(service.get("volumes")):
        if isinstance(volume, Mapping):
            source = str(volume.get("source") or "")
            if volume.get("type") not in _OTHER_MOUNTS:
                # Without a dot it is a path all the same here.
                yield source if source.startswith(("/", "~", "$", ".")) else f"./{source}"
        elif isinstance(volume, str):
            source, colon, _ = volume.partition(":")
            # `/data` alone is a path in the container; `$WHAT` alone may be anything.
            if "$" in source or (colon and source.startswith(("/", "~", "."))):
                yield source


def _is_inside(path: object) -> bool:
    text = str(path)
    if not text or "$" in text or text.startswith(("/", "~")) or "\\" in text:
        return False
    return posixpath.normpath(text).split("/")[0] != ".."


def _is_of_the_server(volume: Mapping[str, Any]) -> bool:
    options = volume.get("driver_opts")
    if not options:
        return False
    if not isinstance(options, Mapping) or volume.get("driver") not in (None, "local"):
        return True
    kind, how = str(options.get("type")), str(options.get("o") or "")
    mounts = {option.strip() for option in how.split(",")}
    return kind not in NETWORK_FILE_SYSTEMS or "$" in how or bool(mounts & {"bind", "rbind"})


def _paths(value: object) -> Iterator[object]:
    for entry in _list(value):
        yield entry.get("path") if isinstance(entry, Mapping) else entry


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _mappings(value: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        yield from ((str(name), entry) for name, entry in value.items() if isinstance(entry, Mapping))
