"""Server-sent events, however the network cuts them."""

from collections.abc import AsyncIterator

import pytest

from app.cli.events import Event, events_of
from app.cli.remote import exit_code

TEXT = (
    "retry: 1000\n\nevent: status\ndata: {}\n\n: ping\nid: 7\ndata: a\u2028b\u0085c\n\n"
    "id: 8\r\ndata: one\r\ndata:two\r\n\r\ndata: half"
).encode()
EVENTS = [Event("status", "{}", None), Event("message", "a\u2028b\u0085c", "7"), Event("message", "one\ntwo", "8")]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_events_are_the_same_wherever_they_are_cut(size: int) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for begin in range(0, len(TEXT), size):
            yield TEXT[begin : begin + size]

    assert [event async for event in events_of(chunks())] == EVENTS


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (["finished", "finished"], 0),
        (["finished", "failed", "cancelled-by-user"], 1),
        (["finished", "cancelled-by-user"], 130),
    ],
    ids=["finished", "failed", "cancelled"],
)
def test_the_worst_deployment_is_the_exit_code(statuses: list[str], code: int) -> None:
    assert exit_code(statuses) == code
