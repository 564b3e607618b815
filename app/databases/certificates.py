"""The certificate that a database is started with: kept while it is good, else made anew, with the server's authority."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.databases.snapshot import SnapshotTls
from app.kit.certificates import KeyedCertificate, expires_soon, issue, make_authority, needs_renewal
from app.kit.clock import utcnow
from app.models.certificate_authority import CertificateAuthority
from app.models.database_certificate import DatabaseCertificate
from app.models.server import Server
from app.models.standalone.columns import StandaloneMixin

_MOST_BYTES_OF_A_NAME = 37
"""With the uuid behind it, it fills the 64 bytes of a common name."""


async def certificate_for_start(session: AsyncSession, database: StandaloneMixin, server: Server) -> SnapshotTls:
    """Return what a deployment of the database carries; the row of the server must be locked, or two would be made.

    Clients reach it under its uuid in the destination network, and under the server's address from outside.
    """
    authority, is_replaced = await _authority_of(session, server)
    names = tuple(dict.fromkeys((database.uuid, server.ip, "localhost")))
    row = await session.get(DatabaseCertificate, (database.resource_type, database.id))
    if row is not None and not needs_renewal(row.certificate, authority.certificate, names, utcnow()):
        held = KeyedCertificate(row.certificate, row.private_key)
        note = f"The certificate of {database.name} is valid until {_day(held)}."
    else:
        held = issue(authority, names, utcnow())
        note = (
            f"The certificate of {database.name} is {'made' if row is None else 'renewed'}, valid until {_day(held)}."
        )
        row = row or DatabaseCertificate(database_type=database.resource_type, database_id=database.id)
        _keep(session, row, held)
        await session.flush()
    if is_replaced:
        note += f" The authority of {server.name} is new as well: clients that check the certificate need its new one."
    return SnapshotTls(
        authority=authority.certificate, certificate=held.certificate, private_key=held.private_key, note=note
    )


async def _authority_of(session: AsyncSession, server: Server) -> tuple[KeyedCertificate, bool]:
    """Return the server's authority and whether it has just taken the place of one that expires."""
    row = await session.get(CertificateAuthority, server.id)
    if row is not None and not expires_soon(row.certificate, utcnow()):
        return KeyedCertificate(row.certificate, row.private_key), False
    name = server.name.encode()[:_MOST_BYTES_OF_A_NAME].decode(errors="ignore")
    made = make_authority(f"{name} ({server.uuid})", utcnow())
    is_replaced = row is not None
    _keep(session, row or CertificateAuthority(server_id=server.id), made)
    await session.flush()
    return made, is_replaced


def _keep(session: AsyncSession, row: CertificateAuthority | DatabaseCertificate, held: KeyedCertificate) -> None:
    row.certificate = held.certificate
    row.private_key = held.private_key
    row.valid_until = held.valid_until
    row.created_at = utcnow()
    session.add(row)


def _day(held: KeyedCertificate) -> str:
    return held.valid_until.date().isoformat()
