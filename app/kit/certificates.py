"""X.509 certificates as PEM: an authority of our own, and what it issues to a server under its names."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFETIME = timedelta(days=3652)
CERTIFICATE_LIFETIME = timedelta(days=397)
RENEWAL_BEFORE_EXPIRY = timedelta(days=30)

# Who checks the certificate may have a clock that is behind.
_CLOCK_DIFFERENCE = timedelta(days=1)
_MOST_BYTES_OF_A_COMMON_NAME = 64


@dataclass(frozen=True)
class KeyedCertificate:
    """A certificate and its private key (PKCS 8), both as PEM."""

    certificate: str
    private_key: str = field(repr=False)

    @property
    def valid_until(self) -> datetime:
        """When it expires."""
        return _read(self.certificate).not_valid_after_utc


def make_authority(name: str, now: datetime) -> KeyedCertificate:
    """Return a new authority, valid for ten years; a name of more than 64 bytes is cut."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(name)
    usage = {"key_cert_sign": True, "crl_sign": True}
    builder = (
        _builder(subject, subject, key.public_key(), key.public_key(), now, now + AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(**usage), critical=True)
    )
    return _signed(builder, key, key)


def issue(authority: KeyedCertificate, names: Iterable[str], now: datetime) -> KeyedCertificate:
    """Return a new certificate of a server that is reached under these host names and IP addresses.

    It is valid for 397 days, the most that clients accept, but never longer than the authority.
    """
    names = tuple(names)
    issuer = _read(authority.certificate)
    issuer_key = serialization.load_pem_private_key(authority.private_key.encode(), password=None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise TypeError("The key of the authority is not an elliptic-curve key.")
    key = ec.generate_private_key(ec.SECP256R1())
    until = min(now + CERTIFICATE_LIFETIME, issuer.not_valid_after_utc)
    builder = (
        _builder(_subject(names[0]), issuer.subject, key.public_key(), issuer_key.public_key(), now, until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(map(_general_name, names)), critical=False)
    )
    return _signed(builder, key, issuer_key)


def expires_soon(certificate: str, now: datetime) -> bool:
    """Return whether a certificate has less than 30 days left."""
    return _read(certificate).not_valid_after_utc - now < RENEWAL_BEFORE_EXPIRY


def needs_renewal(certificate: str, authority: str, names: Iterable[str], now: datetime) -> bool:
    """Return whether a certificate expires soon, has other names than these, or is of another authority."""
    held = _read(certificate)
    extension = held.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    if expires_soon(certificate, now) or set(extension.value) != set(map(_general_name, names)):
        return True
    try:
        held.verify_directly_issued_by(_read(authority))
    except (InvalidSignature, ValueError):
        return True
    return False


def _read(certificate: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.encode())


def _subject(name: str) -> x509.Name:
    short = name.encode()[:_MOST_BYTES_OF_A_COMMON_NAME].decode(errors="ignore")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, short)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(**uses: bool) -> x509.KeyUsage:
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{**dict.fromkeys(every, False), **uses})


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    now: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    # Strict clients ask for both key identifiers; two authorities of one name are told apart by them.
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_DIFFERENCE)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _signed(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, issuer_key: ec.EllipticCurvePrivateKey
) -> KeyedCertificate:
    return KeyedCertificate(
        builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )
