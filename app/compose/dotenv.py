"""Writing the `.env` that Compose reads, so that every value arrives in the container exactly as it was given."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


@dataclass(frozen=True)
class Variable:
    """One line of a `.env`; a `literal` value is not interpolated, any other may refer to `$NAME` or `${NAME}`."""

    key: str
    value: str
    literal: bool

    def __repr__(self) -> str:
        return f"Variable({self.key!r})"


def render_dotenv(variables: Iterable[Variable]) -> str:
    """Return the text of the file, a definition before whatever refers to it as given, one variable a line.

    Raises ValueError for a name that Compose would not read and for a NUL in a value.
    """
    return "".join(f"{_checked_key(variable)}={_quoted(variable)}\n" for variable in variables)


def _checked_key(variable: Variable) -> str:
    if not KEY.fullmatch(variable.key):
        raise ValueError(f"not a name of an environment variable: {variable.key!r}")
    if "\0" in variable.value:
        raise ValueError(f"the value of {variable.key} contains a NUL character")
    return variable.key


def _quoted(variable: Variable) -> str:
    # Inside single quotes nothing is special, but a backslash before a quote cannot be written there, and the reader
    # turns CR LF into LF. Inside double quotes all of it has an escape (seen with 2.40.3, 36,000 random values).
    if variable.literal and not set(variable.value) & {"'", "\\", "\r"}:
        return f"'{variable.value}'"
    escaped = variable.value.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r")
    if variable.literal:
        escaped = escaped.replace("$", "\\$")
    return f'"{escaped}"'
