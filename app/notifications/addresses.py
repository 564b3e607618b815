"""Where a notification may go: no address of this machine or its networks, unless the operator allows it.

Whoever may make a channel could otherwise have the worker talk to what only the worker can reach: the metadata service
of a cloud, a database on loopback. What is checked are addresses, and the webhook connects to the very address that was
checked: a name that resolves differently the second time gains nothing.
"""

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Self

from app.settings import Settings

_NAT64 = ip_network("64:ff9b::/96")
_ALSO_REFUSED = {ip_address("168.63.129.16")}
"""Azure's own service for its virtual machines, at an address that looks public."""


class AddressRefused(Exception):
    """The receiver is at an address that notifications may not go to; the text names no part of a URL but the host."""


@dataclass(frozen=True)
class AddressGuard:
    """What the operator allows: every address, or those of certain hosts."""

    allows_all: bool = False
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the guard that the settings describe."""
        names = (name.strip().lower() for name in settings.private_webhook_hosts.split(","))
        return cls(settings.allow_private_webhooks, frozenset(filter(None, names)))

    async def addresses_of(self, host: str, port: int) -> list[str]:
        """Resolve a host, once, and return its addresses; AddressRefused when one of them is, OSError when none is found."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError:
            raise OSError("The host name is not valid.") from None
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        for address in addresses:
            self.check(host, address)
        return addresses

    def check(self, host: str, address: str) -> None:
        """Raise AddressRefused when notifications for `host` may not go to an address."""
        if self.allows_all or host.lower().strip("[]") in self.hosts:
            return
        if not is_public(address):
            raise AddressRefused(
                f"{host} is at a loopback, private or otherwise internal address. "
                "SHIPLOG_PRIVATE_WEBHOOK_HOSTS can allow the host."
            )


def is_public(address: str) -> bool:
    """Return whether an address is one that anybody on the internet can reach."""
    parsed = _innermost(ip_address(address.partition("%")[0]))
    return parsed.is_global and not parsed.is_multicast and parsed not in _ALSO_REFUSED


def _innermost(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 one stands for, where it does: it is reached all the same."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if inner is None and int(address) >> 32 == 0 and int(address) > 1:
        inner = IPv4Address(int(address))  # ::a.b.c.d, the old form
    return inner or address
