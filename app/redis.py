"""Redis or Valkey: wake-ups only. Every call has 250 ms and a circuit breaker; losing one costs a sweep, nothing else."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from arq.connections import ArqRedis, RedisSettings
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from app.metrics.instruments import REDIS_FAILURES

log = structlog.get_logger(__name__)

CALL_SECONDS = 0.25
OPEN_SECONDS = 5.0
"""How long nothing is tried after a failure: a black-holed Redis must not cost every request 250 ms."""

LISTEN_SECONDS = 5.0
"""For the connection that listens, for which no request waits."""

QUEUE_NAME = "shiplog:wake"
_REQUESTS = "shiplog:requests:"
"""Before who asks and the number of a minute: how many requests there were in it."""

_COUNTS = "shiplog:log:"
"""Before a deployment's uuid: the channel on which the number of its last log entry is told."""


def redis_settings(url: str) -> RedisSettings:
    """Return arq's settings for a Redis URL, with short timeouts."""
    settings = RedisSettings.from_dsn(url)
    settings.conn_timeout = 1
    settings.conn_retries = 0
    return settings


class Waker:
    """Sends nudges to the workers and the number of the last log entry to whoever follows."""

    def __init__(self, url: str) -> None:
        settings = redis_settings(url)
        self._redis = ArqRedis(
            host=settings.host if isinstance(settings.host, str) else "localhost",
            port=settings.port,
            username=settings.username,
            password=settings.password,
            db=settings.database,
            ssl=settings.ssl,
            unix_socket_path=settings.unix_socket_path,
            socket_connect_timeout=CALL_SECONDS,
            default_queue_name=QUEUE_NAME,
        )
        self._closed_until = 0.0

    async def look(self, server_id: int) -> None:
        """Ask any worker to look whether something on the server can start."""
        await self._try(self._redis.enqueue_job("look", server_id))

    async def validate(self, server_id: int) -> None:
        """Ask any worker to do the validation that the server's row asks for."""
        await self._try(self._redis.enqueue_job("validate", server_id))

    async def publish_count(self, deployment_uuid: str, count: int) -> None:
        """Tell followers of a deployment how many entries there are now."""
        await self._try(self._redis.publish(f"{_COUNTS}{deployment_uuid}", count))

    async def count_requests(self, who: int | str, window: int, count: int = 1) -> int | None:
        """Count requests in a minute, named by its number; return how many there are, None if Redis is away.

        `who` is the id of a token, or a word for whoever has none.
        """
        key = f"{_REQUESTS}{who}:{window}"
        counting = self._redis.pipeline(transaction=True)
        counting.incrby(key, count)
        counting.expire(key, 120)
        counted = await self._try(counting.execute())
        return None if counted is None else int(counted[0])

    async def count_nudges(self) -> int | None:
        """Return how many nudges no worker has answered yet, None if Redis is away."""
        waiting: int | None = await self._try(self._redis.zcard(QUEUE_NAME))
        return waiting

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _try(self, call: Awaitable[Any]) -> Any:
        if time.monotonic() < self._closed_until:
            if asyncio.iscoroutine(call):
                call.close()
            return None
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await call
        except (RedisError, OSError, TimeoutError) as error:
            self._closed_until = time.monotonic() + OPEN_SECONDS
            REDIS_FAILURES.inc()
            log.warning(
                "redis is away, wake-ups are left out for a while, nothing else is lost", error=type(error).__name__
            )
            return None


class CountListener:
    """Hears the number of the last log entry of chosen deployments, over one connection for all of them.

    What is told while Redis is away is not heard: whoever chooses has another way to see it.
    """

    def __init__(self, url: str, heard: Callable[[str, int], None]) -> None:
        self._redis = Redis.from_url(url, socket_connect_timeout=LISTEN_SECONDS, socket_keepalive=True)
        self._heard = heard
        self._chosen: set[str] = set()
        self._has_chosen = asyncio.Event()
        self._connected: PubSub | None = None
        self._is_connected = asyncio.Event()
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Listen for ever, from when the first deployment is chosen."""
        while True:
            await self._has_chosen.wait()
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as connection:
                    await self._listen(connection)
            except (RedisError, OSError) as error:
                log.warning("redis is away, logs are followed at one-second steps", error=type(error).__name__)
            finally:
                self._connected = None
                self._is_connected.clear()
            await asyncio.sleep(LISTEN_SECONDS)

    async def follow(self, deployment_uuid: str) -> None:
        """Listen for a deployment too; returns when Redis knows, or does not answer for long."""
        self._chosen.add(_COUNTS + deployment_uuid)
        self._has_chosen.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(LISTEN_SECONDS):
                await self._is_connected.wait()
        await self._agree()

    async def leave(self, deployment_uuid: str) -> None:
        """Stop listening for a deployment."""
        self._chosen.discard(_COUNTS + deployment_uuid)
        await self._agree()

    async def close(self) -> None:
        """Close the connection."""
        await self._redis.aclose()

    async def _listen(self, connection: PubSub) -> None:
        async with asyncio.timeout(LISTEN_SECONDS):
            await connection.connect()  # type: ignore[no-untyped-call]
        self._connected = connection
        self._is_connected.set()
        await self._agree()
        while self._connected is connection:
            message = await connection.get_message(timeout=LISTEN_SECONDS)
            if message is not None:
                self._heard(message["channel"].decode().removeprefix(_COUNTS), int(message["data"]))

    async def _agree(self) -> None:
        # One at a time, and what is wanted is looked at inside: who follows while another leaves is not forgotten.
        async with self._lock:
            connection = self._connected
            if connection is None:
                return
            subscribed = {channel.decode() for channel in connection.channels}
            subscribed -= {channel.decode() for channel in connection.pending_unsubscribe_channels}
            try:
                async with asyncio.timeout(LISTEN_SECONDS):
                    if new := self._chosen - subscribed:
                        await connection.subscribe(*new)
                    if old := subscribed - self._chosen:
                        await connection.unsubscribe(*old)
            except (RedisError, OSError) as error:
                self._connected = None
                log.info("redis does not take a subscription", error=type(error).__name__)
