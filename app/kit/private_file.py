"""Files that hold a secret: mode 0600 from their first byte on, and never seen half written."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write `text` to `path` in one step: who reads meanwhile gets all of the old text or all of the new."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_or_write(path: Path, make: Callable[[], str]) -> str:
    """Return the text of `path`, stripped; where there is no such file, write what `make` returns first."""
    if not path.exists():
        write(path, make())
    return path.read_text().strip()
