"""Who is let in, and to what: every way in which a token can be wrong, and what each answers."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import delete, select, text, update

from app.auth.dependencies import Caller
from app.auth.tokens import ABILITIES, create_token, revoke_token
from app.kit.clock import utcnow
from app.models import ApiToken, Team, TeamMember, TeamRole
from app.postgres import Sessions
from tests.fixtures.api import MadeToken, MakeToken

UNAUTHENTICATED = (401, {"message": "Unauthenticated."})
NO_SECRET = "0" * 48

WRONG: dict[str, Callable[[MadeToken], str | bytes | None]] = {
    "no header": lambda _: None,
    "empty header": lambda _: "",
    "no scheme": lambda token: token.plain,
    "another scheme": lambda token: f"Basic {token.plain}",
    "scheme alone": lambda _: "Bearer",
    "no bar": lambda token: "Bearer " + token.plain.replace("|", ""),
    "no id": lambda token: "Bearer |" + token.plain.partition("|")[2],
    "no secret": lambda token: f"Bearer {token.id}|",
    "wrong secret": lambda token: f"Bearer {token.id}|{NO_SECRET}",
    "secret and more": lambda token: f"Bearer {token.plain}0",
    "secret in capitals": lambda token: f"Bearer {token.plain.upper()}",
    "unknown id": lambda token: f"Bearer {token.id + 1}|" + token.plain.partition("|")[2],
    "id with a sign": lambda token: f"Bearer +{token.plain}",
    "id beyond int4": lambda _: f"Bearer {2**31}|{NO_SECRET}",
    "id beyond int8": lambda _: f"Bearer {2**63}|{NO_SECRET}",
    "id of 5000 digits": lambda _: f"Bearer {'9' * 5000}|{NO_SECRET}",
    "id in other digits": lambda _: f"Bearer ١|{NO_SECRET}".encode(),
    "not ASCII": lambda token: f"Bearer {token.id}|é{NO_SECRET}".encode("latin-1"),
    "NUL": lambda token: f"Bearer {token.plain}\0".encode(),
    "100 KB": lambda token: f"Bearer {token.id}|{'a' * 100_000}",
}


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_no_token_is_unauthenticated(api: httpx.AsyncClient, make_token: MakeToken, what: str) -> None:
    header = WRONG[what](await make_token())
    answer = await api.get("/teams", headers={} if header is None else {b"Authorization": _bytes(header)})
    body = answer.json()
    assert body.pop("request_id") == answer.headers["x-request-id"]
    assert (answer.status_code, body) == UNAUTHENTICATED
    assert answer.headers["www-authenticate"] == "Bearer"


def _bytes(header: str | bytes) -> bytes:
    return header.encode() if isinstance(header, str) else header


async def test_only_the_hash_of_a_secret_is_stored(api_sessions: Sessions, make_token: MakeToken) -> None:
    token = await make_token()
    async with api_sessions() as session:
        row = str((await session.execute(text("SELECT row_to_json(t)::text FROM api_tokens t"))).scalar_one())
    assert token.plain.partition("|")[2] not in row


async def test_a_token_works_until_it_expires(api: httpx.AsyncClient, make_token: MakeToken) -> None:
    valid = await make_token(expires_at=utcnow() + timedelta(hours=1))
    expired = await make_token(expires_at=utcnow() - timedelta(seconds=1))
    assert (await api.get("/teams", headers=valid.headers)).status_code == 200
    await _refused(api, expired, *UNAUTHENTICATED)


async def test_a_revoked_token_is_unknown(
    api: httpx.AsyncClient, api_sessions: Sessions, make_token: MakeToken
) -> None:
    token, other = await make_token(), await make_token()
    async with api_sessions.begin() as session:
        assert not await revoke_token(session, other.team_id, token.id), "another team's token was revoked"
    assert (await api.get("/teams", headers=token.headers)).status_code == 200
    async with api_sessions.begin() as session:
        assert await revoke_token(session, token.team_id, token.id)
    await _refused(api, token, *UNAUTHENTICATED)


async def test_a_user_who_left_the_team_is_out(
    api: httpx.AsyncClient, api_sessions: Sessions, make_token: MakeToken
) -> None:
    token = await make_token()
    async with api_sessions.begin() as session:
        await session.execute(delete(TeamMember).where(TeamMember.user_id == token.user_id))
    await _refused(api, token, 401, {"message": "Invalid token."})


@pytest.mark.parametrize(
    ("abilities", "status"),
    [(["root"], 200), (["read"], 200), (["read:sensitive"], 200), (["write"], 403), (["deploy"], 403)],
)
async def test_reading_needs_read(
    api: httpx.AsyncClient, make_token: MakeToken, abilities: list[str], status: int
) -> None:
    token = await make_token(abilities)
    answer = await api.get("/version", headers=token.headers)
    assert answer.status_code == status
    if status == 403:
        await _refused(api, token, 403, {"message": "Missing required permissions: read"})


async def test_logs_need_more_than_read(api: httpx.AsyncClient, make_token: MakeToken) -> None:
    path = "/deployments/k4zq1mmmahktjmw1kvpakcnx/logs"
    reader, sensitive = await make_token(["read"]), await make_token(["read:sensitive"])
    await _refused(api, reader, 403, {"message": "Missing required permissions: read:sensitive"}, path)
    assert (await api.get(path, headers=sensitive.headers)).status_code == 404


@pytest.mark.parametrize("abilities", [["root"], ["read:sensitive"], ["write"], ["deploy"], ["read", "deploy"]])
async def test_a_plain_member_may_hold_a_reading_token_only(
    api: httpx.AsyncClient, make_token: MakeToken, abilities: list[str]
) -> None:
    reading = await make_token(["read"], role=TeamRole.MEMBER)
    more = await make_token(abilities, role=TeamRole.MEMBER)
    admin = await make_token([*abilities, "read"], role=TeamRole.ADMIN)
    assert (await api.get("/teams", headers=reading.headers)).status_code == 200
    assert (await api.get("/teams", headers=admin.headers)).status_code == 200
    await _refused(api, more, 403, {"message": "Missing required team role."})


@pytest.mark.parametrize("role", list(TeamRole))
@pytest.mark.parametrize("ability", ABILITIES)
def test_sensitive_needs_the_ability_and_the_role(role: TeamRole, ability: str) -> None:
    caller = Caller(1, 1, 1, "Ada", role, frozenset({ability}))
    assert caller.can_read_sensitive is (ability in {"root", "read:sensitive"} and role is not TeamRole.MEMBER)


async def test_an_unknown_ability_makes_no_token(api_sessions: Sessions) -> None:
    for abilities in ([], ["read", "admin"]):
        async with api_sessions() as session:
            with pytest.raises(ValueError, match="Abilities are some of"):
                await create_token(session, team_id=1, user_id=1, name="no", abilities=abilities)


async def test_use_is_noted_at_most_once_a_minute(
    api: httpx.AsyncClient, api_sessions: Sessions, make_token: MakeToken
) -> None:
    token = await make_token()
    assert await _last_use(api_sessions, token) is None
    await api.get("/teams", headers=token.headers)
    first = await _last_use(api_sessions, token)
    assert first is not None
    await api.get("/teams", headers=token.headers)
    assert await _last_use(api_sessions, token) == first
    async with api_sessions.begin() as session:
        await session.execute(update(ApiToken).values(last_used_at=first - timedelta(seconds=61)))
    await api.get("/nowhere", headers=token.headers)
    await api.get("/teams/0", headers=token.headers)
    assert await _last_use(api_sessions, token) >= first, "a request that fails is a use too"


async def _last_use(sessions: Sessions, token: MadeToken):  # type: ignore[no-untyped-def]
    async with sessions() as session:
        return (await session.execute(select(ApiToken.last_used_at).where(ApiToken.id == token.id))).scalar_one()


async def test_a_token_sees_its_own_team_only(
    api: httpx.AsyncClient, api_sessions: Sessions, make_token: MakeToken
) -> None:
    token, other = await make_token(["read"]), await make_token(["read"])
    mate = await make_token(["read"], role=TeamRole.MEMBER, team_id=token.team_id)
    async with api_sessions() as session:
        team = await session.get_one(Team, token.team_id)
    own = (await api.get("/teams/current", headers=token.headers)).json()
    assert own == {
        "id": token.team_id,
        "name": "Shipyard",
        "description": None,
        "personal_team": False,
        "created_at": team.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "updated_at": team.updated_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    assert (await api.get("/teams", headers=token.headers)).json() == [own]
    assert (await api.get(f"/teams/{token.team_id}", headers=token.headers)).json() == own
    for path in ("/teams/current/members", f"/teams/{token.team_id}/members"):
        members = (await api.get(path, headers=token.headers)).json()
        assert [(one["id"], one["role"]) for one in members] == [(token.user_id, "owner"), (mate.user_id, "member")]
    for team_id in (other.team_id, 0, -1, 2**64):
        for path in (f"/teams/{team_id}", f"/teams/{team_id}/members"):
            await _refused(api, token, 404, {"message": "Team not found."}, path)
    await _refused(api, token, 404, {"message": "Not found."}, "/teams/first")


async def test_a_team_switches_its_own_api_off_and_on(api: httpx.AsyncClient, make_token: MakeToken) -> None:
    reader, other = await make_token(["read"]), await make_token(["root"])
    writer = await make_token(["write"], team_id=reader.team_id)
    off = await api.post("/disable", headers=writer.headers)
    assert (off.status_code, off.json()) == (200, {"message": "API disabled."})
    disabled = (403, {"message": "API is disabled.", "success": True})
    for token in (reader, writer):
        await _refused(api, token, *disabled)
    assert (await api.get("/teams", headers=other.headers)).status_code == 200
    answer = await api.post("/enable", headers=reader.headers)
    assert (answer.status_code, answer.json()["message"]) == (403, "Missing required permissions: write")
    on = await api.post("/enable", headers=writer.headers)
    assert (on.status_code, on.json()) == (200, {"message": "API enabled."})
    assert (await api.get("/teams", headers=reader.headers)).status_code == 200


async def _refused(
    api: httpx.AsyncClient, token: MadeToken, status: int, body: Mapping[str, object], path: str = "/teams"
) -> None:
    answer = await api.get(path, headers=token.headers)
    answered = answer.json()
    assert answered.pop("request_id") == answer.headers["x-request-id"]
    assert (answer.status_code, answered) == (status, body)
