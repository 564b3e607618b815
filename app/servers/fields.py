"""Fields of servers, keys and registry logins that need more than a length: addresses, users, ports, networks."""

import ipaddress
import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from app.kit.schema import Line, refused

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
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
    host, colon, port = registry.lower().rpartition(":") if ":" in registry else (registry.lower(), "", "")
    is_port = not colon or (port.isascii() and port.isdecimal() and 1 <= int(port[:6]) <= 65535)
    if not is_port or ":" in host or _host(host) is None:
        raise refused("The registry_host must be a host name with or without a port, as in registry.example.com:5000.")
    return f"{host}{colon}{port}"


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
        is_name = len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
        # A last label of digits is a mistyped IPv4 address, in no case a name.
        return host if is_name and not labels[-1].isdecimal() else None
    return None if "%" in host else str(address)


def _described(checked: Any, **schema: Any) -> tuple[AfterValidator, WithJsonSchema]:
    return AfterValidator(checked), WithJsonSchema({"type": "string", **schema})


Host = Annotated[str, *_described(_checked_host, minLength=1, maxLength=253, examples=["192.0.2.10"])]
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
    str, *_described(_checked_registry, minLength=1, maxLength=259, examples=["registry.example.com:5000"])
]
Username = Annotated[
    Line, *_described(_checked_username, minLength=1, maxLength=255, pattern="^[^:]+$", examples=["ada"])
]
SecretText = Annotated[str, *_described(_checked_secret, minLength=1, maxLength=_MOST_SECRET_CHARACTERS)]
