"""schemathesis against the live API: all its checks, no failure, and each operation has done what it is for."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.openapi import main as write_document
from app.postgres import Sessions
from app.settings import Settings
from tests.api_process import serving_api
from tests.contract.api.configuration import configuration, name_what_is_there
from tests.contract.api.seeds import docker, sow
from tests.desk import open_desk
from tests.fixtures.api import MakeToken
from tests.integration.this_machine import worker_on_this_machine

EXAMPLES = int(os.environ.get("SHIPLOG_SCHEMATHESIS_EXAMPLES", "1"))
"""Cases an operation and phase; the phase that walks the edges of every schema comes with more than one."""

SEED = ("--seed", "1") if EXAMPLES == 1 else ()  # the long run looks for what is new
ARGUMENTS = ("--checks", "all", "--continue-on-failure", "--workers", "1", "--max-examples", str(EXAMPLES), *SEED)


@pytest.mark.timeout(600 * EXAMPLES)
async def test_the_api_is_what_its_document_says(
    api: httpx.AsyncClient, sessions: Sessions, api_settings: Settings, make_token: MakeToken, tmp_path: Path
) -> None:
    desk = await open_desk(api, sessions, make_token)
    config = tmp_path / "schemathesis.toml"
    names = await sow(desk)
    config.write_text(configuration(desk.tokens["root"].plain, desk.tokens["other"].plain, names))
    document, report = tmp_path / "openapi.json", tmp_path / "report.ndjson"
    write_document(["--file", str(document)])
    asked = json.loads(document.read_text())
    name_what_is_there(asked, names)
    document.write_text(json.dumps(asked))
    async with (
        worker_on_this_machine(desk, api_settings, tmp_path, docker=docker(names)),
        serving_api(api_settings) as url,
    ):
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "schemathesis.cli",
                "--config-file",
                config,
                "run",
                document,
                "--url",
                url,
                *ARGUMENTS,
            ),
            *("--phases", "examples,fuzzing,stateful" if EXAMPLES == 1 else "examples,coverage,fuzzing,stateful"),
            *("--report", "ndjson", "--report-ndjson-path", report),
            cwd=tmp_path,
            stdout=PIPE,
            stderr=STDOUT,
        )
        try:
            out, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
    sys.stdout.write(out.decode())
    codes = _codes(document, report)
    sys.stdout.writelines(f"{name}: {dict(sorted(codes[name].items()))}\n" for name in sorted(codes))
    assert process.returncode == 0
    assert [name for name in sorted(codes) if not any(200 <= code < 300 for code in codes[name])] == []


def _codes(document: Path, report: Path) -> dict[str, Counter[int]]:
    """Return how often each operation was answered with each code."""
    paths: dict[str, Any] = json.loads(document.read_text())["paths"]
    codes: dict[str, Counter[int]] = {
        f"{method.upper()} {path}": Counter() for path, methods in paths.items() for method in methods
    }
    for line in report.read_text().splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for number, interaction in recorder.get("interactions", {}).items():
            case = recorder["cases"][number]["value"]
            if interaction["response"] is not None:
                codes[f"{case['method']} {case['path']}"][interaction["response"]["status_code"]] += 1
    return codes
