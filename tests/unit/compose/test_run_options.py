"""Options of `docker run` as keys of a Compose service."""

from typing import Any

import pytest

from app.compose.plan import PlanError
from app.compose.run_options import RunOptions, parse_run_options


@pytest.mark.parametrize(
    ("text", "service"),
    [
        ("--cap-add SYS_NICE --cap-add=NET_ADMIN", {"cap_add": ["SYS_NICE", "NET_ADMIN"]}),
        ("--cap-drop ALL", {"cap_drop": ["ALL"]}),
        ("--security-opt=no-new-privileges:true", {"security_opt": ["no-new-privileges:true"]}),
        ("--sysctl net.core.somaxconn=1024", {"sysctls": {"net.core.somaxconn": "1024"}}),
        ("--device /dev/sda:/dev/xvda:r", {"devices": ["/dev/sda:/dev/xvda:r"]}),
        ("--ulimit nofile=1024:2048", {"ulimits": {"nofile": {"soft": 1024, "hard": 2048}}}),
        ("--ulimit memlock=-1 --ulimit core=0", {"ulimits": {"memlock": -1, "core": 0}}),
        ("--init", {"init": True}),
        ("--init=false --privileged", {"init": False, "privileged": True}),
        ("--shm-size 256m", {"shm_size": "256m"}),
        ("--dns 1.1.1.1 --dns 9.9.9.9", {"dns": ["1.1.1.1", "9.9.9.9"]}),
        ("--hostname 'db one'", {"hostname": "db one"}),
        ("--entrypoint 'sh -c \"sleep 1\"'", {"entrypoint": ["sh", "-c", "sleep 1"]}),
    ],
)
def test_each_option(text: str, service: dict[str, Any]) -> None:
    assert parse_run_options(text) == RunOptions(service=service)


@pytest.mark.parametrize(
    ("value", "device"),
    [
        ("all", {"count": "all"}),
        ("2", {"count": 2}),
        ("device=0,1", {"device_ids": ["0", "1"]}),
        ("'\"device=0,1\"'", {"device_ids": ["0", "1"]}),
    ],
)
def test_gpus(value: str, device: dict[str, Any]) -> None:
    devices = parse_run_options(f"--gpus {value}").service["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"capabilities": ["gpu"], **device}]


def test_addresses_belong_to_the_network() -> None:
    options = parse_run_options("--ip 172.20.0.9 --ip6=fd00::9")
    assert options == RunOptions(network={"ipv4_address": "172.20.0.9", "ipv6_address": "fd00::9"})


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_none(text: str | None) -> None:
    assert parse_run_options(text) == RunOptions()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("--volume /:/host", "option --volume is not supported; there are: --cap-add,"),
        ("--cap-add A -v /:/host", "option -v is not supported"),
        ("--cap-add A; rm", "option rm is not supported"),
        ("stray", "option stray is not supported"),
        ("--cap-add", "option --cap-add needs a value"),
        ("--hostname=", "option --hostname needs a value"),
        ("--init=perhaps", "--init is either there or not"),
        ("--sysctl a", "--sysctl must be NAME=VALUE"),
        ("--ulimit nofile", "--ulimit must be NAME=SOFT[:HARD]"),
        ("--gpus some", "--gpus must be all, a number or device="),
        ("--hostname 'open", "cannot be read: No closing quotation"),
        ("--entrypoint '\"open'", "cannot be read: No closing quotation"),
    ],
)
def test_what_cannot_be_used_is_named(text: str, words: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse_run_options(text)
    assert words in str(caught.value)
