"""One rig for all test processes of a machine: whoever needs it holds a lease, and the last one to leave ends it.

A lease is a line with pid and start time, so that a holder that was killed counts no more; `up` keeps the rig by a
line without a process. Leases, start and end are one at a time, under a file lock.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.rig import parts
from tests.rig.parts import Rig
from tests.rig.processes import started_at

LOCK = Path("/run/shiplog-rig.lock")
KEPT = "up"

_LEASES = parts.FOLDER / "leases.json"
_DESCRIPTION = parts.FOLDER / "rig.json"


@contextmanager
def lease() -> Iterator[Rig]:
    """Use the rig, starting it when this is the first; RigError when it does not come up."""
    holder = f"{os.getpid()}:{started_at(os.getpid())}"
    rig = _join(holder)
    try:
        yield rig
    finally:
        _leave(holder)


def keep() -> Rig:
    """Start the rig, unless it is there, and keep it until `give_up`."""
    return _join(KEPT)


def give_up() -> list[str]:
    """End the rig unless somebody uses it; return who does. The last one of those will end it."""
    return _leave(KEPT)


def current() -> tuple[Rig, list[str]] | None:
    """Return the rig that runs and its holders, None when none does."""
    with _locked():
        rig = _described()
        return None if rig is None else (rig, _holders())


def _join(holder: str) -> Rig:
    with _locked():
        holders = _holders()
        rig = _described()
        if rig is None:
            rig = parts.start()
            _write(_DESCRIPTION, rig.to_json())
        _write(_LEASES, json.dumps([*(other for other in holders if other != holder), holder]))
        return rig


def _leave(holder: str) -> list[str]:
    with _locked():
        holders = [other for other in _holders() if other != holder]
        if holders:
            _write(_LEASES, json.dumps(holders))
        else:
            parts.stop()
        return holders


def _described() -> Rig | None:
    try:
        rig = Rig.from_json(_DESCRIPTION.read_text())
    except (OSError, ValueError, TypeError, KeyError):
        return None  # none, or one of another version of this code
    return rig if parts.running(rig) else None


def _holders() -> list[str]:
    """Return the leases whose holder is alive."""
    try:
        holders: list[str] = json.loads(_LEASES.read_text())
    except (OSError, ValueError):
        return []
    return [holder for holder in holders if holder == KEPT or _is_alive(holder)]


def _is_alive(holder: str) -> bool:
    pid, _, started = holder.partition(":")
    return str(started_at(int(pid))) == started


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)  # there are private keys in it
    draft.write_text(text)
    draft.rename(path)


@contextmanager
def _locked() -> Iterator[None]:
    descriptor = os.open(LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
