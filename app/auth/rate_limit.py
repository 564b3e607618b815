"""How many requests a token may make in a minute: leased from Redis; while that is away, everyone may go on.

A process leases a few requests at a time and counts them itself, so most requests wait for nobody. All processes
together never let through more than the limit; one may refuse while another still has leased requests left, which is
up to 5 % of the limit, and 20 requests, for each process beside it.
"""

import asyncio
import time
from dataclasses import dataclass, field

from fastapi import Request

from app.errors import TooManyRequests
from app.redis import Waker

_WINDOW_SECONDS = 60
_MOST_AT_ONCE = 20


@dataclass
class _Lease:
    """What a process knows of a token in this minute."""

    taken: int = 0
    """How many requests all processes have leased, as far as this one has heard."""
    left: int = 0
    """How many of its own it has not used."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by who leases more: of a hundred requests at once one asks, and no more is leased than is told above."""


class RateLimit:
    """The requests of this minute, of all tokens that this process has seen in it."""

    def __init__(self, limit: int, waker: Waker) -> None:
        self.limit = limit
        self._waker = waker
        self._at_once = max(1, min(_MOST_AT_ONCE, limit // 20))
        self._window = 0
        self._leases: dict[int, _Lease] = {}

    async def take(self, token_id: int, window: int) -> int | None:
        """Use one request of a token; return how many there are left, -1 when there was none, None if Redis is away."""
        if window != self._window:
            self._window, self._leases = window, {}
        lease = self._leases.get(token_id)
        if lease is None:
            lease = self._leases[token_id] = _Lease()
        if not lease.left:
            async with lease.lock:
                if not await self._lease_more(lease, token_id, window):
                    return None
        if not lease.left:
            return -1
        lease.left -= 1
        return max(0, self.limit - lease.taken) + lease.left

    async def _lease_more(self, lease: _Lease, token_id: int, window: int) -> bool:
        if lease.left or lease.taken >= self.limit:
            return True
        taken = await self._waker.count_requests(token_id, window, self._at_once)
        if taken is None:
            return False
        lease.taken = taken
        lease.left = max(0, min(self._at_once, self.limit - taken + self._at_once))
        return True


async def count_request(request: Request, token_id: int) -> None:
    """Count a request, leave its `X-RateLimit-…` headers for the answer, and raise TooManyRequests for one too many."""
    rate_limit: RateLimit = request.app.state.rate_limit
    if not rate_limit.limit:
        return
    now = int(time.time())
    window = now // _WINDOW_SECONDS
    remaining = await rate_limit.take(token_id, window)
    if remaining is None:
        return
    reset = (window + 1) * _WINDOW_SECONDS
    request.state.answer_headers = {
        "X-RateLimit-Limit": str(rate_limit.limit),
        "X-RateLimit-Remaining": str(max(0, remaining)),
        "X-RateLimit-Reset": str(reset),
    }
    if remaining < 0:
        raise TooManyRequests(reset - now)
