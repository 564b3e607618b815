"""Following a log live, over a real socket: replay, resume, one read for all, slow readers, Redis away, the end."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from redis.asyncio import Redis
from sqlalchemy import text, update

from app.deployments import stream
from app.deployments.kinds import DATABASE, KINDS, SERVICE, AnyQueue, Kind
from app.deployments.reading import LogPage, read_stretch
from app.deployments.stream import Hub, Pace
from app.kit.clock import utcnow
from app.models.deployment_status import DeploymentStatus
from app.models.log_entry import join_entries, log_entry
from app.postgres import Sessions
from app.settings import Settings
from tests.deploying import create_deployment, create_place, create_resource, row_of
from tests.fixtures.api import MadeToken, MakeToken
from tests.serving import serving
from tests.wire import wire_to

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
QUICK = Pace(poll_seconds=0.02)
BY_REDIS_ONLY = Pace(poll_seconds=3600)


@dataclass
class Event:
    """One event as it came."""

    name: str = "message"
    id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


class Stream:
    """An open answer and the events that it brings."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._blocks = self._read()
        self.comments = 0

    async def _read(self) -> AsyncIterator[Event]:
        rest = b""
        async for chunk in self.response.aiter_raw():
            rest += chunk
            while b": ping\n" in rest:
                rest = rest.replace(b": ping\n", b"", 1)
                self.comments += 1
            *blocks, rest = rest.split(b"\n\n")
            for block in blocks:
                fields = dict(line.split(": ", 1) for line in block.decode().split("\n"))
                if "data" in fields:
                    number = int(fields["id"]) if "id" in fields else None
                    yield Event(fields.get("event", "message"), number, json.loads(fields["data"]))

    async def next(self) -> Event:
        """Return the next event."""
        return await asyncio.wait_for(anext(self._blocks), 30)

    async def entries(self, count: int) -> list[int]:
        """Return the numbers of the next `count` entries, whatever else comes between."""
        found: list[int] = []
        while len(found) < count:
            event = await self.next()
            if event.id is not None:
                found.append(event.id)
        return found

    async def rest(self) -> list[Event]:
        """Return everything until the connection ends."""
        return [event async for event in self._blocks]


@dataclass
class Live:
    """The API on a real socket, and one deployment."""

    app: FastAPI
    client: httpx.AsyncClient
    sessions: Sessions
    kind: Kind
    row: AnyQueue
    token: MadeToken

    @property
    def hub(self) -> Hub:
        """What the application's streams come from."""
        hub: Hub = self.app.state.hub
        return hub

    @property
    def path(self) -> str:
        """The deployment, whatever its kind."""
        return f"/deployments/{self.row.deployment_uuid}"

    @asynccontextmanager
    async def follow(self, *, path: str | None = None, **headers: str) -> AsyncIterator[Stream]:
        """Open a stream."""
        sent = {**self.token.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with self.client.stream("GET", path or f"{self.path}/logs/stream", headers=sent) as response:
            assert response.status_code == 200, await response.aread()
            yield Stream(response)

    async def append(self, *outputs: str, hidden: bool = False) -> None:
        """Store entries of our own, one after the other; nobody is told."""
        async with self.sessions.begin() as session:
            row = await row_of(session, self.kind, self.row.id)
            for output in outputs:
                await row.add_log_entry(output, hidden=hidden)

    async def append_slices(self, slices: int, each: int, output: str) -> None:
        """Store a long log at once."""
        count = slices * each
        async with self.sessions.begin() as session:
            for first in range(1, count, each):
                orders = range(first, first + each)
                entries = [log_entry(output, timestamp=utcnow(), order=order) for order in orders]
                values = {"deployment_id": self.row.id, "first_order": first, "entry_count": each}
                session.add(self.kind.slices(**values, entries=join_entries(entries)))
            model: Any = self.kind.queue
            await session.execute(update(model).where(model.id == self.row.id).values(log_count=count))

    async def tell(self, count: int) -> None:
        """Say through Redis how many entries there are, as a worker does."""
        await self.app.state.waker.publish_count(self.row.deployment_uuid, count)

    async def settle(self, status: DeploymentStatus = DeploymentStatus.FINISHED) -> None:
        """End the deployment."""
        async with self.sessions.begin() as session:
            row = await row_of(session, self.kind, self.row.id)
            if row.status == DeploymentStatus.QUEUED:
                await row.set_status(DeploymentStatus.IN_PROGRESS)
            await row.set_status(status)
            row.exit_code = 0 if status is DeploymentStatus.FINISHED else 7

    async def is_watched_by(self, count: int) -> None:
        """Return when so many watch, and the process hears of the deployment."""
        watched = self.hub._followed
        while sum(each.watchers for each in watched.values()) != count:
            await asyncio.sleep(0.005)


@pytest_asyncio.fixture
async def served(api: httpx.AsyncClient, _application: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API on a socket."""
    del api
    async with (
        serving(_application) as url,
        httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=30, trust_env=False) as client,
    ):
        yield client


@pytest_asyncio.fixture(params=[SERVICE], ids=["service"])
async def live(
    served: httpx.AsyncClient, _application: FastAPI, sessions: Sessions, make_token: MakeToken, request: Any
) -> Live:
    """A queued deployment behind the API."""
    kind: Kind = request.param
    async with sessions.begin() as session:
        place = await create_place(session)
        row = await create_deployment(session, place, await create_resource(session, place, kind))
    token = await make_token(["read:sensitive"], team_id=place.team.id)
    live = Live(_application, served, sessions, kind, row, token)
    live.hub.pace = QUICK
    return live


async def is_subscribed(row: AnyQueue, redis: Redis, count: int) -> None:
    """Return when so many processes hear of a deployment."""
    channel = f"shiplog:log:{row.deployment_uuid}"
    while await redis.pubsub_numsub(channel) != [(channel.encode(), count)]:
        await asyncio.sleep(0.005)


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by each read of the log, with where it began."""
    reads: list[int] = []

    async def counted(*arguments: Any, after: int) -> LogPage | None:
        reads.append(after)
        return await read_stretch(*arguments, after=after)

    monkeypatch.setattr(stream, "read_stretch", counted)
    return reads


@pytest.mark.parametrize("live", KINDS, ids=["service", "database"], indirect=True)
async def test_entries_come_as_they_are_stored_and_the_end_says_how(live: Live) -> None:
    await live.append("one", "two")
    by_kind = f"/deployments/{live.kind.name}s/deployment/{live.row.deployment_uuid}/logs/stream"
    async with live.follow() as either, live.follow(path=by_kind) as own:
        assert either.response.headers["content-type"].startswith("text/event-stream")
        assert either.response.headers["x-accel-buffering"] == "no"
        for following in (either, own):
            first, second, third = [await following.next() for _ in range(3)]
            assert (first.name, first.id, first.data) == ("status", None, {"status": "queued"})
            assert [(event.id, event.data["order"], event.data["output"]) for event in (second, third)] == [
                (1, 1, "one"),
                (2, 2, "two"),
            ]
        await live.append("three")
        assert (await either.entries(1), await own.entries(1)) == ([3], [3])
        await live.settle(DeploymentStatus.FAILED)
        for following in (either, own):
            *others, status, end = await following.rest()
            assert [event.data for event in others] in ([], [{"status": "in_progress"}])
            assert (status.name, status.data) == ("status", {"status": "failed"})
            assert (end.name, end.id) == ("end", None)
            assert end.data == {"status": "failed", "exit_code": 7, "failure_reason": None, "log_count": 3}


async def test_it_goes_on_at_any_order(live: Live) -> None:
    await live.append(*(f"line {number}" for number in range(1, 7)))
    for seen in range(7):
        async with live.follow(Last_Event_ID=str(seen), path=f"{live.path}/logs/stream?after=1") as by_header:
            assert await by_header.entries(6 - seen) == list(range(seen + 1, 7))
        async with live.follow(path=f"{live.path}/logs/stream?after={seen}") as by_query:
            assert await by_query.entries(6 - seen) == list(range(seen + 1, 7))
    await live.settle()
    for seen in range(6):
        async with live.follow(Last_Event_ID=str(seen)) as following:
            events = await following.rest()
            assert [event.id for event in events] == [*range(seen + 1, 7), None, None]
            assert events[-1].name == "end"
    over = await live.client.get(f"{live.path}/logs/stream", headers={**live.token.headers, "Last-Event-ID": "6"})
    assert (over.status_code, over.content) == (204, b"")
    async with live.follow(path=f"{live.path}/logs/stream?after=6") as following:
        assert [event.name for event in await following.rest()] == ["status", "end"]


async def test_hidden_entries_are_for_who_asks_and_do_not_keep_a_browser_coming_back(live: Live) -> None:
    await live.append("seen")
    await live.append("bookkeeping", hidden=True)
    await live.settle()
    async with live.follow() as following:
        assert [event.id for event in await following.rest()] == [1, None, None]
    async with live.follow(path=f"{live.path}/logs/stream?include_hidden=true") as following:
        assert [event.id for event in await following.rest()] == [1, 2, None, None]
    over = await live.client.get(f"{live.path}/logs/stream", headers={**live.token.headers, "Last-Event-ID": "1"})
    assert over.status_code == 204


async def test_however_many_watch_there_is_one_subscription_and_one_read_a_change(
    live: Live, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = count_reads(monkeypatch)
    async with Redis.from_url(redis_url) as redis, Hub(live.sessions, redis_url, BY_REDIS_ONLY) as hub:
        monkeypatch.setattr(live.app.state, "hub", hub)
        async with live.follow() as one, live.follow() as two, live.follow() as three:
            await live.is_watched_by(3)
            await is_subscribed(live.row, redis, 1)
            while len(reads) < 2:  # at once, and what may have come before the subscription
                await asyncio.sleep(0.005)
            for number in range(1, 6):
                await live.append(f"line {number}")
                await live.tell(number)
                for following in (one, two, three):
                    assert await following.entries(1) == [number]
            assert reads == [0, 0, 0, 1, 2, 3, 4]
            await is_subscribed(live.row, redis, 1)
            async with live.sessions() as session:
                held = (
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
                )
                assert (await session.execute(text(held))).scalar_one() == 0
        await is_subscribed(live.row, redis, 0)


async def test_who_reads_slowly_delays_nobody_and_loses_nothing(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "SHARED_BYTES", 2000)
    async with live.follow() as slow:
        assert (await slow.next()).name == "status"
        await live.append_slices(20, 100, "x" * 2000)  # 4 MB: more than the sockets between us hold
        async with live.follow(path=f"{live.path}/logs/stream?after=1999") as quick:
            assert await quick.entries(1) == [2000]
            await live.append("now")
            assert await quick.entries(1) == [2001]
        assert await slow.entries(2001) == list(range(1, 2002))


async def test_without_redis_it_goes_on_at_the_pace_of_the_looks(
    live: Live, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.redis.CALL_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with Hub(sessions, f"redis://127.0.0.1:{port}", QUICK) as hub:
        monkeypatch.setattr(live.app.state, "hub", hub)
        async with live.follow() as following:
            for number in range(1, 4):
                await live.append(f"line {number}")
                assert await following.entries(1) == [number]
            await live.settle()
            assert (await following.rest())[-1].name == "end"


async def test_redis_goes_away_and_is_used_again_when_it_is_back(
    live: Live, sessions: Sessions, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.redis.LISTEN_SECONDS", 0.2)
    port = urlsplit(redis_url).port
    assert port is not None
    async with (
        Redis.from_url(redis_url) as redis,
        wire_to(port) as proxy,
        Hub(sessions, redis_url.replace(f":{port}/", f":{proxy.port}/"), QUICK) as hub,
    ):
        monkeypatch.setattr(live.app.state, "hub", hub)
        async with live.follow() as following:
            await is_subscribed(live.row, redis, 1)
            await live.append("before")
            assert await following.entries(1) == [1]
            proxy.take_down()
            await is_subscribed(live.row, redis, 0)
            await live.append("meanwhile")
            assert await following.entries(1) == [2]
            hub.pace = BY_REDIS_ONLY
            proxy.bring_up()
            await is_subscribed(live.row, redis, 1)
            await live.append("after", "all")
            await live.tell(4)
            assert await following.entries(2) == [3, 4]


async def test_through_a_proxy_that_breaks_it_goes_on_behind_the_last_entry(live: Live) -> None:
    assert live.client.base_url.port is not None
    async with wire_to(live.client.base_url.port) as proxy:
        live.client.base_url = live.client.base_url.copy_with(port=proxy.port)
        async with live.follow() as following:
            headers = following.response.headers
            assert headers["x-accel-buffering"] == "no"
            assert headers["cache-control"] == "no-cache, no-store, no-transform"
            for number in range(1, 4):  # each is there before the next one is stored: nothing is waited for
                await live.append(f"line {number}")
                assert await following.entries(1) == [number]
            proxy.take_down()
            with pytest.raises(httpx.TransportError):
                await following.rest()
        await live.append("line 4")
        proxy.bring_up()
        async with live.follow(Last_Event_ID="3") as following:
            assert await following.entries(1) == [4]


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM api_tokens WHERE id = :token",
        "UPDATE api_tokens SET expires_at = now() WHERE id = :token",
        "UPDATE api_tokens SET abilities = ARRAY['read'] WHERE id = :token",
        "DELETE FROM team_members WHERE user_id = :user",
    ],
    ids=["revoked", "expired", "without the ability", "user left the team"],
)
async def test_a_token_that_is_not_good_any_more_takes_its_streams_with_it(
    live: Live, redis_url: str, make_token: MakeToken, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    other = await make_token(["root"], team_id=live.row.team_id)
    pace = Pace(poll_seconds=3600, token_seconds=0.02)
    async with Hub(live.sessions, redis_url, pace) as hub:
        monkeypatch.setattr(live.app.state, "hub", hub)
        ticket = (await live.client.post(f"{live.path}/logs/ticket", headers=live.token.headers)).json()["ticket"]
        by_ticket = f"{live.path}/logs/stream?ticket={ticket}"
        async with live.follow() as one, live.follow(Authorization=other.headers["Authorization"]) as others:
            async with live.client.stream("GET", by_ticket) as response:
                await live.is_watched_by(3)
                async with live.sessions.begin() as session:
                    values = {"token": live.token.id, "user": live.token.user_id}
                    used = {name: value for name, value in values.items() if f":{name}" in change}
                    await session.execute(text(change), used)
                for following in (one, Stream(response)):
                    *_, last = await following.rest()
                    assert (last.name, last.data) == ("error", {"message": stream.WITHDRAWN})
            await live.append("goes on")
            hub._followed[live.row.deployment_uuid].wanted.set()
            assert await others.entries(1) == [1]


async def test_a_connection_ends_itself_and_the_next_one_goes_on(live: Live) -> None:
    await live.append("one")
    live.hub.pace = Pace(poll_seconds=0.02, connection_seconds=0.5)
    async with live.follow() as following:
        assert [event.id for event in await following.rest()] == [None, 1]
    live.hub.pace = QUICK
    await live.append("two")
    async with live.follow(Last_Event_ID="1") as following:
        assert await following.entries(1) == [2]


async def test_a_silent_stream_is_pinged(live: Live) -> None:
    live.hub.pace = Pace(poll_seconds=0.02, ping_seconds=0.02, connection_seconds=1)
    async with live.follow() as following:
        assert [event.name for event in await following.rest()] == ["status"]
        assert following.comments > 1


async def test_closing_ends_every_stream_at_once(live: Live) -> None:
    async with live.follow() as one, live.follow() as two:
        await live.is_watched_by(2)
        live.hub.close()
        for following in (one, two):
            assert [event.name for event in await following.rest()] == ["status"]


@pytest.mark.parametrize("fault", ["gap", "gone"])
async def test_what_is_missing_ends_with_an_error_and_never_with_an_end(live: Live, fault: str) -> None:
    await live.append("one", "two", "three")
    async with live.follow() as following:
        assert await following.entries(3) == [1, 2, 3]
        table = live.kind.slice_table if fault == "gap" else live.kind.table
        key = f"deployment_id = {live.row.id} AND first_order = 2" if fault == "gap" else f"id = {live.row.id}"
        async with live.sessions.begin() as session:
            await session.execute(text(f"DELETE FROM {table} WHERE {key}"))
        if fault == "gone":
            assert [event.name for event in await following.rest()] == ["error"]
    if fault == "gap":
        async with live.follow() as following:
            names = [event.name for event in await following.rest()]
            assert names[-1] == "error"
            assert "end" not in names


async def test_a_ticket_follows_its_own_deployment_only(live: Live, make_token: MakeToken) -> None:
    await live.append("one")
    async with live.sessions.begin() as session:
        place = await create_place(session)
        foreign = await create_deployment(session, place, await create_resource(session, place, DATABASE))
    answer = await live.client.post(f"{live.path}/logs/ticket", headers=live.token.headers)
    assert answer.status_code == 201
    ticket, url = answer.json()["ticket"], answer.json()["url"]
    root = str(live.client.base_url).removesuffix("/api/v1/")
    async with live.client.stream("GET", root + url) as response:
        assert response.status_code == 200
        assert await Stream(response).entries(1) == [1]

    async def status(path: str, given: str = ticket, **headers: str) -> int:
        return (await live.client.get(path, params={"ticket": given}, headers=headers)).status_code

    assert await status(f"/deployments/{foreign.deployment_uuid}/logs/stream") == 401
    assert await status(f"/deployments/databases/deployment/{live.row.deployment_uuid}/logs/stream") == 404
    assert await status(f"{live.path}/logs") == 401  # the stream, nothing else
    assert await status(f"{live.path}/logs/stream", ticket[:-2] + "AA") == 401
    assert await status(f"{live.path}/logs/stream", "x") == 401
    other = await make_token(["read:sensitive"], team_id=place.team.id)
    assert await status(f"{live.path}/logs/stream", **other.headers) == 404
    assert (await live.client.post(f"{live.path}/logs/ticket", headers=other.headers)).status_code == 404
    reader = await make_token(["read"], team_id=live.row.team_id)
    assert (await live.client.post(f"{live.path}/logs/ticket", headers=reader.headers)).status_code == 403
    assert await status(f"{live.path}/logs/stream", **reader.headers) == 403


async def test_a_ticket_ends_with_its_deployment_or_its_token(live: Live) -> None:
    await live.append("one")
    await live.settle()
    url = (await live.client.post(f"{live.path}/logs/ticket", headers=live.token.headers)).json()["url"]
    url = str(live.client.base_url).removesuffix("/api/v1/") + url
    assert (await live.client.get(url)).status_code == 200
    table = live.kind.table
    for seconds, code in ((3500, 200), (3700, 401)):
        async with live.sessions.begin() as session:
            ago = f"finished_at = now() - make_interval(secs => {seconds})"
            await session.execute(text(f"UPDATE {table} SET {ago} WHERE id = {live.row.id}"))
        assert (await live.client.get(url)).status_code == code
    async with live.sessions.begin() as session:
        await session.execute(text(f"UPDATE {table} SET finished_at = now() WHERE id = {live.row.id}"))
        await session.execute(text(f"DELETE FROM api_tokens WHERE id = {live.token.id}"))
    assert (await live.client.get(url)).status_code == 401


async def test_postgres_away_is_waited_for(live: Live, api_settings: Settings) -> None:
    del api_settings
    async with live.follow() as following:
        assert (await following.next()).name == "status"
        async with live.sessions.begin() as session:
            others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() "
            await session.execute(text(others + "AND pid <> pg_backend_pid()"))
        await live.append("after all")
        assert await following.entries(1) == [1]
