"""Listening sockets, bound before the process that answers on them is there."""

import contextlib
import socket

from app.cli.problem import Problem

PREFERRED_PORT = 8000
_BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `host` and `port` (0: any free one); raise Problem when that is not possible."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return _listen(socket.socket(family, kind, protocol), address)
    except OSError as error:
        raise Problem(
            f"Nothing can listen on {host}:{port} ({error.strerror}): choose another port with --port."
        ) from None


def listen_on_loopback(kept: int | None) -> socket.socket:
    """Return a socket that listens on the port `kept` from an earlier run, else on 8000, else on any free one."""
    for port in filter(None, (kept, PREFERRED_PORT)):
        with contextlib.suppress(Problem):
            return listen("127.0.0.1", port)
    return listen("127.0.0.1", 0)


def inherited(descriptor: int) -> socket.socket:
    """Return the listening socket that the parent process left open; raise Problem when there is none."""
    try:
        return socket.socket(fileno=descriptor)
    except OSError:
        raise Problem(f"File descriptor {descriptor} is no listening socket.", exit_code=2) from None


def port_of(listener: socket.socket) -> int:
    """Return the port that a socket listens on."""
    port: int = listener.getsockname()[1]
    return port


def _listen(listener: socket.socket, address: object) -> socket.socket:
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)  # type: ignore[arg-type]  # whatever getaddrinfo gave for this family
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
