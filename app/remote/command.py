"""Shell commands as values: quoted in one place, masked unless one line says otherwise."""

from typing import final

REDACTED = "<REDACTED>"
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")


@final
class Secret:
    """A text that nobody sees by accident: `str`, `repr` and formatting give `<REDACTED>`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value: the one way to it."""
        return self._value

    def __str__(self) -> str:
        return REDACTED

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return format(REDACTED, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))


@final
class Raw(str):
    """Shell text that goes into a command verbatim."""

    __slots__ = ()


def quote(word: str) -> str:
    """Return `word` as one POSIX shell word; raise ValueError for what no argument can carry."""
    if "\x00" in word:
        raise ValueError("A shell word cannot hold a NUL character.")
    try:
        word.encode()
    except UnicodeEncodeError:
        raise ValueError("A shell word must be valid text.") from None
    if word and _SAFE.issuperset(word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


@final
class Command:
    """One shell line, immutable: parts are quoted, a Secret is masked in `str()`, a Raw part is verbatim."""

    __slots__ = ("_parts",)

    def __init__(self, *parts: "str | Secret | Command") -> None:
        self._parts = parts

    def reveal(self) -> str:
        """Return the real shell text, secrets and all."""
        return " ".join(_render(part, masked=False) for part in self._parts)

    def __str__(self) -> str:
        return " ".join(_render(part, masked=True) for part in self._parts)

    def __repr__(self) -> str:
        return f"Command({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Command) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    def then(self, other: "Command") -> "Command":
        """Return `self && other`."""
        return Command(self, Raw("&&"), other)

    def pipe(self, other: "Command") -> "Command":
        """Return `self | other`."""
        return Command(self, Raw("|"), other)

    def or_else(self, other: "Command") -> "Command":
        """Return `self || other`."""
        return Command(self, Raw("||"), other)


def _render(part: "str | Secret | Command", *, masked: bool) -> str:
    if isinstance(part, Command):
        return str(part) if masked else part.reveal()
    if isinstance(part, Secret):
        return REDACTED if masked else quote(part.reveal())
    return str(part) if isinstance(part, Raw) else quote(part)
