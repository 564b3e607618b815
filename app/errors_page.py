"""docs/errors.md, written from the classes in `app/errors.py`: `python -m app.errors_page` (`--check`: is it current?)."""

import inspect
import sys
from http import HTTPStatus
from pathlib import Path

from app import errors
from app.kit.generated import write_or_check

FILE = Path(__file__).parents[1] / "docs" / "errors.md"

_HEAD = """# Errors

Written by `python -m app.errors_page` from `app/errors.py`.

Every error is JSON with a `message` for people and the `request_id` that names the request in the log of the API; it is
in the header `X-Request-Id` too. Programs go by the status code. Whatever changes data has changed none when it answers
an error.
"""


def render() -> str:
    """Return the page."""
    classes = [each for each in vars(errors).values() if inspect.isclass(each) and issubclass(each, errors.AppError)]
    rows = sorted(classes, key=lambda each: (each.status_code, each.__name__))
    return "\n".join([_HEAD, *map(_section, rows)])


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or check it; return the exit code."""
    return write_or_check(
        FILE,
        render,
        arguments,
        program="python -m app.errors_page",
        source="the classes say",
        remedy="run `python -m app.errors_page`",
    )


def _section(error: type[errors.AppError]) -> str:
    name = "Error" if error is errors.AppError else error.__name__
    title = f"## {error.status_code} {HTTPStatus(error.status_code).phrase}: {name}"
    return f"{title}\n\n- Cause: {error.cause}\n- What to do: {error.remedy}\n"


if __name__ == "__main__":
    sys.exit(main())
