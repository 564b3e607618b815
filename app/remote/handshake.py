"""Logging in over SSH: the pinned host key and no other, our key and no other, and what went wrong in plain words."""

import asyncio
import logging
import socket

import asyncssh

from app.remote.errors import HostKeyChanged, HostKeyUnknown, KeyRefused, Unreachable
from app.remote.host import Address
from app.remote.keys import fingerprint, import_key, public_line

# asyncssh logs whole commands at INFO.
asyncssh.set_log_level(logging.WARNING)

_HOST_KEY_ALGORITHMS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
# 20 to 40 % less CPU than chacha20, which asyncssh would take first (measured).
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes128-ctr",
)


async def log_in(address: Address) -> asyncssh.SSHClientConnection:
    """Connect and log in. Raises Unreachable, KeyRefused, InvalidKey, HostKeyUnknown or HostKeyChanged."""
    pinned = _pinned_key(address)
    key = import_key(address.private_key.reveal())
    watch = _HostKeyWatch()
    try:
        return await asyncssh.connect(
            address.host,
            address.port,
            username=address.user,
            client_factory=lambda: watch,
            client_keys=[key],
            known_hosts=([pinned], [], []),
            server_host_key_algs=_pinned_first(pinned),
            config=[],
            agent_path=None,
            x509_trusted_certs=None,
            gss_host=None,
            preferred_auth="publickey",
            encryption_algs=_CIPHERS,
            connect_timeout=address.connect_timeout,
            login_timeout=20,
            keepalive_interval=6,
            keepalive_count_max=3,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        if watch.shown is None:
            raise Unreachable(f"{_place(address)} shows a host key that cannot be read.") from error
        raise HostKeyChanged(fingerprint(pinned), fingerprint(watch.shown)) from None
    except asyncssh.PermissionDenied as error:
        raise KeyRefused(
            f"{address.user}@{_place(address)} does not accept the private key ({fingerprint(key)}): "
            "put its public key into the user's authorized_keys there."
        ) from error
    except (asyncssh.Error, OSError, ValueError) as error:
        raise _unreachable(error, address.host, address.port, address.connect_timeout) from error


async def fetch_host_key(host: str, port: int, *, timeout: float = 10) -> str:
    """Return the key that a server shows, `ssh-ed25519 AAAA…`, ed25519 where it has one; no login. Raises Unreachable."""
    try:
        async with asyncio.timeout(timeout):
            key = await asyncssh.get_server_host_key(
                host, port, server_host_key_algs=list(_HOST_KEY_ALGORITHMS), config=[]
            )
    except (asyncssh.Error, OSError, ValueError) as error:
        raise _unreachable(error, host, port, timeout) from error
    if key is None:
        raise Unreachable(f"{host}:{port} shows no host key.")
    return public_line(key)


class _HostKeyWatch(asyncssh.SSHClient):
    """Notes the key that is not the pinned one: asyncssh's own error is the same for an unknown and a changed key."""

    shown: asyncssh.SSHKey | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        self.shown = key
        return False


def _unreachable(error: Exception, host: str, port: int, seconds: float) -> Unreachable:
    """Return what kept us from connecting, and what to check."""
    place = f"{host}:{port}"
    match error:
        case ConnectionRefusedError():
            text = f"Nothing listens on {place}: check the port and that sshd runs there."
        case socket.gaierror() | ValueError():
            text = f"The name {host} leads nowhere (wanted: {place}): check the server's address."
        case TimeoutError():
            text = f"{place} did not answer within {seconds:g} s: check the address and the firewall."
        case asyncssh.ConnectionLost() | ConnectionError():
            text = f"{place} closed the connection before the login: check that sshd answers on this port."
        case OSError():
            text = (
                f"{place} cannot be reached ({error.strerror or error}): check the address, the port and the firewall."
            )
        case asyncssh.Error():
            text = (
                f"{place} speaks no SSH that we understand ({error.reason[:200]}): check the port and sshd's version."
            )
        case _:
            text = f"{place} cannot be reached: check the address, the port and the firewall."
    return Unreachable(text)


def _pinned_key(address: Address) -> asyncssh.SSHKey:
    if address.host_key is None:
        raise HostKeyUnknown(f"The host key of {_place(address)} is not pinned yet: validate the server first.")
    try:
        return asyncssh.import_public_key(address.host_key)
    except ValueError:
        raise HostKeyUnknown(
            f"The pinned host key of {_place(address)} cannot be read: validate the server again."
        ) from None


def _pinned_first(pinned: asyncssh.SSHKey) -> list[str]:
    """Return the algorithms in an order that makes a server with several keys show the pinned one."""
    own = [algorithm.decode() for algorithm in pinned.sig_algorithms if algorithm.decode() in _HOST_KEY_ALGORITHMS]
    return [*own, *(algorithm for algorithm in _HOST_KEY_ALGORITHMS if algorithm not in own)]


def _place(address: Address) -> str:
    return f"{address.host}:{address.port}"
