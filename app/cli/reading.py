"""What a command reads beside its arguments: files and stdin, and secrets, which are never among the arguments."""

import getpass
import sys
from pathlib import Path

from app.cli.problem import Problem

STDIN = Path("-")


def read_text(file: Path) -> str:
    """Return the text of a file, of stdin for `-`; raise Problem, exit code 2, when it cannot be read."""
    try:
        data = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
        return data.decode()
    except OSError as error:
        raise Problem(f"{file}: {error.strerror}.", exit_code=2) from None
    except UnicodeDecodeError:
        raise Problem(f"{file} is not UTF-8 text.", exit_code=2) from None


def read_secret(file: Path | None, prompt: str) -> str:
    """Return a secret from a file, else from stdin, else typed unseen; one line break at its end is not part of it."""
    if file is None and sys.stdin.isatty():
        return getpass.getpass(f"{prompt}: ")
    return read_text(file or STDIN).removesuffix("\n").removesuffix("\r")


def read_token(file: Path | None, prompt: str) -> str:
    """Return an API token; raise Problem, exit code 2, for what cannot be one."""
    return checked_token(read_secret(file, prompt), prompt)


def checked_token(text: str, what: str) -> str:
    """Return a token without what surrounds it; an HTTP library would quote one that no header can carry."""
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise Problem(f"{what}: that is no token. It looks like 7|0a1b2c….", exit_code=2)
    return token
