"""Images put together from packed layers and handed to a registry; no engine makes, packs or pushes anything."""

import gzip
import hashlib
import io
import json
import platform
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.rig.processes import RigError

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_FAST = 1  # nothing of it leaves the machine


@dataclass(frozen=True)
class Layer:
    """A packed archive: the digests of what it is and of what it unpacks to, and its bytes on demand."""

    digest: str
    diff_id: str
    size: int
    read: Callable[[], bytes]


def layer_of_files(files: Mapping[str, str | bytes], folders: Mapping[str, int] | None = None) -> Layer:
    """Return a layer of files (path to content; those that begin with `#!` are programs) and folders (path to mode)."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, mode in (folders or {}).items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            add_file(tar, path.lstrip("/"), data, 0o755 if data.startswith((b"#!", b"\x7fELF")) else 0o644)
    return packed_layer(archive.getvalue())


def kept_layer(archive: Path, make: Callable[[], None]) -> Layer:
    """Return the layer that an archive is, packed beside it; `make` makes the archive where neither is there."""
    packed, about = archive.with_suffix(".tar.gz"), archive.with_suffix(".json")
    if not about.exists():
        if not archive.exists():
            make()
        layer = packed_layer(archive.read_bytes())
        packed.write_bytes(layer.read())
        _replace(about, {"digest": layer.digest, "diff_id": layer.diff_id, "size": layer.size})
    return Layer(**json.loads(about.read_text()), read=packed.read_bytes)


def packed_layer(archive: bytes) -> Layer:
    """Return the layer that an archive is."""
    data = gzip.compress(archive, _FAST, mtime=0)
    return Layer(_digest(data), _digest(archive), len(data), lambda: data)


def add_file(tar: tarfile.TarFile, path: str, data: bytes, mode: int) -> None:
    """Add a file to an archive."""
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(data), mode
    tar.addfile(entry, io.BytesIO(data))


def upload(registry: str, name: str, tag: str, layers: Sequence[Layer], settings: Mapping[str, Any]) -> str:
    """Give a registry an image and return its reference; `settings` are those of a container, as `Env` and `Cmd`."""
    config = json.dumps(
        {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": dict(settings),
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }
    ).encode()
    base = f"http://{registry}/v2/{name}"
    for layer in layers:
        _upload_blob(base, layer.digest, layer.read)
    _upload_blob(base, _digest(config), lambda: config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {"mediaType": _CONFIG, "size": len(config), "digest": _digest(config)},
        "layers": [{"mediaType": _LAYER, "size": layer.size, "digest": layer.digest} for layer in layers],
    }
    _send("PUT", f"{base}/manifests/{tag}", json.dumps(manifest).encode(), _MANIFEST)
    return f"{registry}/{name}:{tag}"


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _upload_blob(base: str, digest: str, read: Callable[[], bytes]) -> None:
    try:
        _send("HEAD", f"{base}/blobs/{digest}")
    except urllib.error.HTTPError:
        place = _send("POST", f"{base}/blobs/uploads/")
        _send("PUT", f"{place}&digest={digest}", read(), "application/octet-stream")


def _send(method: str, url: str, data: bytes | None = None, content_type: str = "") -> str:
    headers = {"Content-Type": content_type} if content_type else {}
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with _OPENER.open(request, timeout=60) as answer:
            return str(answer.headers.get("Location", ""))
    except urllib.error.HTTPError as error:
        if method == "HEAD":
            raise
        raise RigError(f"the registry answered {method} {url} with {error.code}: {error.read()[:500]!r}") from error
    except OSError as error:
        raise RigError(f"the registry cannot be asked: {error}") from error


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is behind no proxy


def _replace(path: Path, content: Mapping[str, Any]) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as draft:
        json.dump(content, draft)
    Path(draft.name).rename(path)
