"""The installations that `shiplog login` knows: a file of the user's own, mode 0600, as it holds their tokens."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import typer

from app.cli.problem import Problem
from app.kit import private_file


@dataclass(frozen=True)
class Context:
    """One installation and a token for it."""

    url: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Contexts:
    """All of them by name, and the name of the one that is used where none is named."""

    current: str | None
    by_name: Mapping[str, Context]

    def __getitem__(self, name: str) -> Context:
        """Return a context; raise Problem for a name that nobody logged in under."""
        try:
            return self.by_name[name]
        except KeyError:
            known = f"there are: {', '.join(sorted(self.by_name))}" if self.by_name else "there is none yet"
            raise Problem(
                f"No context is called {name}, {known}. `shiplog login URL` makes one.", exit_code=2
            ) from None

    def with_one(self, name: str, context: Context) -> "Contexts":
        """Return them with one more, or another one of that name, which is the current one."""
        return Contexts(name, {**self.by_name, name: context})

    def using(self, name: str) -> "Contexts":
        """Return them with another one as the current one."""
        self[name]
        return Contexts(name, self.by_name)

    def without(self, name: str) -> "Contexts":
        """Return them without one; when it was the current one there is none then."""
        self[name]
        rest = {other: context for other, context in self.by_name.items() if other != name}
        return Contexts(None if self.current == name else self.current, rest)


def load() -> Contexts:
    """Return what the file says; raise Problem when it cannot be read."""
    path = _path()
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        by_name = {name: Context(one["url"], one["token"]) for name, one in document["contexts"].items()}
        return Contexts(document["current"], by_name)
    except FileNotFoundError:
        return Contexts(None, {})
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}.", exit_code=2) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Problem(f"{path} is damaged: remove it and `shiplog login` again.", exit_code=2) from None


def save(contexts: Contexts) -> None:
    """Write the file, for nobody but its owner from the first byte on."""
    path = _path()
    document = {
        "current": contexts.current,
        "contexts": {name: {"url": one.url, "token": one.token} for name, one in contexts.by_name.items()},
    }
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        private_file.write(path, json.dumps(document, indent=2, ensure_ascii=False))
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}.", exit_code=2) from None


def _path() -> Path:
    return Path(typer.get_app_dir("shiplog")) / "contexts.json"
