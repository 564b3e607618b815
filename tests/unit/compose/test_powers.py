"""What a container may do on its server needs the server's permission when it is more than Docker gives to all."""

import pytest

from app.compose.document import read_compose


def outside(service: str, more: str = "") -> list[str]:
    return list(read_compose(f"services: {{web: {{image: a, {service}}}}}\n{more}").outside)


@pytest.mark.parametrize(
    ("service", "end"),
    [
        ("privileged: true", "is privileged."),
        ("privileged: 'yes'", "is privileged."),
        ("privileged: $X", "is privileged."),
        ("devices: ['/dev/sda:/dev/sda']", "uses /dev/sda:/dev/sda of the server's devices."),
        ("devices: [{source: /dev/kmsg, target: /x}]", "uses /dev/kmsg of the server's devices."),
        ("device_cgroup_rules: ['b 8:* rwm']", "uses b 8:* rwm of the server's devices."),
        ("cap_add: [CHOWN, SYS_ADMIN]", "adds the capability SYS_ADMIN."),
        ("cap_add: [all]", "adds the capability all."),
        ("cap_add: [CAP_SYS_MODULE]", "adds the capability CAP_SYS_MODULE."),
        ("cap_add: [$X]", "adds the capability $X."),
        ("pid: host", "has pid: host, which is not its own."),
        ("ipc: host", "has ipc: host, which is not its own."),
        ("uts: host", "has uts: host, which is not its own."),
        ("cgroup: host", "has cgroup: host, which is not its own."),
        ("userns_mode: host", "has userns_mode: host, which is not its own."),
        ("network_mode: host", "has network_mode: host, which is not its own."),
        ("network_mode: 'container:other'", "has network_mode: container:other, which is not its own."),
        ("network_mode: '${MODE:-bridge}'", "has network_mode: ${MODE:-bridge}, which is not its own."),
        ("security_opt: ['apparmor:unconfined']", "has the security_opt apparmor:unconfined."),
        ("security_opt: [seccomp=/etc/shadow]", "has the security_opt seccomp=/etc/shadow."),
        ("volumes_from: ['container:other']", "has the volumes of container:other, which is not its own."),
        ("post_start: [{command: id, privileged: true}]", "has a privileged post_start."),
        ("build: {dockerfile_inline: FROM a, privileged: true}", "is built with privileged."),
        ("build: {dockerfile_inline: FROM a, entitlements: [security.insecure]}", "is built with entitlements."),
        ("build: {dockerfile_inline: FROM a, ssh: [default]}", "is built with ssh."),
        ("build: {dockerfile_inline: FROM a, network: host}", "is built with the network host, which is not its own."),
    ],
)
def test_a_power_over_the_server_is_named(service: str, end: str) -> None:
    assert outside(service) == [f"The service web {end}"]


@pytest.mark.parametrize(
    "service",
    [
        "privileged: false",
        "privileged: 'no'",
        "cap_add: [NET_BIND_SERVICE, cap_net_admin, IPC_LOCK], cap_drop: [ALL]",
        "network_mode: none",
        "network_mode: bridge",
        "network_mode: 'service:vpn'",
        "pid: 'service:vpn'",
        "ipc: shareable",
        "cgroup: private",
        "security_opt: ['no-new-privileges:true']",
        "volumes_from: ['vpn:ro']",
        "post_start: [{command: id}]",
        "devices: []",
        "gpus: all",
        "deploy: {resources: {reservations: {devices: [{capabilities: [gpu], count: 1}]}}}",
        "sysctls: {net.core.somaxconn: 1024}, ulimits: {nofile: 1024}, shm_size: 64m, init: true, tmpfs: /tmp",
    ],
)
def test_what_ordinary_files_ask_for_is_free(service: str) -> None:
    assert outside(service) == []


@pytest.mark.parametrize(
    ("networks", "is_free"),
    [
        ("{web: {name: host, external: true}}", False),
        ("{host: {external: true}}", False),
        ("{web: {driver: host}}", False),
        ("{web: {name: proxy, external: true}, inner: {driver: bridge}, plain: }", True),
    ],
    ids=["named host", "called host", "the driver", "others"],
)
def test_the_servers_network_is_not_joined_by_another_name(networks: str, is_free: bool) -> None:
    assert (outside("command: []", f"networks: {networks}") == []) is is_free
