"""What a service may do on the server beyond Docker's own measure: with most of it, root in the container is root there."""

from collections.abc import Iterator, Mapping
from typing import Any

CAPABILITIES = frozenset(
    {
        # Docker's own.
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "NET_RAW",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
        # These end at the container's own network, processes and memory.
        "IPC_LOCK",
        "IPC_OWNER",
        "LEASE",
        "NET_ADMIN",
        "NET_BROADCAST",
        "SYS_NICE",
        "SYS_PTRACE",
    }
)
"""What `cap_add` may name without the server's permission."""

_NAMESPACES = ("cgroup", "ipc", "network_mode", "pid", "userns_mode", "uts")
_NO = frozenset({"", "false", "n", "no", "none", "null", "off"})


def powers_of(service: Mapping[str, Any]) -> Iterator[str]:
    """Yield the end of a sentence for each thing of a Compose service that needs the server's permission."""
    if _is_on(service.get("privileged")):
        yield "is privileged."
    for key in ("post_start", "pre_stop"):
        if any(_is_on(hook.get("privileged")) for hook in _list(service.get(key)) if isinstance(hook, Mapping)):
            yield f"has a privileged {key}."
    yield from (f"adds the capability {name}." for name in _list(service.get("cap_add")) if not _is_harmless(name))
    for option in _list(service.get("security_opt")):
        if not str(option).startswith("no-new-privileges"):
            yield f"has the security_opt {option}."
    for key in ("devices", "device_cgroup_rules"):
        for device in _list(service.get(key)):
            path = device.get("source") if isinstance(device, Mapping) else device
            yield f"uses {path} of the server's devices."
    yield from _of_others(service)
    yield from _of_build(service.get("build"))


def _of_others(service: Mapping[str, Any]) -> Iterator[str]:
    for key in _NAMESPACES:
        value = str(service.get(key) or "")
        if _is_foreign(value):
            yield f"has {key}: {value}, which is not its own."
    for source in _list(service.get("volumes_from")):
        if _is_foreign(str(source)):
            yield f"has the volumes of {source}, which is not its own."


def _of_build(build: object) -> Iterator[str]:
    if not isinstance(build, Mapping):
        return
    for key in ("privileged", "entitlements", "ssh"):
        if _is_on(build.get(key)):
            yield f"is built with {key}."
    network = str(build.get("network") or "")
    if _is_foreign(network):
        yield f"is built with the network {network}, which is not its own."


def _is_harmless(capability: object) -> bool:
    return str(capability).upper().removeprefix("CAP_") in CAPABILITIES


def _is_foreign(whose: str) -> bool:
    return whose == "host" or whose.startswith(("container:", "$"))


def _is_on(value: object) -> bool:
    return str(value or "").lower() not in _NO


def _list(value: object) -> list[Any]:
    if not value:
        return []
    return value if isinstance(value, list) else [value]
