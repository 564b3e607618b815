"""What happens reaches a team's channels, by HTTP and SMTP: one delivery each, tried until it is there."""

import asyncio
import json
import logging
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import FastAPI
from sqlalchemy import func, select, update

from app.cli.client import Api
from app.cli.resources import channels
from app.deployments.kinds import SERVICE
from app.kit.certificates import issue, make_authority
from app.kit.clock import utcnow
from app.kit.ids import new_uuid
from app.models import NotificationChannel, NotificationDelivery, OutboxEvent, ServerSetting, Service
from app.models.log_entry import join_entries, log_entry
from app.notifications.addresses import AddressGuard
from app.notifications.fanning import fan_out
from app.notifications.repository import forget_old_deliveries
from app.notifications.sending import PER_CHANNEL, Sender
from app.notifications.telling import look_once, tell_for_ever
from app.notifications.webhook import Webhook, send, sign
from app.postgres import Sessions
from app.servers.repository import record_reachability
from app.settings import Settings
from tests.deploying import create_deployment, create_service, lock_variable
from tests.desk import Desk, error_of, open_desk
from tests.fixtures.api import MakeToken
from tests.integration.cli.terminal import Terminal

# apprise imports it, when it is loaded, for a library that it may work with.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

SECRET = "a secret of sixteen"
LOCKED = "correct-horse-battery"
ANYWHERE = AddressGuard(allows_all=True)


@dataclass
class Received:
    """A request as the sink got it."""

    head: str
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        pairs = (line.split(": ", 1) for line in self.head.split("\r\n")[1:] if line)
        return {name.lower(): value for name, value in pairs}

    @property
    def told(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.body)
        return body


@dataclass
class Sink:
    """An HTTP server that answers what the test says, one request a connection."""

    port: int = 0
    status: str = "204 No Content"
    received: list[Received] = field(default_factory=list)
    got_one: asyncio.Event = field(default_factory=asyncio.Event)
    answering: asyncio.Event | None = None
    """An answer waits for it, if there is one."""

    def url(self, path: str = "/hook", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            one = Received(head.removesuffix("\r\n\r\n"), b"")
            one.body = await reader.readexactly(int(one.headers.get("content-length", "0")))
            self.received.append(one)
            self.got_one.set()
            if self.answering is not None:
                await self.answering.wait()
            writer.write(f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def sink_on(tls: ssl.SSLContext | None = None) -> AsyncIterator[Sink]:
    sink = Sink()
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0, ssl=tls)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()


@pytest_asyncio.fixture
async def sink() -> AsyncIterator[Sink]:
    async with sink_on() as sink:
        yield sink


@pytest_asyncio.fixture
async def desk(api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken) -> Desk:
    return await open_desk(api, sessions, make_token)


@pytest_asyncio.fixture
async def terminal(desk: Desk, _application: FastAPI) -> AsyncIterator[Terminal]:
    token = desk.tokens["root"].plain
    async with Api("http://api.test", token, transport=httpx.ASGITransport(_application)) as client:
        yield Terminal(client)


async def _channel(desk: Desk, url: str, type: str = "webhook", **columns: Any) -> NotificationChannel:
    channel = NotificationChannel(
        team_id=desk.place.team.id, name="hook", type=type, url=url, secret=SECRET, **{"rules": [], **columns}
    )
    async with desk.sessions.begin() as session:
        session.add(channel)
    return channel


async def _ended(desk: Desk, status: str = "failed", service: Service | None = None) -> str:
    """Leave what a settled deployment leaves, a secret in its last line; return its uuid."""
    uuid = new_uuid()
    async with desk.sessions.begin() as session:
        if service is None:
            service = await create_service(session, desk.place)
            await lock_variable(session, desk.place, service, LOCKED)
        entries = [log_entry(f"line {n} {LOCKED}", timestamp=utcnow(), order=n) for n in (1, 2)]
        columns = {"logs": f"[{join_entries(entries)}]", "log_count": 2, "failure_reason": f"{LOCKED} is wrong"}
        row = await create_deployment(
            session, desk.place, service, deployment_uuid=uuid, status=status, finished_at=utcnow(), **columns
        )
        payload = {"deployment_uuid": row.deployment_uuid, "resource_uuid": service.uuid, "status": status}
        session.add(OutboxEvent(team_id=desk.place.team.id, name=SERVICE.status_event, payload=payload))
    return uuid


async def _deliveries(sessions: Sessions) -> list[NotificationDelivery]:
    async with sessions() as session:
        statement = select(NotificationDelivery).order_by(NotificationDelivery.id)
        return list((await session.execute(statement)).scalars())


async def _make_due(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await session.execute(update(NotificationDelivery).values(next_attempt_at=func.clock_timestamp()))


async def test_an_ended_deployment_reaches_a_webhook_signed_and_redacted(desk: Desk, sink: Sink) -> None:
    await _channel(desk, sink.url("/hook?token=hush"), includes_log=True)
    uuid = await _ended(desk)
    assert await fan_out(desk.sessions, public_url="https://s.example") == 1
    assert await Sender(desk.sessions, ANYWHERE).send_due() == 1
    (got,) = sink.received
    assert got.head.startswith("POST /hook?token=hush HTTP/1.1")
    assert got.headers["host"] == f"127.0.0.1:{sink.port}"
    assert got.headers["x-shiplog-signature"] == sign(SECRET, int(got.headers["x-shiplog-timestamp"]), got.body)
    told = got.told
    assert (told["event"], told["deployment_uuid"], told["project"]) == (
        "deployment_failed",
        uuid,
        desk.place.project.name,
    )
    assert told["delivery_id"] == got.headers["x-shiplog-delivery"]
    assert told["log_excerpt"] == ["line 1 <REDACTED>", "line 2 <REDACTED>"]
    assert told["failure_reason"] == "<REDACTED> is wrong"
    assert LOCKED not in got.body.decode()
    (delivery,) = await _deliveries(desk.sessions)
    assert (delivery.status, delivery.status_code, delivery.uuid) == ("delivered", 204, told["delivery_id"])


async def test_each_event_becomes_one_delivery_a_channel_whatever_the_workers(desk: Desk) -> None:
    service_channel = await _channel(desk, "http://127.0.0.1/a")
    await _channel(desk, "http://127.0.0.1/b", rules=[{"events": ["deployment_success"]}])
    await _channel(desk, "http://127.0.0.1/c", is_enabled=False)
    for _ in range(5):
        await _ended(desk)
    counts = await asyncio.gather(*(fan_out(desk.sessions, public_url="") for _ in range(4)))
    assert sum(counts) == 5
    deliveries = await _deliveries(desk.sessions)
    assert [one.channel_id for one in deliveries] == [service_channel.id] * 5
    assert len({one.event_id for one in deliveries}) == 5
    # A batch that is handed out again, as after a lost commit, makes no second delivery.
    async with desk.sessions.begin() as session:
        await session.execute(update(OutboxEvent).values(delivered_at=None))
    assert await fan_out(desk.sessions, public_url="") == 5
    assert len(await _deliveries(desk.sessions)) == 5


async def test_old_events_and_another_teams_are_not_told(desk: Desk) -> None:
    await _channel(desk, "http://127.0.0.1/a")
    await _ended(desk)
    async with desk.sessions.begin() as session:
        await session.execute(update(OutboxEvent).values(created_at=utcnow() - timedelta(days=2)))
        other = desk.tokens["other"].team_id
        session.add(OutboxEvent(team_id=other, name="RetentionDone", payload={"deployments": 1}))
    assert await fan_out(desk.sessions, public_url="") == 2
    assert await _deliveries(desk.sessions) == []


async def test_what_fails_is_tried_again_with_growing_pauses_and_given_up_after_a_day(desk: Desk, sink: Sink) -> None:
    sink.status = "503 Busy"
    await _channel(desk, sink.url())
    await _ended(desk)
    await fan_out(desk.sessions, public_url="")
    sender = Sender(desk.sessions, ANYWHERE)
    pauses = []
    for attempt in (1, 2, 3):
        assert await sender.send_due() == 1
        assert await sender.send_due() == 0, "it is not due yet"
        (delivery,) = await _deliveries(desk.sessions)
        assert (delivery.status, delivery.attempts, delivery.status_code) == ("pending", attempt, 503)
        assert delivery.error == "The receiver answered 503."
        assert delivery.attempted_at is not None
        pauses.append((delivery.next_attempt_at - delivery.attempted_at).total_seconds())
        await _make_due(desk.sessions)
    assert 15 <= pauses[0] < pauses[1] < pauses[2]
    async with desk.sessions.begin() as session:
        await session.execute(update(NotificationDelivery).values(expires_at=utcnow() + timedelta(seconds=30)))
    assert await sender.send_due() == 1
    assert [one.status for one in await _deliveries(desk.sessions)] == ["failed"]
    ids = {got.headers["x-shiplog-delivery"] for got in sink.received}
    assert (len(sink.received), len(ids)) == (4, 1)


_KILLED = """
import asyncio, sys
from app.kit import encryption
from app.notifications.addresses import AddressGuard
from app.notifications.sending import PER_CHANNEL, Sender
from app.postgres import create_engine, create_sessions
from app.settings import Settings

async def main():
    encryption.install(encryption.Keyring([sys.stdin.readline().strip()]))
    engine = create_engine(Settings())
    await Sender(create_sessions(engine), AddressGuard(allows_all=True), lease_seconds=1).send_due()

asyncio.run(main())
"""


async def test_a_worker_that_is_killed_while_it_sends_loses_nothing(desk: Desk, sink: Sink, postgres_url: str) -> None:
    from tests.fixtures.sessions import KEY

    sink.answering = asyncio.Event()
    await _channel(desk, sink.url())
    await _ended(desk)
    await fan_out(desk.sessions, public_url="")
    env = {"PATH": os.environ["PATH"], "SHIPLOG_DATABASE_URL": postgres_url}
    process = subprocess.Popen([sys.executable, "-c", _KILLED], env=env, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(KEY.encode() + b"\n")
    process.stdin.close()
    try:
        await asyncio.wait_for(sink.got_one.wait(), 30)  # sent, and nothing committed about it
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert [one.status for one in await _deliveries(desk.sessions)] == ["pending"]
    sink.answering.set()
    await _make_due(desk.sessions)  # the dead worker's lease has passed
    assert await Sender(desk.sessions, ANYWHERE).send_due() == 1
    (delivery,) = await _deliveries(desk.sessions)
    assert (delivery.status, delivery.attempts) == ("delivered", 2)
    assert [got.headers["x-shiplog-delivery"] for got in sink.received] == [delivery.uuid] * 2


async def test_one_channel_gets_more_than_fit_at_once_without_a_pause(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.notifications.sending.ROUND_SECONDS", 3600.0)
    await _channel(desk, sink.url())
    for _ in range(2 * PER_CHANNEL + 1):
        await _ended(desk)
    await fan_out(desk.sessions, public_url="")
    sending = asyncio.create_task(Sender(desk.sessions, ANYWHERE).run())
    try:
        async with asyncio.timeout(20):
            while len(sink.received) < 2 * PER_CHANNEL + 1:
                sink.got_one.clear()
                await sink.got_one.wait()
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def test_a_slow_channel_is_in_nobodys_way(desk: Desk, sink: Sink) -> None:
    async with sink_on() as slow:
        slow.answering = asyncio.Event()
        slow_channel = await _channel(desk, slow.url())
        for _ in range(6):
            await _ended(desk)
        await fan_out(desk.sessions, public_url="")
        await _channel(desk, sink.url())
        await _ended(desk)
        await fan_out(desk.sessions, public_url="")
        sending = asyncio.create_task(Sender(desk.sessions, ANYWHERE).run())
        try:
            await asyncio.wait_for(sink.got_one.wait(), 8)
            taken = [one.channel_id for one in await _deliveries(desk.sessions) if one.attempts]
            assert taken.count(slow_channel.id) == PER_CHANNEL
        finally:
            slow.answering.set()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def test_a_worker_does_all_of_it_and_the_command_line_says_what_came_of_it(
    desk: Desk, sink: Sink, terminal: Terminal, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text(sink.url(host="localhost") + "\n")
    events = ["deployment_failed"]
    await terminal.run(channels.add, name="hook", file=tmp_path / "url", type_="webhook", events=events)
    working = asyncio.create_task(tell_for_ever(desk.sessions, Settings(private_webhook_hosts="localhost")))
    try:
        assert await terminal.run(channels.test, channel="hook") == "Delivered.\n"
        sink.got_one.clear()
        await _ended(desk, "finished")
        await _ended(desk, "failed")
        await asyncio.wait_for(sink.got_one.wait(), 20)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    assert [got.told["event"] for got in sink.received] == ["test", "deployment_failed"]
    assert "deployment_failed" in await terminal.run(channels.show_all)
    shown = await terminal.json(channels.show_deliveries, channel="hook", take=10)
    assert [delivery["event"] for delivery in shown] == ["deployment_failed", "test"]
    (listed,) = await terminal.json(channels.show_all)
    assert (listed["url"], listed["secret"]) == (None, None)


async def test_internal_addresses_and_redirects_are_refused(desk: Desk, sink: Sink) -> None:
    refused = await send(Webhook(sink.url(), SECRET), "d", {"event": "test"}, AddressGuard())
    assert refused.error is not None
    assert refused.error.startswith("127.0.0.1 is at a loopback")
    assert sink.received == []
    sink.status = "302 Found\r\nLocation: http://169.254.169.254/"
    redirected = await send(Webhook(sink.url(), SECRET), "d", {"event": "test"}, ANYWHERE)
    assert (redirected.status_code, len(sink.received)) == (302, 1)
    assert redirected.error is not None
    assert "Redirects are not followed" in redirected.error


async def test_the_connection_goes_to_the_address_that_was_checked(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, asked = asyncio.get_running_loop(), []
    real = loop.getaddrinfo

    async def rebinding(host: str, *arguments: Any, **options: Any) -> Any:
        if host != "rebind.example":
            return await real(host, *arguments, **options)
        asked.append(host)  # another answer each time
        return await real("127.0.0.1" if len(asked) == 1 else "127.0.0.2", *arguments, **options)

    monkeypatch.setattr(loop, "getaddrinfo", rebinding)
    guard = AddressGuard(hosts=frozenset({"rebind.example"}))
    outcome = await send(Webhook(sink.url(host="rebind.example"), SECRET), "d", {"event": "test"}, guard)
    assert (outcome.error, asked) == (None, ["rebind.example"])
    assert sink.received[0].headers["host"] == f"rebind.example:{sink.port}"


@pytest.mark.parametrize(("named", "is_trusted"), [("hook.example", True), ("other.example", False)])
async def test_over_tls_the_certificate_has_to_be_of_the_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: str, is_trusted: bool
) -> None:
    authority = make_authority("test", utcnow())
    issued = issue(authority, [named, "127.0.0.1"], utcnow())
    (tmp_path / "pem").write_text(issued.certificate + issued.private_key)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "pem")
    trusted = ssl.create_default_context(cadata=authority.certificate)
    monkeypatch.setattr("app.notifications.webhook._trusted", lambda: trusted)
    loop = asyncio.get_running_loop()
    real = loop.getaddrinfo

    async def resolve(host: str, *arguments: Any, **options: Any) -> Any:
        return await real("127.0.0.1" if host == "hook.example" else host, *arguments, **options)

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    async with sink_on(tls) as sink:
        url = sink.url(host="hook.example").replace("http:", "https:")
        outcome = await send(Webhook(url, SECRET), "d", {"event": "test"}, ANYWHERE)
    assert (outcome.error is None, len(sink.received)) == (is_trusted, int(is_trusted))


async def test_a_channel_that_may_no_longer_have_the_log_does_not_get_it(desk: Desk, sink: Sink) -> None:
    channel = await _channel(desk, sink.url(), includes_log=True)
    await _ended(desk)
    await fan_out(desk.sessions, public_url="")
    async with desk.sessions.begin() as session:
        await session.execute(
            update(NotificationChannel).where(NotificationChannel.id == channel.id).values(includes_log=False)
        )
    assert await Sender(desk.sessions, ANYWHERE).send_due() == 1
    assert "log_excerpt" not in sink.received[0].told
    assert "log_excerpt" in (await _deliveries(desk.sessions))[0].payload


class _Mailbox:
    def __init__(self) -> None:
        self.port = 0
        self.mails: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.mails.append(envelope)
        return "250 OK"


@pytest_asyncio.fixture
async def mailbox() -> AsyncIterator[_Mailbox]:
    box = _Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, loop=loop), "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()


async def test_apprise_delivers_mail_and_json(desk: Desk, sink: Sink, mailbox: _Mailbox) -> None:
    mail = f"mailto://127.0.0.1:{mailbox.port}/?from=shiplog@example.com&to=ops@example.com&mode=insecure"
    await _channel(desk, mail, type="apprise", includes_log=True)
    await _channel(desk, sink.url("/notify").replace("http:", "json:"), type="apprise")
    await _ended(desk)
    await fan_out(desk.sessions, public_url="")
    assert await Sender(desk.sessions, ANYWHERE).send_due() == 2
    assert [(one.status, one.error) for one in await _deliveries(desk.sessions)] == [("delivered", None)] * 2
    assert mailbox.mails[0].rcpt_tos == ["ops@example.com"]
    content = mailbox.mails[0].content
    assert isinstance(content, bytes)
    assert b"Deployment of shop failed" in content
    assert LOCKED.encode() not in content
    assert sink.received[0].told["title"] == "Deployment of shop failed"
    assert "Last lines" not in sink.received[0].told["message"]


async def test_apprise_is_held_to_the_same_addresses(desk: Desk, sink: Sink) -> None:
    await _channel(desk, sink.url("/notify").replace("http:", "json:"), type="apprise")
    await _ended(desk)
    await fan_out(desk.sessions, public_url="")
    assert await Sender(desk.sessions, AddressGuard()).send_due() == 1
    (delivery,) = await _deliveries(desk.sessions)
    assert "127.0.0.1 is at a loopback" in str(delivery.error)
    assert sink.received == []


async def test_stuck_deployments_are_told_once(desk: Desk) -> None:
    states: dict[str, dict[str, Any]] = {
        "fine": {"deadline_at": utcnow() + timedelta(hours=1), "lease_epoch": 2},
        "overdue": {"deadline_at": utcnow() - timedelta(minutes=6)},
        "taken over": {"lease_epoch": 7},
        "silent": {"updated_at": utcnow() - timedelta(seconds=120)},
    }
    names = {}
    async with desk.sessions.begin() as session:
        for what, columns in states.items():
            service = await create_service(session, desk.place, name=what)
            row = await create_deployment(session, desk.place, service, status="in_progress", **columns)
            names[row.deployment_uuid] = what
    for _ in range(2):
        await look_once(desk.sessions, silent_seconds=60)
    async with desk.sessions() as session:
        events = (await session.execute(select(OutboxEvent))).scalars().all()
    assert sorted(names[event.payload["deployment_uuid"]] for event in events) == ["overdue", "silent", "taken over"]
    await _channel(desk, "http://127.0.0.1/a")
    await fan_out(desk.sessions, public_url="")
    told = {one.payload["resource_name"]: one.payload for one in await _deliveries(desk.sessions)}
    assert told["overdue"]["event"] == "deployment_stuck"
    assert told["silent"]["reason"] == "It has logged nothing for a long time."


async def test_a_server_that_stops_answering_is_told_when_it_changes(desk: Desk) -> None:
    await _channel(desk, "http://127.0.0.1/a", rules=[{"server_uuids": [desk.place.server.uuid]}])
    async with desk.sessions.begin() as session:
        await session.execute(update(ServerSetting).values(is_reachable=True))
    for is_reachable in (True, False, False, True):
        async with desk.sessions.begin() as session:
            await record_reachability(session, desk.place.server.id, is_reachable=is_reachable)
    await fan_out(desk.sessions, public_url="")
    assert [one.event for one in await _deliveries(desk.sessions)] == ["server_unreachable", "server_reachable"]


async def test_old_deliveries_are_forgotten(desk: Desk) -> None:
    await _channel(desk, "http://127.0.0.1/a")
    await _ended(desk)
    await fan_out(desk.sessions, public_url="")
    async with desk.sessions.begin() as session:
        await session.execute(update(NotificationDelivery).values(created_at=utcnow() - timedelta(days=31)))
        assert await forget_old_deliveries(session) == 0, "it is still on its way"
        await session.execute(update(NotificationDelivery).values(status="failed"))
        assert await forget_old_deliveries(session) == 1


async def test_channels_are_made_shown_changed_tested_and_deleted(desk: Desk, sink: Sink) -> None:
    body = {"name": "hook", "url": "https://hooks.example.com/token", "rules": [{"events": ["deployment_failed"]}]}
    made = await desk.ask("POST", "/notifications/channels", json=body)
    assert made.status_code == 201
    path = f"/notifications/channels/{made.json()['uuid']}"
    shown = (await desk.ask("GET", path, by="sensitive")).json()
    assert (shown["url"], shown["type"], shown["scheme"]) == (body["url"], "webhook", "https")
    assert len(shown["secret"]) >= 32
    assert shown["includes_log"] is True
    assert (await desk.ask("GET", path, by="read")).json().keys() & {"url", "secret"} == set()
    assert [one["uuid"] for one in (await desk.ask("GET", "/notifications/channels")).json()] == [shown["uuid"]]
    assert (await desk.ask("GET", path, by="other")).status_code == 404
    # Who may not read logs cannot have them sent somewhere.
    for change in ({"url": "https://elsewhere.example"}, {"includes_log": True}):
        assert (await desk.ask("PATCH", path, by="write", json=change)).status_code == 403
    off = {"url": "https://elsewhere.example", "includes_log": False}
    assert (await desk.ask("PATCH", path, by="write", json=off)).status_code == 200
    tested = (await desk.ask("POST", f"{path}/test")).json()
    assert (tested["event"], tested["status"]) == ("test", "pending")
    async with desk.sessions.begin() as session:
        await session.execute(update(NotificationChannel).values(url=sink.url()))
    await Sender(desk.sessions, ANYWHERE).send_due()
    again = (await desk.ask("POST", f"{path}/deliveries/{tested['uuid']}/resend")).json()
    assert again["resend_of"] == tested["uuid"]
    listed = (await desk.ask("GET", f"{path}/deliveries")).json()
    assert [(one["uuid"], one["status"]) for one in listed] == [
        (again["uuid"], "pending"),
        (tested["uuid"], "delivered"),
    ]
    older = await desk.ask("GET", f"{path}/deliveries", params={"before": again["uuid"]})
    assert [one["uuid"] for one in older.json()] == [tested["uuid"]]
    assert (await desk.ask("DELETE", path)).json() == {"message": "Notification channel deleted."}
    assert await _deliveries(desk.sessions) == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"url": "http://127.0.0.1/"}, "127.0.0.1 is at a loopback"),
        ({"url": "http://[::ffff:10.0.0.1]/"}, "is at a loopback"),
        ({"url": "ftp://example.com"}, "begins with https://"),
        ({"url": "https://"}, "names a host"),
        ({"url": "nothing", "type": "apprise"}, "apprise does not know"),
        ({"url": "syslog://", "type": "apprise"}, "the machine that Shiplog runs on"),
    ],
)
async def test_a_url_that_cannot_be_sent_to_is_refused_when_it_is_given(
    desk: Desk, body: dict[str, str], text: str
) -> None:
    refused = await desk.ask("POST", "/notifications/channels", json={"name": "hook", **body})
    assert refused.status_code == 422
    assert text in error_of(refused)["errors"]["url"][0]


async def test_no_log_of_ours_shows_a_channels_url(
    desk: Desk, sink: Sink, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sink.status = "500 No"
    await _channel(desk, sink.url("/hush-hush"))
    await _channel(desk, sink.url("/hush-hush").replace("http:", "json:"), type="apprise")
    await _channel(desk, "http://127.0.0.1:9/hush-hush")
    await _ended(desk)
    await fan_out(desk.sessions, public_url="")
    with structlog.testing.capture_logs() as ours:
        await Sender(desk.sessions, ANYWHERE).send_due()
    deliveries = await _deliveries(desk.sessions)
    assert [one.status for one in deliveries] == ["pending"] * 3
    assert len([one for one in ours if one["event"] == "notification"]) == 3
    printed = capfd.readouterr()
    warned = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    for text in (str(ours), printed.out, printed.err, str(warned), *(str(one.error) for one in deliveries)):
        assert "hush-hush" not in text
