"""How a program for a run's server is framed: texts go there as functions, answers come back between two nonces."""

import secrets

from app.remote.errors import DiskFull, GivenBack, NotPermitted, RemoteError
from app.remote.host import Completed


def as_function(name: str, text: bytes) -> bytes:
    """Return a shell function that prints `text`, ended by a line that nobody can guess."""
    if b"\0" in text:
        raise ValueError("A script cannot hold a NUL character.")
    end = f"end_{secrets.token_hex(16)}".encode()
    newline = b"" if text.endswith(b"\n") else b"\n"
    return b"%s() {\ncat <<'%s'\n%s%s%s\n}\n" % (name.encode(), end, text, newline, end)


def unframed(completed: Completed, nonce: str) -> bytes:
    """Return what a program answered. Raises `no_answer`."""
    _, begin, rest = completed.stdout.partition(f"{nonce}:".encode())
    answer, end, _ = rest.rpartition(f":{nonce}".encode())
    if not begin or not end:
        raise no_answer(completed.stdout, nonce, f" (exit code {completed.exit_code})")
    return answer


def failure(answer: str) -> RemoteError:
    """Return the error for `failed WHAT THE SYSTEM SAID`, in its C locale."""
    said = answer.removeprefix("failed").strip().rpartition("\n")[2]
    if "No space left" in said or "quota exceeded" in said:
        return DiskFull(f"The server's disk is full: make room, then deploy again ({said}).")
    if any(words in said for words in ("Permission denied", "Read-only file system", "not permitted")):
        return NotPermitted(f"The server's user may not write to the run's folder ({said}).")
    return RemoteError(f"The run's folder on the server could not be used ({said}).")


def no_answer(said: bytes, nonce: str, how: str = "") -> RemoteError:
    """Return the error for a program that said no more than `said`: GivenBack when its nonce stands before a `!`."""
    if f"{nonce}!".encode() in said:
        return GivenBack(
            "Output of the run was asked for that had been stored before and given back to the server's disk since."
        )
    return RemoteError(
        f"The server did not run what it was sent{how}: check that its user may log in and that 'sh' starts a POSIX shell."
    )
