"""The image and compose.yaml as an administrator uses them: built, made secrets for, started, asked, stopped."""

import os
import re
import shutil
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.remote.keys import generate_private_key
from tests.acceptance.client import eventually
from tests.acceptance.installation import Installation
from tests.fixtures.rig import do_without
from tests.rig import packages
from tests.rig.engine import docker
from tests.rig.images import PYTHON_ROOT, python_image
from tests.rig.parts import CACHE, Rig
from tests.rig.processes import RigError

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]  # the first time on a machine the base image is made

ROOT = Path(__file__).parents[2]
USER = 10001


@pytest.fixture(scope="module")
def images(rig: Rig) -> Iterator[dict[str, str]]:
    """Build the image on Debian's Python, and bring what else compose.yaml names."""
    if not (CACHE / PYTHON_ROOT).exists() and shutil.which("debootstrap") is None:
        do_without("the base image cannot be made: debootstrap is not installed")
    try:
        fetched = packages.fetch(ROOT / "requirements.lock", CACHE, python="3.11", glibc=36)
        base = f"shiplog-test-python:{os.getpid()}"
        python_image(base, CACHE)
    except RigError as error:
        do_without(f"the image cannot be built: {error}")
    names = {name: f"shiplog-test-{name}:{os.getpid()}" for name in ("build", "shiplog")}
    try:
        with packages.served(fetched) as index:
            # The first stage by itself, so that it has a name and can be removed with the rest.
            _build("--target", "build", "--tag", names["build"], base=base, index=index)
            _build("--tag", names["shiplog"], base=base, index=index)
        yield {**names, "postgres": rig.images["postgres"], "valkey": rig.images["valkey"]}
    finally:
        for reference in (*names.values(), base):
            with suppress(RigError):  # it was not made
                docker("rmi", "--force", reference)


@pytest_asyncio.fixture(scope="module")
async def installation(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    """compose.yaml, started once for the tests of this file."""
    installation = Installation(tmp_path_factory.mktemp("installation"), f"shiplog-test-{os.getpid()}", images)
    try:
        await installation.start()
        yield installation
    finally:
        installation.remove()


@pytest_asyncio.fixture(scope="module")
async def root(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    """The API for the holder of the token that `init` has shown."""
    printed = installation.compose("run", "--rm", "--no-TTY", "api", "init", "--email", "ada@example.com")
    token = re.search(r"\d+\|\w{20,}", printed)
    assert token is not None, printed
    headers = {"Authorization": f"Bearer {token[0]}"}
    async with httpx.AsyncClient(base_url=installation.url, headers=headers, timeout=20) as http:
        yield http


async def test_the_api_answers_once_its_health_check_passes(installation: Installation) -> None:
    answer = httpx.get(f"{installation.url}/health", trust_env=False)
    assert (answer.status_code, answer.text) == (200, "OK")
    assert installation.container("migrate")["State"]["ExitCode"] == 0


async def test_the_first_token_opens_the_api_and_there_is_no_second(
    installation: Installation, root: httpx.AsyncClient
) -> None:
    assert (await root.get("/teams/current")).json()["name"] == "Root Team"
    with pytest.raises(RigError, match="already"):
        installation.compose("run", "--rm", "--no-TTY", "api", "init", "--email", "bob@example.com")


async def test_the_worker_does_what_the_api_asks_for(installation: Installation, root: httpx.AsyncClient) -> None:
    key = (await root.post("/security/keys", json={"private_key": generate_private_key()})).json()["uuid"]
    nobody = {"ip": "127.0.0.1", "port": 1, "private_key_uuid": key}
    server = (await root.post("/servers", json=nobody)).json()["uuid"]

    asked = await root.post(f"/servers/{server}/validate")

    assert asked.is_success, asked.text

    async def validated() -> Any:
        return (await root.get(f"/servers/{server}")).json()["validation_logs"]

    assert "Nothing listens on 127.0.0.1:1" in await eventually(validated, "the worker looks at the server")
    assert "redis is away" not in installation.logs()


@pytest.mark.parametrize("service", ["api", "worker"])
async def test_a_process_can_write_nowhere_and_is_nobody_s_root(installation: Installation, service: str) -> None:
    status = installation.execute(service, "cat", "/proc/1/status")
    assert re.findall(r"^Uid:\t(.*)$", status, re.MULTILINE) == ["\t".join([str(USER)] * 4)]
    assert re.findall(r"^CapEff:\t(.*)$", status, re.MULTILINE) == ["0" * 16]
    details = installation.container(service)
    assert details["Config"]["User"] == f"{USER}:{USER}"
    assert details["HostConfig"]["ReadonlyRootfs"] is True
    for place in ("/opt/shiplog", "/opt/shiplog/app", "/etc", "/run"):
        with pytest.raises(RigError, match=r"Read-only file system|Permission denied"):
            installation.execute(service, "touch", f"{place}/written")
    assert installation.execute(service, "python", "-c", "import tempfile; tempfile.TemporaryFile()") == ""


async def test_no_secret_is_in_an_environment_or_a_command_line_or_a_log(installation: Installation) -> None:
    secrets = installation.secrets
    assert len(secrets) == 3
    assert all(len(secret) > 40 for secret in secrets)
    for service in ("postgres", "valkey", "migrate", "api", "worker"):
        details = installation.container(service)
        shown = f"{details['Config']['Env']} {details['Config']['Cmd']} {details['Args']}"
        assert [secret for secret in secrets if secret in shown] == [], service
    logs = installation.logs()
    assert "worker started" in logs
    assert [secret for secret in secrets if secret in logs] == []
    assert stat.S_IMODE((installation.folder / "secrets").stat().st_mode) == 0o700


async def test_both_processes_end_in_order(installation: Installation, root: httpx.AsyncClient) -> None:
    assert (await root.get("/teams/current")).status_code == 200
    installation.compose("stop", "api", "worker")
    states = {name: installation.container(name)["State"] for name in ("api", "worker")}
    assert {name: (state["ExitCode"], state["OOMKilled"]) for name, state in states.items()} == {
        "api": (0, False),
        "worker": (0, False),
    }
    installation.compose("start", "api", "worker")

    async def answers() -> bool | None:
        with suppress(httpx.TransportError):  # it does not listen yet
            return (await root.get("/teams/current")).is_success or None
        return None

    assert await eventually(answers, "the API is back")


def _build(*words: str, base: str, index: str) -> None:
    # The index is on loopback: the build has to see that, and no proxy may be asked for it.
    arguments = {"BASE": base, "PIP_INDEX_URL": index, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    options = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    docker("build", "--quiet", "--force-rm", "--network", "host", *options, *words, str(ROOT), timeout=600)
