"""Requests are leased a few at a time: all processes together never let through more than the limit."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.auth.rate_limit import RateLimit
from app.redis import Waker


@pytest_asyncio.fixture
async def waker(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Waker]:
    """What leases; it waits as long as it takes."""
    monkeypatch.setattr("app.redis.CALL_SECONDS", 30.0)
    waker = Waker(redis_url)
    yield waker
    await waker.close()


async def _let_through(limits: list[RateLimit], requests: int) -> int:
    answers = await asyncio.gather(*(limits[number % len(limits)].take(1, 7) for number in range(requests)))
    return sum(answer is not None and answer >= 0 for answer in answers)


async def test_one_process_lets_through_exactly_the_limit(waker: Waker) -> None:
    assert await _let_through([RateLimit(600, waker)], 1_000) == 600


async def test_several_processes_let_through_no_more_and_little_less(waker: Waker) -> None:
    limits = [RateLimit(600, waker) for _ in range(3)]
    assert 600 - 2 * 20 <= await _let_through(limits, 2_000) <= 600


async def test_what_is_left_is_told_and_a_new_minute_begins_anew(waker: Waker) -> None:
    limit = RateLimit(100, waker)
    assert [await limit.take(1, 7) for _ in range(3)] == [99, 98, 97]
    assert await limit.take(2, 7) == 99
    assert await limit.take(1, 8) == 99
