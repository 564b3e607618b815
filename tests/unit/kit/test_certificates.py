"""Certificates: accepted by a strict TLS client under their names alone, renewed in time, never another authority's."""

import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from app.kit.certificates import (
    CERTIFICATE_LIFETIME,
    RENEWAL_BEFORE_EXPIRY,
    KeyedCertificate,
    expires_soon,
    issue,
    make_authority,
    needs_renewal,
)
from app.kit.clock import utcnow

NAMES = ("f3k9q2x7w1", "192.0.2.10", "2001:db8::10", "db_1.example.com", "localhost")
NOW = utcnow().replace(microsecond=0)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> KeyedCertificate:
    return make_authority("store", NOW)


Handshake = Callable[[KeyedCertificate, str, str], str | None]


@pytest.fixture
def handshake(tmp_path: Path) -> Handshake:
    """Return what a client says that trusts one authority and wants one name: the TLS version, or raises."""

    def shake(held: KeyedCertificate, trusted: str, name: str) -> str | None:
        (tmp_path / "server.crt").write_text(held.certificate)
        (tmp_path / "server.key").write_text(held.private_key)
        of_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        of_server.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
        of_client = ssl.create_default_context(cadata=trusted)
        of_client.verify_flags |= ssl.VERIFY_X509_STRICT
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = of_server.wrap_bio(to_server, to_client, server_side=True)
        client = of_client.wrap_bio(to_client, to_server, server_hostname=name)
        sides = [client, server]
        while sides:
            for side in tuple(sides):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                sides.remove(side)
        return client.version()

    return shake


@pytest.mark.parametrize("name", NAMES)
def test_a_strict_client_accepts_each_name(authority: KeyedCertificate, handshake: Handshake, name: str) -> None:
    assert handshake(issue(authority, NAMES, NOW), authority.certificate, name) == "TLSv1.3"


@pytest.mark.parametrize("name", ["store", "192.0.2.11", "2001:db8::11", "example.com"])
def test_another_name_is_refused(authority: KeyedCertificate, handshake: Handshake, name: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=r"mismatch|not valid for"):
        handshake(issue(authority, NAMES, NOW), authority.certificate, name)


def test_another_authority_of_the_same_name_is_refused(authority: KeyedCertificate, handshake: Handshake) -> None:
    other = make_authority("store", NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(issue(authority, NAMES, NOW), other.certificate, "localhost")


def test_an_expired_certificate_is_refused_and_its_successor_accepted(
    authority: KeyedCertificate, handshake: Handshake
) -> None:
    expired = issue(authority, NAMES, NOW - CERTIFICATE_LIFETIME - DAY)
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        handshake(expired, authority.certificate, "localhost")
    assert needs_renewal(expired.certificate, authority.certificate, NAMES, NOW)
    assert handshake(issue(authority, NAMES, NOW), authority.certificate, "localhost")


def test_it_is_renewed_thirty_days_before_it_expires(authority: KeyedCertificate) -> None:
    held = issue(authority, NAMES, NOW)
    assert held.valid_until == NOW + CERTIFICATE_LIFETIME
    last = held.valid_until - RENEWAL_BEFORE_EXPIRY
    assert not needs_renewal(held.certificate, authority.certificate, reversed(NAMES), last)
    assert needs_renewal(held.certificate, authority.certificate, NAMES, last + timedelta(seconds=1))


def test_it_is_renewed_for_other_names(authority: KeyedCertificate) -> None:
    held = issue(authority, NAMES, NOW)
    assert needs_renewal(held.certificate, authority.certificate, (*NAMES[:-1], "192.0.2.99"), NOW)
    assert needs_renewal(held.certificate, authority.certificate, NAMES[1:], NOW)


def test_it_is_renewed_for_another_authority(authority: KeyedCertificate) -> None:
    held = issue(authority, NAMES, NOW)
    assert needs_renewal(held.certificate, make_authority("store", NOW).certificate, NAMES, NOW)
    assert needs_renewal(held.certificate, make_authority("other", NOW).certificate, NAMES, NOW)


def test_it_is_never_valid_longer_than_its_authority() -> None:
    old = make_authority("store", NOW - timedelta(days=3600))
    assert not expires_soon(old.certificate, NOW)
    assert issue(old, NAMES, NOW).valid_until == old.valid_until
    assert expires_soon(old.certificate, NOW + timedelta(days=23))


@pytest.mark.parametrize("name", ["x" * 65, "ü" * 60], ids=["long", "wide"])
def test_a_long_name_is_cut(name: str) -> None:
    issue(make_authority(name, NOW), ["a" * 70], NOW)


def test_the_key_is_not_shown(authority: KeyedCertificate) -> None:
    assert "PRIVATE" not in repr(authority)
