"""Redis or Valkey: wake-ups only. Every call has 250 ms and a circuit breaker; losing one costs a sweep, nothing else."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

import structlog
from arq.connections import ArqRedis, RedisSettings
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

CALL_SECONDS = 0.25
OPEN_SECONDS = 5.0
"""How long nothing is tried after a failure: a black-holed Redis must not cost every request 250 ms."""

QUEUE_NAME = "shiplog:wake"


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
        await self._try(self._redis.publish(f"shiplog:log:{deployment_uuid}", count))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _try(self, call: Awaitable[Any]) -> None:
        if time.monotonic() < self._closed_until:
            if asyncio.iscoroutine(call):
                call.close()
            return
        try:
            async with asyncio.timeout(CALL_SECONDS):
                await call
        except (RedisError, OSError, TimeoutError) as error:
            self._closed_until = time.monotonic() + OPEN_SECONDS
            log.warning(
                "redis is away, wake-ups are left out for a while, nothing else is lost", error=type(error).__name__
            )
