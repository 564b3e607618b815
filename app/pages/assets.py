"""Style, scripts and the vendored library: from memory, under a path with the digest of all of them, kept for ever."""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Response

from app.errors import NotFound

FOLDER = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"

router = APIRouter()


@dataclass(frozen=True)
class Assets:
    """Every file of `static/` by its name, and the digest under which they are served together.

    One digest for all, so that a module finds the others beside it without knowing theirs.
    """

    digest: str
    files: dict[str, bytes]


@lru_cache(maxsize=1)
def assets() -> Assets:
    """Return the files, read once."""
    paths = sorted(path for path in FOLDER.rglob("*") if path.is_file())
    files = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in paths}
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return Assets(digest.hexdigest()[:16], files)


@router.get("/static/{digest}/{name:path}")
async def get_asset(digest: str, name: str) -> Response:
    """Return a file; under a digest that is not ours, as while versions change, one that nobody keeps."""
    content = assets().files.get(name)
    if content is None:
        raise NotFound("Not found.")
    kept = FOR_EVER if digest == assets().digest else "no-cache"
    headers = {"Cache-Control": kept, "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=_media_type(name), headers=headers)


def _media_type(name: str) -> str:
    if name.endswith(".js"):  # the machine's own table may say anything, and a module has to be JavaScript
        return "text/javascript; charset=utf-8"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
