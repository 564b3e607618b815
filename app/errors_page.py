"""docs/errors.md, written from the classes in `app/errors.py`: `python -m app.errors_page` (`--check`: is it current?)."""

import argparse
import inspect
import sys
from http import HTTPStatus
from pathlib import Path

from app import errors

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
    parser = argparse.ArgumentParser(prog="python -m app.errors_page", description="Write docs/errors.md.")
    parser.add_argument("--check", action="store_true", help="only say whether it is current; exit code 1 when not")
    parser.add_argument("--file", type=Path, default=FILE, help="default: docs/errors.md beside app/")
    options = parser.parse_args(arguments)
    text = render()
    if not options.check:
        options.file.write_text(text, encoding="utf-8")
        return 0
    if options.file.exists() and options.file.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{options.file.name} is not what the classes say: run `python -m app.errors_page`.\n")
    return 1


def _section(error: type[errors.AppError]) -> str:
    name = "Error" if error is errors.AppError else error.__name__
    title = f"## {error.status_code} {HTTPStatus(error.status_code).phrase}: {name}"
    return f"{title}\n\n- Cause: {error.cause}\n- What to do: {error.remedy}\n"


if __name__ == "__main__":
    sys.exit(main())
