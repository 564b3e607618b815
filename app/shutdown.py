"""Hearing of the end in time: a web server waits for open answers first, and tells the application only afterwards."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def called_on_exit(call: Callable[[], object]) -> Iterator[None]:
    """Have `call` done, once or more, when a signal asks this process to end, before the handler that was there.

    `call` must be as short as a signal handler. Where no handler in Python stands, or in a thread, nothing is changed.
    """
    before: dict[signal.Signals, Any] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        call()
        before[signal.Signals(number)](number, frame)

    try:
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler):
                signal.signal(number, handle)
                before[number] = handler
    except ValueError:  # not the main thread
        pass
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
