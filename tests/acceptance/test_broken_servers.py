"""Servers that cannot be deployed to: each deployment ends `failed` and says what to do."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.acceptance.client import Client, assert_failed
from tests.acceptance.compose import web
from tests.acceptance.engine import containers_of
from tests.acceptance.servers import Servers
from tests.acceptance.traces import HOME_DATA
from tests.rig.parts import FOLDER, Rig, another_sshd
from tests.rig.processes import free_port, run

pytestmark = pytest.mark.docker


@contextmanager
def programs_without_docker() -> Iterator[Path]:
    """Lend a folder for PATH with everything that is in /usr/bin but Docker; every user may read it."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        folder = Path(name)
        folder.chmod(0o755)
        for program in Path("/usr/bin").iterdir():
            if program.name != "docker":
                (folder / program.name).symlink_to(program)
        yield folder


@contextmanager
def full_disk(folder: Path, owner: str) -> Iterator[None]:
    """Put a file system of 64 KiB in the place of a folder."""
    run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", folder])
    try:
        shutil.chown(folder, owner, owner)
        yield
    finally:
        run(["umount", "--lazy", folder])


async def test_a_server_that_is_off(client: Client, rig: Rig) -> None:
    nobody = replace(rig.logins["root"], port=free_port())
    server = await client.add_server(nobody)
    uuid = await client.add_service(server, web(rig.images["web-1"]))

    assert_failed(await client.deploy(uuid), f"Nothing listens on 127.0.0.1:{nobody.port}")


async def test_a_server_that_does_not_know_the_key(client: Client, rig: Rig) -> None:
    with another_sshd() as sshd:
        login = sshd.start()["root"]
        server = await client.add_server(login, private_key=rig.logins["root"].private_key)
        uuid = await client.add_service(server, web(rig.images["web-1"]))

        assert_failed(await client.deploy(uuid), "does not accept the private key")


async def test_a_server_whose_host_key_has_changed(client: Client, rig: Rig) -> None:
    with another_sshd() as sshd:
        login = sshd.start()["root"]
        server = await client.add_server(login)
        assert (await client.validate(server))["is_usable"]
        uuid = await client.add_service(server, web(rig.images["web-1"]))
        sshd.stop()
        sshd.start(login.port)

        deployment = await client.deploy(uuid)

    assert_failed(deployment, "host key has changed")
    assert containers_of(uuid) == {}


# Not as root in the next three: there `sudo -n docker` would find the engine that the user's own shell does not.


async def test_a_server_without_docker(client: Client, rig: Rig) -> None:
    with programs_without_docker() as programs, another_sshd(f"SetEnv PATH={programs}\n") as sshd:
        server = await client.add_server(sshd.start()["docker"])
        validated = await client.validate(server)
        assert (validated["is_reachable"], validated["is_usable"]) == (True, False)
        uuid = await client.add_service(server, web(rig.images["web-1"]))

        assert_failed(await client.deploy(uuid), "Check Docker", "Docker is not installed on this server")


async def test_a_server_without_the_compose_plugin(client: Client, rig: Rig) -> None:
    with programs_without_docker() as programs, another_sshd(f"SetEnv PATH={programs}\n") as sshd:
        engine_only = programs / "docker"
        engine_only.write_text(f'#!/bin/sh\n[ "$1" != compose ] || exit 1\nexec {shutil.which("docker")} "$@"\n')
        engine_only.chmod(0o755)
        server = await client.add_server(sshd.start()["docker"])
        uuid = await client.add_service(server, web(rig.images["web-1"]))

        assert_failed(await client.deploy(uuid), "Check Docker", "Compose plugin is not installed")


async def test_a_server_whose_engine_is_stopped(client: Client, rig: Rig) -> None:
    with another_sshd("SetEnv DOCKER_HOST=unix:///run/nobody-listens.sock\n") as sshd:
        server = await client.add_server(sshd.start()["docker"])
        uuid = await client.add_service(server, web(rig.images["web-1"]))

        assert_failed(await client.deploy(uuid), "Check Docker", "The Docker daemon does not answer on this server")


async def test_a_server_whose_disk_is_full(client: Client, rig: Rig, servers: Servers) -> None:
    server = await servers.usable("docker")
    uuid = await client.add_service(server, f"# {'x' * 200_000}\n{web(rig.images['web-1'])}")
    with full_disk(Path(rig.logins["docker"].home) / HOME_DATA, rig.logins["docker"].user):
        deployment = await client.deploy(uuid)

    assert_failed(deployment, "disk is full")
    assert containers_of(uuid) == {}
    again = await client.deploy(uuid)
    assert again.status == "finished", again.text
