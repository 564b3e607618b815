"""`shiplog deploy` and `shiplog logs` against a real API process: exit codes, and a restart in the middle."""

import asyncio
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select

from app.deployments.kinds import SERVICE, AnyQueue
from app.models import ServiceDeploymentQueue
from app.models.deployment_status import DeploymentStatus
from app.postgres import Sessions
from tests.deploying import create_deployment, create_place, create_service, row_of
from tests.fixtures.api import MadeToken, MakeToken
from tests.integration.cli.running import ended, environment, shiplog, start

StartApi = Callable[[], Awaitable[Process]]


@pytest_asyncio.fixture
async def api_processes(configured: dict[str, str]) -> AsyncIterator[tuple[StartApi, str]]:
    """A way to start an API process, each time on the same address, and that address."""
    running: list[Process] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        async def start_api() -> Process:
            running.append(await start("api", "--fd", "0", stdin=listener.fileno(), env=configured))
            return running[-1]

        yield start_api, f"http://127.0.0.1:{listener.getsockname()[1]}"
    for process in running:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def make_deployment(sessions: Sessions) -> tuple[str, AnyQueue]:
    """Return the uuid of a service and a queued deployment of it."""
    async with sessions.begin() as session:
        place = await create_place(session)
        service = await create_service(session, place)
        return service.uuid, await create_deployment(session, place, service)


async def append(sessions: Sessions, row: AnyQueue, *outputs: str) -> None:
    async with sessions.begin() as session:
        for output in outputs:
            await (await row_of(session, SERVICE, row.id)).add_log_entry(output)


async def settle(sessions: Sessions, row: AnyQueue, status: DeploymentStatus) -> None:
    async with sessions.begin() as session:
        row = await row_of(session, SERVICE, row.id)
        if status is not DeploymentStatus.CANCELLED_BY_USER:
            await row.set_status(DeploymentStatus.IN_PROGRESS)
        await row.set_status(status)


def client_environment(url: str, token: MadeToken, folder: Path) -> dict[str, str]:
    file = folder / "token"
    file.write_text(token.plain + "\n")
    return environment(SHIPLOG_URL=url, SHIPLOG_TOKEN_FILE=str(file))


async def line_of(process: Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 60)).decode().rstrip("\n")


async def test_a_followed_log_survives_a_restart_of_the_api(
    api_processes: tuple[StartApi, str], sessions: Sessions, make_token: MakeToken, tmp_path: Path
) -> None:
    start_api, url = api_processes
    _, row = await make_deployment(sessions)
    token = await make_token(["read:sensitive"], team_id=row.team_id)
    await append(sessions, row, "left out", "\x1b[31mred\x1b[0m")
    first = await start_api()
    env = client_environment(url, token, tmp_path)
    process = await start("logs", row.deployment_uuid, "--follow", "--tail", "1", env=env)
    assert await line_of(process) == "red"
    await append(sessions, row, "before")
    assert await line_of(process) == "before"

    first.kill()
    await first.communicate()
    await append(sessions, row, "meanwhile")
    second = await start_api()
    assert await line_of(process) == "meanwhile"
    second.terminate()  # in order: the stream ends at once, nobody waits for its end
    _, stderr = await asyncio.wait_for(second.communicate(), 60)
    assert b"Cancel" not in stderr
    assert b"Traceback" not in stderr
    await start_api()
    await append(sessions, row, "after \u2028 all")
    assert await line_of(process) == "after \u2028 all"
    await settle(sessions, row, DeploymentStatus.FINISHED)

    code, rest, err = await ended(process)
    assert (code, rest, err) == (0, f"Deployment {row.deployment_uuid}: finished\n", "")


async def test_the_exit_code_is_the_deployments_result(
    api_processes: tuple[StartApi, str], sessions: Sessions, make_token: MakeToken, tmp_path: Path
) -> None:
    start_api, url = api_processes
    await start_api()
    for status, code in ((DeploymentStatus.FAILED, 1), (DeploymentStatus.CANCELLED_BY_USER, 130)):
        _, row = await make_deployment(sessions)
        await append(sessions, row, "one", "two")
        await settle(sessions, row, status)
        token = await make_token(["read:sensitive"], team_id=row.team_id)
        env = client_environment(url, token, tmp_path)
        followed = await shiplog("logs", row.deployment_uuid, "--follow", env=env)
        assert followed == (code, f"one\ntwo\nDeployment {row.deployment_uuid}: {status.value}\n", "")
    code, out, _ = await shiplog("logs", row.deployment_uuid, "--timestamps", env=env)
    assert code == 0
    assert [line[26:] for line in out.splitlines()] == ["Z one", "Z two"]
    code, out, err = await shiplog("logs", "a" * 24, env=env)
    assert (code, out) == (1, "")
    assert err.endswith("with 404: Deployment not found.\n")


async def test_deploy_follows_what_it_has_started(
    api_processes: tuple[StartApi, str], sessions: Sessions, make_token: MakeToken, tmp_path: Path
) -> None:
    start_api, url = api_processes
    await start_api()
    service_uuid, before = await make_deployment(sessions)
    await settle(sessions, before, DeploymentStatus.FINISHED)
    token = await make_token(["root"], team_id=before.team_id)
    process = await start("deploy", service_uuid, "--follow", env=client_environment(url, token, tmp_path))
    assert "started" in await line_of(process)
    _, uuid, *_ = (await line_of(process)).split()
    async with sessions() as session:
        found = select(ServiceDeploymentQueue).where(ServiceDeploymentQueue.deployment_uuid == uuid)
        row = (await session.execute(found)).scalar_one()
    await append(sessions, row, "hello")
    assert await line_of(process) == "hello"
    await settle(sessions, row, DeploymentStatus.FAILED)
    code, rest, _ = await ended(process)
    assert (code, rest) == (1, f"Deployment {uuid}: failed\n")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "Set SHIPLOG_TOKEN_FILE to a file with an API token, or SHIPLOG_TOKEN to the token."),
        ({"TOKEN": "1|x"}, "Set SHIPLOG_URL to where the API is, for example https://shiplog.example.org."),
        ({"TOKEN": "1|x", "TOKEN_FILE": "/x"}, "Set SHIPLOG_TOKEN or SHIPLOG_TOKEN_FILE, not both."),
        ({"TOKEN_FILE": "/missing/token"}, "/missing/token: No such file or directory."),
    ],
    ids=["nothing", "no url", "two tokens", "no file"],
)
async def test_what_is_missing_is_told_in_one_line(settings: dict[str, str], message: str) -> None:
    env = environment(**{f"SHIPLOG_{name}": value for name, value in settings.items()})
    assert await shiplog("logs", "a" * 24, env=env) == (2, "", f"shiplog: {message}\n")
