"""Images that only a login at their registry can pull."""

import base64
import stat
from pathlib import Path

import pytest

from tests.acceptance.client import Client, assert_failed, eventually
from tests.acceptance.compose import waiting, web
from tests.acceptance.engine import containers_of, forget_image, make_ready, only_container_of
from tests.acceptance.traces import DATA
from tests.rig.parts import Rig

pytestmark = pytest.mark.docker


def mode(path: Path) -> int:
    """Return a file's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def files_with(text: str, *folders: Path) -> list[Path]:
    """Return the files in which a text stands."""
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path for path in found if text.encode() in path.read_bytes()]


async def test_without_a_login_the_pull_fails(client: Client, rig: Rig, root_server: str) -> None:
    forget_image(rig.images["private-web"])
    uuid = await client.add_service(root_server, web(rig.images["private-web"]))

    deployment = await client.deploy(uuid)

    assert_failed(deployment, "Pull images")
    assert "no basic auth credentials" in deployment.text


async def test_the_team_s_login_pulls_it_and_leaves_no_trace(client: Client, rig: Rig, root_server: str) -> None:
    login = {"registry_host": rig.private_registry, "username": rig.username, "password": rig.password}
    added = await client.ask("POST", "/registries", json=login)
    forget_image(rig.images["private-web"])
    uuid = await client.add_service(root_server, waiting(rig.images["private-web"]))
    try:
        deployment_uuid = await client.begin(uuid)

        async def started() -> bool | None:
            return True if containers_of(uuid) else None

        await eventually(started, "the container is made")
        private = DATA / "runs" / deployment_uuid / "docker"
        assert (mode(private), mode(private / "config.json")) == (0o700, 0o600)
        make_ready(only_container_of(uuid))
        deployment = await client.settled(deployment_uuid)
    finally:
        await client.ask("DELETE", f"/registries/{added['uuid']}")

    assert deployment.status == "finished", deployment.text
    assert not private.exists()
    assert not (Path(rig.logins["root"].home) / ".docker/config.json").exists()
    auth = base64.b64encode(f"{rig.username}:{rig.password}".encode()).decode()
    assert files_with(auth, DATA) == []
    assert files_with(rig.password, DATA) == []
    assert rig.password not in deployment.text
