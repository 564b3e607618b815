"""`shiplog deploy` and `shiplog logs` against a real API: exit codes, and what they print."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import select

from app.cli import main
from app.deployments.kinds import SERVICE, AnyQueue
from app.models import ServiceDeploymentQueue
from app.models.deployment_status import DeploymentStatus
from app.postgres import Sessions
from tests.deploying import create_deployment, create_place, create_service, row_of
from tests.fixtures.api import MadeToken, MakeToken
from tests.integration.cli.running import ended, environment, line_of, shiplog, start
from tests.serving import serving


@pytest_asyncio.fixture
async def url(api: httpx.AsyncClient, _application: FastAPI) -> AsyncIterator[str]:
    """Where the API is."""
    del api
    async with serving(_application) as url:
        yield url


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
    file = folder / f"token-{token.id}"
    file.write_text(token.plain + "\n")
    return environment(SHIPLOG_URL=url, SHIPLOG_TOKEN_FILE=str(file))


async def test_the_exit_code_is_the_deployments_result(
    url: str, sessions: Sessions, make_token: MakeToken, tmp_path: Path
) -> None:
    async def follow(status: DeploymentStatus) -> tuple[AnyQueue, dict[str, str], tuple[int, str, str]]:
        _, row = await make_deployment(sessions)
        await append(sessions, row, "left out", "one", "two")
        await settle(sessions, row, status)
        token = await make_token(["read:sensitive"], team_id=row.team_id)
        env = client_environment(url, token, tmp_path)
        return row, env, await shiplog("logs", row.deployment_uuid, "--follow", "--tail", "2", env=env)

    failed, cancelled = await asyncio.gather(
        *map(follow, (DeploymentStatus.FAILED, DeploymentStatus.CANCELLED_BY_USER))
    )
    for (row, _, answer), code, status in ((failed, 1, "failed"), (cancelled, 130, "cancelled-by-user")):
        assert answer == (code, f"one\ntwo\nDeployment {row.deployment_uuid}: {status}\n", "")
    row, env, _ = failed
    (code, out, _), unknown = await asyncio.gather(
        shiplog("logs", row.deployment_uuid, "--timestamps", env=env), shiplog("logs", "a" * 24, env=env)
    )
    assert code == 0
    assert [line[26:] for line in out.splitlines()] == ["Z left out", "Z one", "Z two"]
    assert unknown[:2] == (1, "")
    assert " with 404: Deployment not found." in unknown[2]


async def test_deploy_follows_what_it_has_started(
    url: str, sessions: Sessions, make_token: MakeToken, tmp_path: Path
) -> None:
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
        ({}, "Log in with `shiplog login https://shiplog.example.org`, or set SHIPLOG_URL and SHIPLOG_TOKEN_FILE."),
        ({"URL": "http://127.0.0.1:1"}, "Set SHIPLOG_TOKEN_FILE to a file with an API token, or SHIPLOG_TOKEN to"),
        (
            {"URL": "http://127.0.0.1:1", "TOKEN": "1|x\n2|y"},
            "SHIPLOG_TOKEN: that is no token. It looks like 7|0a1b2c….",
        ),
        ({"CONTEXT": "work"}, "No context is called work, there is none yet. `shiplog login URL` makes one."),
        ({"TOKEN": "1|x"}, "Set SHIPLOG_URL to where the API is, for example https://shiplog.example.org."),
        ({"TOKEN": "1|x", "TOKEN_FILE": "/x"}, "Set SHIPLOG_TOKEN or SHIPLOG_TOKEN_FILE, not both."),
        ({"TOKEN_FILE": "/missing/token"}, "/missing/token: No such file or directory."),
    ],
    ids=["nothing", "no token", "two lines", "no context", "no url", "two tokens", "no file"],
)
def test_what_is_missing_is_told_in_one_line(
    settings: dict[str, str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("URL", "TOKEN", "TOKEN_FILE", "CONTEXT"):
        monkeypatch.delenv(f"SHIPLOG_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name, value in settings.items():
        monkeypatch.setenv(f"SHIPLOG_{name}", value)
    monkeypatch.setattr(sys, "argv", ["shiplog", "logs", "a" * 24])
    with pytest.raises(SystemExit) as end:
        main()
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert err.startswith("shiplog: ")
    assert message in err
    assert err.count("\n") == 1
