"""Notifications go to no internal address, however it is written, unless the operator allows it."""

import pytest

from app.notifications.addresses import AddressGuard, AddressRefused, is_public
from app.settings import Settings

INTERNAL = {
    "loopback": "127.0.0.1",
    "another loopback": "127.8.9.1",
    "any": "0.0.0.0",
    "ten": "10.1.2.3",
    "172": "172.31.255.255",
    "192": "192.168.0.1",
    "shared": "100.64.0.1",
    "metadata": "169.254.169.254",
    "metadata of Alibaba": "100.100.100.200",
    "metadata of Azure": "168.63.129.16",
    "multicast": "224.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 loopback": "::1",
    "IPv6 any": "::",
    "IPv6 private": "fd00:ec2::254",
    "IPv6 link-local": "fe80::1%eth0",
    "IPv6 multicast": "ff02::1",
    "mapped": "::ffff:127.0.0.1",
    "mapped in hexadecimal": "::ffff:a9fe:a9fe",
    "compatible": "::127.0.0.1",
    "6to4": "2002:7f00:1::",
    "NAT64": "64:ff9b::10.0.0.1",
}
PUBLIC = ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14", "64:ff9b::93.184.215.14")


@pytest.mark.parametrize("name", INTERNAL)
def test_an_internal_address_is_not_public(name: str) -> None:
    assert not is_public(INTERNAL[name])


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is(address: str) -> None:
    assert is_public(address)


# Forms that a resolver understands and a check of texts does not.
@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "::1"])
async def test_a_host_is_judged_by_what_it_resolves_to(host: str) -> None:
    with pytest.raises(AddressRefused, match="SHIPLOG_PRIVATE_WEBHOOK_HOSTS can allow the host"):
        await AddressGuard().addresses_of(host, 80)


async def test_the_operator_can_allow_hosts_or_all() -> None:
    guard = AddressGuard.of(Settings(private_webhook_hosts=" localhost, ::1"))
    assert set(await guard.addresses_of("LOCALHOST", 80)) <= {"127.0.0.1", "::1"}
    with pytest.raises(AddressRefused):
        await guard.addresses_of("127.0.0.1", 80)
    assert AddressGuard.of(Settings()) == AddressGuard()
    assert await AddressGuard.of(Settings(allow_private_webhooks=True)).addresses_of("10.0.0.1", 80) == ["10.0.0.1"]


async def test_a_name_that_is_none_is_not_found() -> None:
    with pytest.raises(OSError, match="not valid"):
        await AddressGuard().addresses_of(f"{'a' * 70}.example", 80)
