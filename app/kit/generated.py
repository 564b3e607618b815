"""Files in the repository that are written from the code: a program that writes one, or says whether it is current."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path


def write_or_check(
    file: Path, render: Callable[[], str], arguments: Sequence[str] | None, *, program: str, source: str, remedy: str
) -> int:
    """Write `file` as `render` has it, or with `--check` only compare; return the exit code, 1 when it is not current.

    `source` and `remedy` are words of the complaint: what is right, and what to do.
    """
    parser = argparse.ArgumentParser(prog=program, description=f"Write {file.name} from the code.")
    parser.add_argument("--check", action="store_true", help="only say whether it is current; exit code 1 when not")
    parser.add_argument("--file", type=Path, default=file, help=f"default: {file.name} in its place beside app/")
    options = parser.parse_args(arguments)
    text = render()
    if not options.check:
        options.file.write_text(text, encoding="utf-8")
        return 0
    if options.file.exists() and options.file.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{options.file.name} is not what {source}: {remedy}.\n")
    return 1
