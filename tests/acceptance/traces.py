"""What the tests' own resources leave on the rig's servers, which are this machine, and an end to it."""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.engine import remove_containers_of, remove_everything_of

DATA = Path("/data/shiplog")
"""The data folder of whoever may write there: root."""

HOME_DATA = ".local/share/shiplog"
"""The data folder of everybody else, below their home."""


@dataclass
class Traces:
    """Uuids of all that was made: what else is in the same folders is somebody else's and stays."""

    resources: set[str] = field(default_factory=set)
    deployments: set[str] = field(default_factory=set)
    _was_there: list[Path] = field(default_factory=lambda: [path for path in (DATA, DATA.parent) if path.exists()])

    def remove_containers(self) -> None:
        """Remove the containers alone, of everything made so far."""
        remove_containers_of(sorted(self.resources))

    def remove(self) -> None:
        """Remove containers, volumes, networks and files, and the data folder if it was not there and is empty now."""
        remove_everything_of(sorted(self.resources))
        for uuid in self.resources:
            for kind in ("services", "databases"):
                shutil.rmtree(DATA / kind / uuid, ignore_errors=True)
        for uuid in self.deployments:
            for folder in (DATA / "runs" / uuid, *(DATA / "runs").glob(f"{uuid}.*")):
                shutil.rmtree(folder, ignore_errors=True)
        _remove_empty(DATA / name for name in ("services", "databases", "runs"))
        _remove_empty(path for path in (DATA, DATA.parent) if path not in self._was_there)


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with suppress(OSError):  # somebody has something there, or nobody made it
            folder.rmdir()
