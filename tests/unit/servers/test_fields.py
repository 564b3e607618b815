"""Addresses, users, registries and networks: what is one, and its one form."""

import pytest
from pydantic import TypeAdapter, ValidationError

from app.servers.fields import Host, NetworkName, RegistryHost, User

HOST: TypeAdapter[str] = TypeAdapter(Host)
NETWORK: TypeAdapter[str] = TypeAdapter(NetworkName)
REGISTRY: TypeAdapter[str] = TypeAdapter(RegistryHost)
USER: TypeAdapter[str] = TypeAdapter(User)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::1", "::1"),
        ("localhost", "localhost"),
        ("Web-1.Example.COM", "web-1.example.com"),
        ("host_1.internal", "host_1.internal"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("1a.2b", "1a.2b"),
        (f"{'a' * 63}.{'b' * 63}", f"{'a' * 63}.{'b' * 63}"),
    ],
)
def test_a_host_has_one_form(given: str, kept: str) -> None:
    assert HOST.validate_python(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "",
        " ",
        "300.1.1.1",
        "192.0.2",
        "192.0.2.1/24",
        "[::1]",
        "::1%eth0",
        "fe80::%",
        "-oProxyCommand=x",
        "host-.example",
        "a..b",
        "example.com.",
        "user@host",
        "host:22",
        "bücher.example",
        "٣.example.٣",
        "host\n",
        "a b",
        "$(id)",
        "a" * 64,
        ".".join(["a" * 60] * 5),
    ],
)
def test_what_is_no_host_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="must be an IPv4 address"):
        HOST.validate_python(given)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("GHCR.io", "ghcr.io"),
        ("localhost:5000", "localhost:5000"),
        ("192.0.2.1:1", "192.0.2.1:1"),
        ("a:65535", "a:65535"),
    ],
)
def test_a_registry_is_a_host_with_or_without_a_port(given: str, kept: str) -> None:
    assert REGISTRY.validate_python(given) == kept


@pytest.mark.parametrize(
    "given", ["", ":5000", "a:", "a:0", "a:65536", "a:b", "a:٣", "a/b", "https://a", "::1", "a:1:2"]
)
def test_what_is_no_registry_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="with or without a port"):
        REGISTRY.validate_python(given)


@pytest.mark.parametrize("given", ["root", "_x", "deploy-1_a", "a" * 32])
def test_a_user_is_a_login_name(given: str) -> None:
    assert USER.validate_python(given) == given


@pytest.mark.parametrize("given", ["", "Root", "1a", "-a", "a b", "a\n", "a;id", "ü", "a" * 33])
def test_what_is_no_user_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="must be a login name"):
        USER.validate_python(given)


@pytest.mark.parametrize("given", ["shop", "0", "A.b_c-1", "bridge2", "a" * 128])
def test_a_network_has_a_name_that_docker_takes(given: str) -> None:
    assert NETWORK.validate_python(given) == given


@pytest.mark.parametrize("given", ["", "-a", ".a", "_a", "a b", "a/b", "a:b", "a\n", "é", "$(id)", "a" * 129])
def test_what_docker_would_not_take_for_a_network_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="must be a name that Docker takes"):
        NETWORK.validate_python(given)


@pytest.mark.parametrize("given", ["bridge", "host", "none", "default"])
def test_a_network_of_dockers_own_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match=f"The network {given} is Docker's own"):
        NETWORK.validate_python(given)
