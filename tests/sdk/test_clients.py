"""The clients generated from openapi.json, unedited: each makes, deploys, follows, cancels and lists, over HTTP and SSH."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from app.postgres import Sessions
from app.settings import Settings
from tests.api_process import ROOT, serving_api
from tests.deploying import COMPOSE
from tests.desk import open_desk
from tests.fixtures.api import MakeToken
from tests.integration.this_machine import WILLING, worker_on_this_machine
from tests.programs import program

SDK = ROOT / "build" / "sdk"
CLIENTS = {
    "python": (SDK / "venv" / "bin" / "python", SDK / "python" / "deploy.py"),
    "typescript": ("node", SDK / "typescript" / "program" / "deploy.js"),
}

# Images are asked for on request only, and then do not come: a deployment that waits for them can be cancelled.
DOCKER = f'case "$*" in *" pull"*) exec sleep 300 ;; esac\n{WILLING}'


@pytest.mark.timeout(400)
@pytest.mark.parametrize("language", CLIENTS)
async def test_a_program_with_the_client_deploys_follows_and_cancels(
    language: str,
    api: httpx.AsyncClient,
    sessions: Sessions,
    make_token: MakeToken,
    api_settings: Settings,
    tmp_path: Path,
) -> None:
    if language == "typescript":
        program("npm")
    code, out = await run(["make", f"sdk-{language}", f"PYTHON={sys.executable}"], cwd=ROOT)
    assert code == 0, out
    desk = await open_desk(api, sessions, make_token)
    token, compose = tmp_path / "token", tmp_path / "compose.yaml"
    token.write_text(desk.tokens["root"].plain)
    compose.write_text(COMPOSE)
    words = [*CLIENTS[language], None, token, desk.place.project.uuid, desk.place.server.uuid, compose]

    async with worker_on_this_machine(desk, api_settings, tmp_path, docker=DOCKER), serving_api(api_settings) as url:
        code, out = await run([str(word or url) for word in words], cwd=tmp_path)

    assert code == 0, out
    ends = [line for line in out.splitlines() if line.startswith(("first: ", "second: ", "history: "))]
    assert ends == ["first: finished", "second: cancelled-by-user", "history: cancelled-by-user finished"]


async def run(command: Sequence[str], *, cwd: Path) -> tuple[int | None, str]:
    """Return the exit code and what was printed."""
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = await asyncio.create_subprocess_exec(*command, cwd=cwd, env=env, stdout=PIPE, stderr=STDOUT)
    out, _ = await process.communicate()
    return process.returncode, out.decode()
