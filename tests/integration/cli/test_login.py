"""`shiplog login` and what is typed afterwards, as processes against an API that serves."""

import json
import re
from pathlib import Path

import httpx
import pytest

from tests.fixtures.api import MakeToken
from tests.integration.cli.running import environment, shiplog
from tests.serving import serving


async def test_after_a_login_commands_know_where_to_go(
    api: httpx.AsyncClient, make_token: MakeToken, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    token = await make_token(["read"])
    (tmp_path / "token").write_text(f"{token.plain}\n")
    env = environment(XDG_CONFIG_HOME=str(tmp_path / "config"))
    async with serving(request.getfixturevalue("_application")) as url:
        empty = await shiplog("login", url, "--token-file", "/dev/null", env=env)
        assert empty == (2, "", "shiplog: API token: that is no token. It looks like 7|0a1b2c….\n")
        (tmp_path / "unknown").write_text("7|unknown")
        refused = await shiplog("login", url, "--token-file", tmp_path / "unknown", env=env)
        assert refused[0] == 1
        assert re.search(r"^shiplog: The API refuses GET /teams/current with 401: .* \(request \w{24}\)\n$", refused[2])

        login = await shiplog("login", url, "--name", "work", "--token-file", tmp_path / "token", env=env)
        assert login == (
            0,
            f"Logged in to {url} as the team Shipyard; the context is called work.\nNext: shiplog status\n",
            "",
        )
        code, out, _ = await shiplog("context", "list", "--json", env=env)
        assert (code, json.loads(out)) == (0, [{"name": "work", "url": url, "current": True}])

        listed = await shiplog("server", "list", env=env)
        assert listed == (0, "No server yet. Make one: shiplog server add NAME --ip 192.0.2.10\n", "")
        code, out, err = await shiplog("project", "create", "yard", "--json", env=env)
        assert (code, out) == (1, "")
        assert re.search(r"^shiplog: The API refuses POST /projects with 403: Missing .* \(request \w{24}\)\n$", err)
        code, out, err = await shiplog("doctor", "--json", env=env)
        assert (code, err) == (1, "")
        assert [one["name"] for one in json.loads(out)] == ["API", "Servers", "Worker"]

    code, out, err = await shiplog("--context", "home", "status", env=env)
    assert (code, out) == (2, "")
    assert err == "shiplog: No context is called home, there are: work. `shiplog login URL` makes one.\n"
