"""Defects that the suite must find, each put into a worker process at its start."""

from importlib import import_module

NAMES = ("no_offset_check", "no_epoch_check", "launch_without_lock", "rerun_on_takeover")

CAUGHT_BY = {
    "no_offset_check": ("twice: same claim run twice", "postgres: answer lost"),
    "no_epoch_check": ("twice: lease expires under its owner", "worker: frozen past its lease"),
    "launch_without_lock": ("link: cut at launch", "twice: same claim run twice"),
    "rerun_on_takeover": ("worker: killed, another alive",),
}
"""The kinds of fault that turn red with each of them, the surest first."""


def apply(name: str) -> None:
    """Put a defect into this process."""
    if name not in NAMES:
        raise ValueError(f"no mutant {name!r}: one of {', '.join(NAMES)}")
    import_module(f"tests.faults.mutants.{name}").apply()
