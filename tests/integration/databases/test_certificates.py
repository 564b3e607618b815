"""Certificates of databases: made with the first start, kept while good, renewed in time, one authority a server."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from sqlalchemy import func, select, text, update

from app.compose.plan import ServerFacts
from app.databases.certificates import certificate_for_start
from app.databases.planning import plan_database_start
from app.databases.snapshot import DatabaseSnapshot
from app.kit.certificates import AUTHORITY_LIFETIME, CERTIFICATE_LIFETIME, KeyedCertificate, issue, make_authority
from app.kit.clock import utcnow
from app.models import CertificateAuthority, DatabaseCertificate, DatabaseDeploymentQueue, Server
from app.operations.repository import forget_resource
from app.postgres import Sessions
from tests.deploying import create_database, create_place
from tests.desk import Desk, error_of


async def _database(desk: Desk, **columns: Any) -> str:
    async with desk.sessions.begin() as session:
        return (await create_database(session, desk.place, **{"enable_ssl": True, **columns})).uuid


async def _restart(desk: Desk, uuid: str) -> dict[str, Any]:
    """Queue a deployment and return its snapshot."""
    answer = await desk.ask("POST", f"/databases/{uuid}/restart")
    assert answer.status_code == 200, answer.text
    queue = DatabaseDeploymentQueue
    statement = select(queue.configuration_snapshot).where(queue.deployment_uuid == answer.json()["deployment_uuid"])
    async with desk.sessions() as session:
        snapshot: dict[str, Any] = (await session.execute(statement)).scalar_one()
    return snapshot


async def _authority(desk: Desk) -> KeyedCertificate:
    async with desk.sessions() as session:
        row = await session.get_one(CertificateAuthority, desk.place.server.id)
        return KeyedCertificate(row.certificate, row.private_key)


async def _count(sessions: Sessions, model: Any) -> int:
    async with sessions() as session:
        return (await session.execute(select(func.count()).select_from(model))).scalar_one()


async def test_the_first_start_makes_a_certificate_and_the_second_keeps_it(desk: Desk) -> None:
    uuid = await _database(desk)
    first, second = await _restart(desk, uuid), await _restart(desk, uuid)
    until = (utcnow() + CERTIFICATE_LIFETIME).date().isoformat()
    assert first["tls"]["note"] == f"The certificate of store is made, valid until {until}."
    (listed,) = (await desk.ask("GET", "/databases")).json()
    read = (await desk.ask("GET", f"/databases/{uuid}")).json()
    assert [answer["certificate_valid_until"][:10] for answer in (listed, read)] == [until, until]
    assert second["tls"] == {**first["tls"], "note": f"The certificate of store is valid until {until}."}
    certificate = x509.load_pem_x509_certificate(first["tls"]["certificate"].encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(first["tls"]["authority"].encode()))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [uuid, desk.place.server.ip, "localhost"]
    lines = first["tls"]["private_key"].splitlines()[1:-1]
    assert lines
    assert set(lines) <= set(first["secrets"])


@pytest.mark.parametrize(("slug", "url"), [("postgresql", "postgres:.*[?]sslmode=require"), ("valkey", "rediss:.*")])
async def test_a_database_asks_for_it_with_enable_ssl(desk: Desk, slug: str, url: str) -> None:
    body = desk.of_resource(enable_ssl=True, instant_deploy=True)
    made = await desk.ask("POST", f"/databases/{slug}", json=body)
    assert made.status_code == 201, made.text
    assert re.fullmatch(url, made.json()["internal_db_url"])
    async with desk.sessions() as session:
        snapshot = (await session.execute(select(DatabaseDeploymentQueue.configuration_snapshot))).scalar_one()
    plan = plan_database_start(DatabaseSnapshot.model_validate(snapshot), ServerFacts("/data/shiplog"))
    assert "server.key" in {file.path for file in plan.files}
    read = await desk.ask("GET", f"/databases/{made.json()['uuid']}", by="sensitive")
    assert read.json()["enable_ssl"] is True
    assert "PRIVATE KEY" not in read.text + made.text


async def test_without_enable_ssl_nothing_is_made(desk: Desk) -> None:
    snapshot = await _restart(desk, await _database(desk, enable_ssl=False))
    assert snapshot["tls"] is None
    assert (await _count(desk.sessions, CertificateAuthority), await _count(desk.sessions, DatabaseCertificate)) == (
        0,
        0,
    )


async def test_a_certificate_near_its_end_is_renewed_under_the_same_authority(desk: Desk) -> None:
    uuid = await _database(desk)
    first = await _restart(desk, uuid)
    old = issue(
        await _authority(desk),
        (uuid, desk.place.server.ip, "localhost"),
        utcnow() - CERTIFICATE_LIFETIME + timedelta(days=29),
    )
    async with desk.sessions.begin() as session:
        await session.execute(
            update(DatabaseCertificate).values(certificate=old.certificate, private_key=old.private_key)
        )
    renewed = await _restart(desk, uuid)
    until = (utcnow() + CERTIFICATE_LIFETIME).date().isoformat()
    assert renewed["tls"]["note"] == f"The certificate of store is renewed, valid until {until}."
    assert renewed["tls"]["authority"] == first["tls"]["authority"]
    assert renewed["tls"]["certificate"] not in {first["tls"]["certificate"], old.certificate}
    assert (await _restart(desk, uuid))["tls"]["certificate"] == renewed["tls"]["certificate"]
    async with desk.sessions() as session:
        row = (await session.execute(select(DatabaseCertificate))).scalar_one()
    assert row.valid_until == KeyedCertificate(row.certificate, row.private_key).valid_until


async def test_another_address_of_the_server_renews(desk: Desk) -> None:
    uuid = await _database(desk)
    first = await _restart(desk, uuid)
    async with desk.sessions.begin() as session:
        await session.execute(update(Server).values(ip="2001:db8::7"))
    second = await _restart(desk, uuid)
    assert second["tls"]["certificate"] != first["tls"]["certificate"]
    assert "is renewed" in second["tls"]["note"]
    assert second["tls"]["authority"] == first["tls"]["authority"]


async def test_an_authority_near_its_end_is_replaced_and_the_log_says_so(desk: Desk) -> None:
    uuid = await _database(desk)
    await _restart(desk, uuid)
    old = make_authority("old", utcnow() - AUTHORITY_LIFETIME + timedelta(days=29))
    async with desk.sessions.begin() as session:
        await session.execute(
            update(CertificateAuthority).values(certificate=old.certificate, private_key=old.private_key)
        )
    renewed = await _restart(desk, uuid)
    assert renewed["tls"]["note"].endswith(
        " The authority of server is new as well: clients that check the certificate need its new one."
    )
    assert renewed["tls"]["authority"] == (await _authority(desk)).certificate != old.certificate
    assert "authority" not in (await _restart(desk, uuid))["tls"]["note"]


async def test_two_first_starts_at_once_make_one_authority(desk: Desk) -> None:
    uuids = [await _database(desk, name=name) for name in ("one", "two")]
    snapshots = await asyncio.gather(*(_restart(desk, uuid) for uuid in (*uuids, *uuids)))
    assert len({snapshot["tls"]["authority"] for snapshot in snapshots}) == 1
    assert len({snapshot["tls"]["certificate"] for snapshot in snapshots}) == 2
    assert await _count(desk.sessions, CertificateAuthority) == 1


async def test_keys_are_encrypted_at_rest(desk: Desk) -> None:
    snapshot = await _restart(desk, await _database(desk))
    line = snapshot["tls"]["private_key"].splitlines()[1]
    async with desk.sessions() as session:
        for table in ("certificate_authorities", "database_certificates", "database_deployment_queues"):
            rows = (await session.execute(text(f"SELECT to_jsonb(t)::text FROM {table} t"))).scalars().all()
            assert rows
            assert not any(line in row or "PRIVATE KEY" in row for row in rows), table


async def test_the_authority_is_read_over_the_api(desk: Desk) -> None:
    path = f"/servers/{desk.place.server.uuid}/ca-certificate"
    missing = await desk.ask("GET", path, by="read")
    assert (missing.status_code, error_of(missing)) == (
        404,
        {
            "message": "The server has no certificate authority yet: "
            "it is made when a database with enable_ssl is started there."
        },
    )
    snapshot = await _restart(desk, await _database(desk))
    answer = await desk.ask("GET", path, by="read")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert answer.text == snapshot["tls"]["authority"]
    other = await desk.ask("GET", path, by="other")
    assert (other.status_code, error_of(other)) == (404, {"message": "Server not found."})


async def test_the_certificate_goes_with_its_database_and_no_other(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
        gone, kept = [await create_database(session, place, enable_ssl=True) for _ in range(2)]
        for database in (gone, kept):
            await certificate_for_start(session, database, place.server)
        await forget_resource(session, gone)
    async with sessions() as session:
        assert (await session.execute(select(DatabaseCertificate.database_id))).scalars().all() == [kept.id]
