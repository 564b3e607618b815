"""Turning the options of `docker run` that people know into the keys of a Compose service."""

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.compose.plan import PlanError
from app.compose.powers import powers_of


@dataclass(frozen=True)
class RunOptions:
    """Keys for the service, and for its place on the destination network."""

    service: Mapping[str, Any] = field(default_factory=dict)
    network: Mapping[str, Any] = field(default_factory=dict)


def parse_run_options(text: str | None) -> RunOptions:
    """Return what the options mean, read as a shell would; raises PlanError that names the one which cannot be used."""
    service: dict[str, Any] = {}
    network: dict[str, Any] = {}
    for name, value in _options(text or ""):
        if name in _NETWORK:
            network[_NETWORK[name]] = value
        else:
            _READERS[name](service, value)
    return RunOptions(service, network)


def refuse_powers(options: RunOptions) -> None:
    """Raise PlanError for options that give a container power over its server."""
    for power in powers_of(options.service):
        raise PlanError(
            f"With its custom Docker options the container {power} Turn on allow_host_paths of the server if it may."
        )


def _options(text: str) -> Iterator[tuple[str, str]]:
    words = iter(_words(text))
    for word in words:
        name, equals, value = word.partition("=")
        if name in _SWITCHES:
            yield name, value if equals else "true"
        elif name in _READERS or name in _NETWORK:
            given = value if equals else next(words, "")
            if not given:
                raise PlanError(f"The custom Docker option {name} needs a value.")
            yield name, given
        else:
            known = ", ".join(sorted({*_READERS, *_NETWORK}))
            raise PlanError(f"The custom Docker option {word} is not supported; there are: {known}.")


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise PlanError(f"The custom Docker options cannot be read: {error}.") from None


_Reader = Callable[[dict[str, Any], str], None]


def _collected(key: str) -> _Reader:
    def read(service: dict[str, Any], value: str) -> None:
        service.setdefault(key, []).append(value)

    return read


def _single(key: str) -> _Reader:
    def read(service: dict[str, Any], value: str) -> None:
        service[key] = value

    return read


def _switch(key: str) -> _Reader:
    def read(service: dict[str, Any], value: str) -> None:
        if value not in {"true", "false"}:
            raise PlanError(f"The custom Docker option --{key} is either there or not: it takes no value {value!r}.")
        service[key] = value == "true"

    return read


def _read_sysctl(service: dict[str, Any], value: str) -> None:
    name, equals, setting = value.partition("=")
    if not equals:
        raise PlanError(f"The custom Docker option --sysctl must be NAME=VALUE, not {value!r}.")
    service.setdefault("sysctls", {})[name] = setting


def _read_ulimit(service: dict[str, Any], value: str) -> None:
    name, _, limits = value.partition("=")
    soft, colon, hard = limits.partition(":")
    try:
        limit: Any = {"soft": int(soft), "hard": int(hard)} if colon else int(soft)
    except ValueError:
        raise PlanError(f"The custom Docker option --ulimit must be NAME=SOFT[:HARD], not {value!r}.") from None
    service.setdefault("ulimits", {})[name] = limit


def _read_gpus(service: dict[str, Any], value: str) -> None:
    value = value.strip('"')
    device: dict[str, Any] = {"capabilities": ["gpu"]}
    if value.startswith("device="):
        device["device_ids"] = value.removeprefix("device=").split(",")
    elif value == "all" or value.isdecimal():
        device["count"] = value if value == "all" else int(value)
    else:
        raise PlanError(f"The custom Docker option --gpus must be all, a number or device=ID,…, not {value!r}.")
    service["deploy"] = {"resources": {"reservations": {"devices": [device]}}}


def _read_entrypoint(service: dict[str, Any], value: str) -> None:
    service["entrypoint"] = _words(value)


_SWITCHES = {"--init", "--privileged"}
_NETWORK = {"--ip": "ipv4_address", "--ip6": "ipv6_address"}
_READERS: dict[str, _Reader] = {
    "--cap-add": _collected("cap_add"),
    "--cap-drop": _collected("cap_drop"),
    "--device": _collected("devices"),
    "--dns": _collected("dns"),
    "--entrypoint": _read_entrypoint,
    "--gpus": _read_gpus,
    "--hostname": _single("hostname"),
    "--init": _switch("init"),
    "--privileged": _switch("privileged"),
    "--security-opt": _collected("security_opt"),
    "--shm-size": _single("shm_size"),
    "--sysctl": _read_sysctl,
    "--ulimit": _read_ulimit,
}
