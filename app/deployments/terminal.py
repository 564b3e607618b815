"""What a terminal shows of a line with carriage returns."""

import re

_CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?)?")


def shows(state: str) -> bool:
    """Return whether anything can be seen of a text."""
    return bool(_CODES.sub("", state).strip())


def last_state(line: str) -> str:
    """Return what a terminal shows last of a line with carriage returns."""
    if "\r" not in line:
        return line
    states = line.split("\r")
    shown = next((state for state in reversed(states) if shows(state)), None)
    return shown if shown is not None else next((state for state in reversed(states) if state), "")
