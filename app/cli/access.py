"""Where the API is and with which token: a context that is named, the environment, or the current context."""

import os
from pathlib import Path

from app.cli import contexts
from app.cli.contexts import Context
from app.cli.problem import Problem
from app.cli.reading import checked_token

CONTEXT_VARIABLE = "SHIPLOG_CONTEXT"


def find_access() -> Context:
    """Return URL and token; raise Problem, exit code 2, that says how to give them."""
    if name := os.environ.get(CONTEXT_VARIABLE):
        return contexts.load()[name]
    if any(map(_variable, ("URL", "TOKEN", "TOKEN_FILE"))):
        return _of_environment()
    known = contexts.load()
    if known.current is None:
        raise Problem(
            "Log in with `shiplog login https://shiplog.example.org`, or set SHIPLOG_URL and SHIPLOG_TOKEN_FILE.",
            exit_code=2,
        )
    return known[known.current]


def is_configured() -> bool:
    """Return whether there is anything that says where the API is."""
    return bool(os.environ.get(CONTEXT_VARIABLE) or _variable("URL") or contexts.load().current)


def checked_url(url: str) -> str:
    """Return where an API is without what every request adds; raise Problem for what is no such URL."""
    if not url.startswith(("http://", "https://")):
        raise Problem("The URL of an API looks like https://shiplog.example.org.", exit_code=2)
    return url.rstrip("/").removesuffix("/api/v1")


def _of_environment() -> Context:
    """A token never stands among the arguments, where every user of the machine sees it."""
    url, token, file = map(_variable, ("URL", "TOKEN", "TOKEN_FILE"))
    if token and file:
        raise Problem("Set SHIPLOG_TOKEN or SHIPLOG_TOKEN_FILE, not both.", exit_code=2)
    if file:
        try:
            token = Path(file).read_text().strip()
        except OSError as error:
            raise Problem(f"{file}: {error.strerror}.", exit_code=2) from None
    if not token:
        raise Problem("Set SHIPLOG_TOKEN_FILE to a file with an API token, or SHIPLOG_TOKEN to the token.", exit_code=2)
    if not url:
        raise Problem("Set SHIPLOG_URL to where the API is, for example https://shiplog.example.org.", exit_code=2)
    return Context(checked_url(url), checked_token(token, file or "SHIPLOG_TOKEN"))


def _variable(name: str) -> str:
    return os.environ.get(f"SHIPLOG_{name}", "")
