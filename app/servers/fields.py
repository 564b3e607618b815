"""Fields of servers, keys and registry logins that need more than a length: addresses, users, ports, networks."""

import ipaddress
import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from app.kit.schema import Line, refused

_MOST_HOST_CHARACTERS = 253
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_WORD = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_PORT = "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
# As for a server, and with a port; this one stands in the schema, so it cannot be made of calls.
_REGISTRY = rf"^(({_WORD}\.)*(?![0-9]+(:|$)){_WORD}|({_OCTET}\.){{3}}{_OCTET})(:{_PORT})?$"
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_NETWORK = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")
# Docker's own: nothing can be created under these names, nor joined with a name to be found by.
_OWN_NETWORKS = frozenset({"bridge", "container", "default", "host", "ingress", "none"})
_MOST_SECRET_CHARACTERS = 64 * 1024


def _checked_host(host: str) -> str:
    plain = _host(host.lower())
    if plain is None:
        raise refused("The ip must be an IPv4 address, an IPv6 address without brackets, or a host name.")
    return plain


def _checked_registry(registry: str) -> str:
    if len(registry) > _MOST_HOST_CHARACTERS or not re.fullmatch(_REGISTRY, registry):
        raise refused("The registry_host must be a host name with or without a port, as in registry.example.com:5000.")
    return registry.lower()


def _checked_user(user: str) -> str:
    if not _USER.fullmatch(user):
        raise refused(
            "The user must be a login name: up to 32 lower-case letters, digits, _ and -, not beginning with a digit or -."
        )
    return user


def _checked_username(username: str) -> str:
    # Docker stores a login as base64 of `name:password`.
    if not username or ":" in username:
        raise refused("The username may not be empty and may not have a colon.")
    return username


def _checked_secret(secret: str) -> str:
    if not secret or "\0" in secret or len(secret) > _MOST_SECRET_CHARACTERS:
        raise refused(f"It must have 1 to {_MOST_SECRET_CHARACTERS} characters and no NUL.")
    return secret


def _checked_network(network: str) -> str:
    if not _NETWORK.fullmatch(network):
        raise refused(
            "The network must be a name that Docker takes: up to 128 letters, digits, _, . and -, beginning with a letter "
            "or digit."
        )
    if network in _OWN_NETWORKS:
        raise refused(f"The network {network} is Docker's own: choose another name.")
    return network


def _host(host: str) -> str | None:
    """Return the host in its one form, or None when it is none."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        labels = host.split(".")
        is_name = len(host) <= _MOST_HOST_CHARACTERS and all(_LABEL.fullmatch(label) for label in labels)
        # A last label of digits is a mistyped IPv4 address, in no case a name.
        return host if is_name and not labels[-1].isdecimal() else None
    return None if "%" in host else str(address)


def _described(checked: Any, **schema: Any) -> tuple[AfterValidator, WithJsonSchema]:
    return AfterValidator(checked), WithJsonSchema({"type": "string", **schema})


Host = Annotated[str, *_described(_checked_host, minLength=1, maxLength=_MOST_HOST_CHARACTERS, examples=["192.0.2.10"])]
NetworkName = Annotated[
    str,
    *_described(
        _checked_network, minLength=1, maxLength=128, pattern="^[a-zA-Z0-9][a-zA-Z0-9_.-]*$", examples=["shop"]
    ),
]
User = Annotated[
    str, *_described(_checked_user, minLength=1, maxLength=32, pattern="^[a-z_][a-z0-9_-]*$", examples=["root"])
]
Port = Annotated[int, Field(ge=1, le=65535, examples=[22])]
RegistryHost = Annotated[
    str,
    *_described(
        _checked_registry,
        minLength=1,
        maxLength=_MOST_HOST_CHARACTERS,
        pattern=_REGISTRY,
        examples=["registry.example.com:5000"],
    ),
]
Username = Annotated[
    Line, *_described(_checked_username, minLength=1, maxLength=255, pattern="^[^:]+$", examples=["ada"])
]
SecretText = Annotated[str, *_described(_checked_secret, minLength=1, maxLength=_MOST_SECRET_CHARACTERS)]
