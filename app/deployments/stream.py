"""Logs followed live: one subscription, and one read a change, of a deployment in this process, whoever many watch it.

Whoever watches reads from PostgreSQL at his own pace until he has come to the newest entries, which all share. Redis only
says that there are more; without it a look at all followed deployments each second does.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Self

import structlog

from app.deployments.events import PING, RETRY, Frame, event, frames_of
from app.deployments.kinds import KINDS, AnyQueue, Kind
from app.deployments.permits import Permit, Permits
from app.deployments.reading import LogPage, Standing, read_stretch, standings_of
from app.metrics.instruments import SSE_READERS
from app.models.deployment_status import DeploymentStatus
from app.postgres import Sessions, is_away
from app.redis import CountListener

log = structlog.get_logger(__name__)

SHARED_BYTES = 512 * 1024
"""So much of a log's end is kept ready for all who watch it; who is further behind reads for himself."""

GONE = "The deployment is not there any more."
DAMAGED = "Entries of the log are missing."
FAILED = "The log cannot be read."
WITHDRAWN = "The token may not read this log any more."


@dataclass(frozen=True)
class Pace:
    """How often things happen; tests have other times."""

    poll_seconds: float = 1.0
    ping_seconds: float = 15.0
    connection_seconds: float = 600.0
    """A connection ends itself after this, and its client comes back where it was."""
    token_seconds: float = 15.0
    """So long a revoked token is believed by the streams that it has opened."""


class Unreadable(Exception):
    """A log that ends in an error, never as if it were complete; the text says why."""


@dataclass(eq=False)
class Followed:
    """A deployment that somebody watches: how far it has been read, and its newest entries, ready to be sent."""

    kind: Kind
    deployment_id: int
    uuid: str
    standing: Standing
    exit_code: int | None
    failure_reason: str | None
    newest: deque[Frame] = field(default_factory=deque)
    problem: str | None = None
    watchers: int = 0
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _bytes: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether nothing will follow what has been read."""
        return DeploymentStatus(self.standing.status).is_final

    def take(self, page: LogPage) -> bool:
        """Add what was read behind the last entry; return whether there is more. A final status waits for the rest."""
        for frame in frames_of(page.entries):
            self.newest.append(frame)
            self._bytes += len(frame.event)
        while self._bytes > SHARED_BYTES:
            self._bytes -= len(self.newest.popleft().event)
        count = page.entries[-1]["order"] if page.entries else self.standing.log_count
        is_behind = count < page.log_count
        status = self.standing.status if is_behind else page.status
        if (status, count) != self.standing:
            self.standing, self.exit_code, self.failure_reason = (
                Standing(status, count),
                page.exit_code,
                page.failure_reason,
            )
            self.tell()
        return is_behind

    def behind(self, order: int) -> list[Frame] | None:
        """Return the entries behind `order` when all of them are among the newest."""
        if not self.newest or order + 1 < self.newest[0].order:
            return None
        # From the end: with thousands who watch, each would walk over all that the others have shared.
        return list(islice(reversed(self.newest), self.newest[-1].order - order))[::-1]

    def fail(self, problem: str) -> None:
        """Let all who watch go, with a reason."""
        self.problem = problem
        self.tell()

    def tell(self) -> None:
        """Wake everybody who waits for a change."""
        self.changed.set()
        self.changed = asyncio.Event()


class Hub:
    """All the deployments that are watched in this process; an async context manager."""

    def __init__(self, sessions: Sessions, redis_url: str, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self.permits = Permits(sessions)
        self._sessions = sessions
        self._listener = CountListener(redis_url, self._heard)
        self._followed: dict[str, Followed] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._start(self._look_at_all())
        self._start(self._look_at_tokens())
        self._start(self._listener.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._listener.close()

    def close(self) -> None:
        """End every stream at once: the server would wait for them before it ends."""
        self._closing.set()
        for followed in self._followed.values():
            followed.tell()

    @contextmanager
    def watch(self, kind: Kind, row: AnyQueue) -> Iterator[Followed]:
        """Follow a deployment, read before as `row`, together with whoever else does."""
        followed = self._followed.get(row.deployment_uuid)
        if followed is None:
            standing = Standing(row.status, row.log_count)
            followed = Followed(kind, row.id, row.deployment_uuid, standing, row.exit_code, row.failure_reason)
            self._followed[row.deployment_uuid] = followed
            self._start(self._keep_up(followed))
        followed.watchers += 1
        SSE_READERS.inc()
        try:
            yield followed
        finally:
            SSE_READERS.dec()
            followed.watchers -= 1
            if not followed.watchers:
                self._forget(followed)
                followed.wanted.set()

    async def events(
        self, followed: Followed, permit: Permit, after: int, *, include_hidden: bool
    ) -> AsyncIterator[bytes]:
        """Yield the events behind entry `after`, as they are sent, until the deployment or the connection's time ends."""
        clock = asyncio.get_running_loop().time
        until = clock() + self.pace.connection_seconds
        shown: str | None = None
        yield RETRY
        while not self._closing.is_set() and (left := until - clock()) > 0:
            changed, standing = followed.changed, followed.standing
            problem = WITHDRAWN if permit.is_withdrawn else followed.problem
            if problem is not None:
                yield event("error", message=problem)
                return
            is_complete = after >= standing.log_count
            if standing.status != shown and (is_complete or not followed.has_ended):
                shown = standing.status
                yield event("status", status=shown)
            if not is_complete:
                frames = followed.behind(after)
                if frames is None:
                    try:
                        frames = await self._read_alone(followed, after)
                    except Unreadable as error:
                        yield event("error", message=str(error))
                        return
                sent = b"".join(frame.event for frame in frames if include_hidden or not frame.is_hidden)
                after = frames[-1].order if frames else after
                del frames  # may be a whole log, and the one who gets it slow
                if sent:
                    yield sent
            elif followed.has_ended:
                yield _end(followed)
                return
            elif not await _happens(changed, min(self.pace.ping_seconds, left)):
                yield PING

    async def _read_alone(self, followed: Followed, after: int) -> list[Frame]:
        """Return the next entries for one who is behind; none, after a pause, when PostgreSQL is away."""
        page = await self._read(followed, after)
        if page is None:
            await _happens(self._closing, self.pace.poll_seconds)
            return []
        return list(frames_of(page.entries))

    async def _keep_up(self, followed: Followed) -> None:
        """Read each change once, for all who watch."""
        self._start(self._subscribe(followed))
        try:
            while followed.watchers and followed.problem is None:
                followed.wanted.clear()
                page = await self._read(followed, followed.standing.log_count)
                if page is None or not followed.take(page):
                    await followed.wanted.wait()
        except Unreadable as error:
            followed.fail(str(error))
        except Exception:
            log.exception("a log is not followed any more", deployment_uuid=followed.uuid)
            followed.fail(FAILED)
        finally:
            self._forget(followed)  # whoever comes now begins anew, though one who has not heard yet still watches
            if followed.uuid not in self._followed:
                await self._listener.leave(followed.uuid)

    async def _subscribe(self, followed: Followed) -> None:
        """Listen for a deployment, then have read what came before; nobody waits for a Redis that does not answer."""
        await self._listener.follow(followed.uuid)
        followed.wanted.set()

    async def _read(self, followed: Followed, after: int) -> LogPage | None:
        """Return what is stored behind `after`, None when PostgreSQL is away; raise Unreadable when it is not there."""
        try:
            async with self._sessions() as session:
                page = await read_stretch(session, followed.kind, followed.deployment_id, after=after)
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("postgres is away, whoever follows a log waits", error=type(error).__name__)
            return None
        if page is None or not page.follows(after):
            raise Unreadable(GONE if page is None else DAMAGED)
        return page

    async def _look_at_all(self) -> None:
        """See each second which of the followed deployments have moved: Redis may be away, a message lost."""
        while True:
            await asyncio.sleep(self.pace.poll_seconds)
            followed = list(self._followed.values())
            if not followed:
                continue
            ids = {kind: [each.deployment_id for each in followed if each.kind is kind] for kind in KINDS}
            try:
                async with self._sessions() as session:
                    standings = await standings_of(session, ids)
            except Exception as error:
                if not is_away(error):
                    log.exception("followed deployments cannot be looked at")
                continue
            for each in followed:
                if standings.get((each.kind.name, each.deployment_id)) != each.standing:
                    each.wanted.set()

    async def _look_at_tokens(self) -> None:
        """See now and then whose tokens are still good: a stream may be open for long."""
        while True:
            await asyncio.sleep(self.pace.token_seconds)
            try:
                if await self.permits.look():
                    for each in self._followed.values():
                        each.tell()
            except Exception as error:
                if not is_away(error):
                    log.exception("the tokens of those who follow cannot be looked at")

    def _forget(self, followed: Followed) -> None:
        if self._followed.get(followed.uuid) is followed:
            del self._followed[followed.uuid]

    def _heard(self, uuid: str, count: int) -> None:
        followed = self._followed.get(uuid)
        if followed is not None and count > followed.standing.log_count:
            followed.wanted.set()

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _end(followed: Followed) -> bytes:
    return event(
        "end",
        status=followed.standing.status,
        exit_code=followed.exit_code,
        failure_reason=followed.failure_reason,
        log_count=followed.standing.log_count,
    )


async def _happens(what: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await what.wait()
        return True
    return False
