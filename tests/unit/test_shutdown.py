"""Hearing of the end before the server waits for open answers."""

import asyncio
import signal
from types import FrameType

from app.shutdown import called_on_exit


def test_it_is_called_before_the_handler_that_was_there() -> None:
    heard: list[str] = []

    def server(number: int, frame: FrameType | None) -> None:
        heard.append("server")

    before = signal.signal(signal.SIGTERM, server)
    try:
        with called_on_exit(lambda: heard.append("application")):
            signal.raise_signal(signal.SIGTERM)
        assert heard == ["application", "server"]
        signal.raise_signal(signal.SIGTERM)
        assert heard == ["application", "server", "server"]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_python_does_not_handle_stays_as_it_is() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with called_on_exit(lambda: None):
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


async def test_in_a_thread_nothing_is_changed() -> None:
    handler = signal.getsignal(signal.SIGINT)

    def in_thread() -> None:
        with called_on_exit(lambda: None):
            assert signal.getsignal(signal.SIGINT) is handler

    await asyncio.to_thread(in_thread)
