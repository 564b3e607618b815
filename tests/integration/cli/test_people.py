"""`shiplog init`, `member add` and `token create`."""

import json
from pathlib import Path

import pytest

from app.auth.repository import MemberRepository, TeamRepository
from app.auth.tokens import find_token
from app.postgres import Sessions
from tests.integration.cli.conftest import files
from tests.integration.cli.running import environment, shiplog

ADA = "ada@example.com"
BOB = "bob@example.com"


async def test_init_makes_the_first_team_once(configured: dict[str, str], sessions: Sessions) -> None:
    code, out, err = await shiplog("init", "--email", ADA, "--name", "Ada", "--team", "Yard", env=configured)
    assert (code, err) == (0, "")
    assert out.startswith(f"The team Yard is there, {ADA} owns it.\nRoot token, shown this once: ")
    async with sessions() as session:
        known = await find_token(session, out.split()[-1])
        assert known is not None
        assert (known.user_name, known.role, known.abilities) == ("Ada", "owner", ["root"])

    code, out, err = await shiplog("init", "--email", BOB, env=configured)
    assert (code, out) == (1, "")
    assert err.startswith("shiplog: There is a team already")
    async with sessions() as session:
        assert [member.user.email for member in await MemberRepository(session).of_team(1)] == [ADA]


async def test_members_join_once_with_a_role(configured: dict[str, str], sessions: Sessions) -> None:
    await shiplog("init", "--email", ADA, env=configured)

    added = await shiplog("member", "add", BOB, "--name", "Bob", "--role", "admin", env=configured)
    again = await shiplog("member", "add", BOB, env=configured)

    assert added == (0, f"{BOB} is in the team Root Team as admin.\n", "")
    assert again[:2] == (1, "")
    assert again[2].startswith(f"shiplog: {BOB} is in team 1 already")
    async with sessions() as session:
        team = await TeamRepository(session).first()
        assert team is not None
        members = await MemberRepository(session).of_team(team.id)
        assert [(member.user.name, member.role) for member in members] == [(ADA, "owner"), ("Bob", "admin")]


async def test_tokens_are_for_members(configured: dict[str, str], sessions: Sessions) -> None:
    await shiplog("init", "--email", ADA, env=configured)

    refused = await shiplog("token", "create", "--email", BOB, env=configured)
    assert refused == (1, "", f"shiplog: {BOB} is not in the team Root Team: `shiplog member add {BOB}` first.\n")

    arguments = ["--email", ADA, "--name", "ci", "--ability", "read", "--ability", "deploy"]
    code, out, _ = await shiplog("token", "create", *arguments, env=configured)
    assert code == 0
    async with sessions() as session:
        known = await find_token(session, out.split()[-1])
        assert known is not None
        assert (known.name, known.abilities) == ("ci", ["read", "deploy"])


async def test_a_token_is_listed_until_it_is_revoked(configured: dict[str, str], sessions: Sessions) -> None:
    _, out, _ = await shiplog("init", "--email", ADA, env=configured)
    plain = out.split()[-1]

    code, out, _ = await shiplog("token", "list", "--json", env=configured)
    (listed,) = json.loads(out)
    assert (code, str(listed["id"]), listed["abilities"]) == (0, plain.partition("|")[0], ["root"])
    assert plain.partition("|")[2] not in out

    revoked = await shiplog("token", "revoke", str(listed["id"]), env=configured)
    assert revoked == (0, f"The token {listed['id']} is revoked.\n", "")
    async with sessions() as session:
        assert await find_token(session, plain) is None
    code, out, err = await shiplog("token", "revoke", str(listed["id"]), env=configured)
    assert (code, out) == (1, "")
    assert err.endswith(f"has no token {listed['id']}: `shiplog token list` shows which it has.\n")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["member", "add", ADA, "--role", "boss"], "A role is one of owner, admin, member; not boss."),
        (
            ["token", "create", "--email", ADA, "--ability", "fly"],
            "Abilities are root, read, read:sensitive, write, deploy; not fly.",
        ),
    ],
    ids=["role", "ability"],
)
async def test_words_that_mean_nothing_are_refused(
    command: list[str], message: str, configured: dict[str, str]
) -> None:
    assert await shiplog(*command, env=configured) == (2, "", f"shiplog: {message}\n")


async def test_there_must_be_a_schema_and_a_team(
    configured: dict[str, str], empty_postgres_url: str, tmp_path: Path
) -> None:
    code, _, err = await shiplog("member", "add", ADA, env=configured)
    assert (code, err) == (1, "shiplog: There is no team yet: run `shiplog init` first.\n")

    unmigrated = environment(**files(tmp_path, DATABASE_URL=empty_postgres_url))
    code, _, err = await shiplog("init", "--email", ADA, env=unmigrated)
    assert (code, err) == (1, "shiplog: The database has no tables yet: run `shiplog migrate` first.\n")
