"""Private keys over the API: whole bodies, the private half hidden, teams, and everything that is refused."""

from typing import Any

import pytest
from sqlalchemy import text

from app.models import Server
from app.remote.keys import generate_private_key, read_private_key
from tests.desk import UNKNOWN_UUID, Desk, error_of, in_base64, row_counts

PEM = generate_private_key()
PAIR = read_private_key(PEM)
NOT_FOUND = {"message": "Private Key not found."}

# Made by `ssh-keygen -t ed25519 -N …`.
ENCRYPTED = """\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABBi3O8YX6
1UkSt61UFQnE7UAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIK/E0oLLAdwzkgS8
cvReRsEUnGKF6+4qTPkPnVDpKgs7AAAAkMoT4WrlnfW/GnXAH0tadMjqP0Ru7rMIAKLRqp
lM3J/kvyRTEPJwflhUseRXsvciiUeZ7iyOspCLMZ9hhv4VYH7u2bsJ6zIEdHBZ2JP8l9UO
+1Fh4bTOpjse4jS87dz5RRDxedPGFgyP1wfYGtt/3kms2siaglCDUpKjqJQtUWFpOxFS2V
BH9PUoZFPLjQ+AYw==
-----END OPENSSH PRIVATE KEY-----
"""
PASSPHRASE = (
    "The private key is encrypted with a passphrase: give one without (`ssh-keygen -p -N '' -f COPY` removes it)."
)
PUBLIC = "This is a public key: give the private key, the file without .pub."
PUTTY = "This is a PuTTY key: export it in puttygen as an OpenSSH key first."
UNREADABLE = (
    "The private key cannot be read: give the whole file, from `-----BEGIN` to `-----END`, in OpenSSH or PEM format."
)


async def _create(desk: Desk, **fields: Any) -> str:
    answer = await desk.ask("POST", "/security/keys", json={"private_key": PEM, **fields}, by="write")
    assert answer.status_code == 201, answer.text
    body: dict[str, str] = answer.json()
    assert body.keys() == {"uuid"}
    return body["uuid"]


async def _read(desk: Desk, uuid: str, by: str = "sensitive") -> dict[str, Any]:
    answer = await desk.ask("GET", f"/security/keys/{uuid}", by=by)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    assert body.pop("created_at").endswith("Z")
    assert body.pop("updated_at").endswith("Z")
    return body


@pytest.mark.parametrize(
    "sent",
    [PEM, in_base64(PEM), PEM.replace("\n", "\r\n"), f"\n{PEM.strip()}"],
    ids=["as it is", "base64", "carriage returns", "blank line"],
)
async def test_a_key_is_stored_as_pem_however_it_was_sent(desk: Desk, sent: str) -> None:
    uuid = await _create(desk, name="deploy key", description="of the shop", private_key=sent)
    expected = {
        "uuid": uuid,
        "description": "of the shop",
        "name": "deploy key",
        "public_key": PAIR.public_key,
        "fingerprint": PAIR.fingerprint,
        "is_git_related": False,
    }
    assert await _read(desk, uuid, "read") == expected
    assert await _read(desk, uuid) == {**expected, "private_key": PEM}


async def test_the_private_half_is_encrypted_at_rest(desk: Desk) -> None:
    uuid = await _create(desk)
    async with desk.sessions() as session:
        statement = text("SELECT private_key FROM private_keys WHERE uuid = :uuid")
        stored = (await session.execute(statement, {"uuid": uuid})).scalar_one()
    assert "OPENSSH" not in stored


async def test_the_list_has_the_keys_of_the_team_alone(desk: Desk) -> None:
    uuid = await _create(desk)
    listed = (await desk.ask("GET", "/security/keys", by="sensitive")).json()
    hidden = (await desk.ask("GET", "/security/keys", by="read")).json()
    assert listed[0]["name"] == "key"
    assert listed[1] == (await desk.ask("GET", f"/security/keys/{uuid}", by="sensitive")).json()
    assert [key.keys() & {"private_key"} for key in hidden] == [set(), set()]
    assert (await desk.ask("GET", "/security/keys", by="other")).json() == []


async def test_only_what_is_named_changes(desk: Desk) -> None:
    uuid = await _create(desk, name="old", description="text")
    answer = await desk.ask("PATCH", f"/security/keys/{uuid}", json={"name": "new"}, by="write")
    assert (answer.status_code, answer.json()) == (201, {"uuid": uuid})
    other = generate_private_key()
    body = {"private_key": other, "description": None, "name": None}
    assert (await desk.ask("PATCH", f"/security/keys/{uuid}", json=body)).status_code == 201
    assert await _read(desk, uuid) == {
        "uuid": uuid,
        "description": None,
        "name": "new",
        "public_key": read_private_key(other).public_key,
        "fingerprint": read_private_key(other).fingerprint,
        "is_git_related": False,
        "private_key": other,
    }


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"private_key": ["This field is required."]}),
        ({"private_key": "no key"}, {"private_key": [UNREADABLE]}),
        ({"private_key": in_base64("no key")}, {"private_key": [UNREADABLE]}),
        ({"private_key": PAIR.public_key}, {"private_key": [PUBLIC]}),
        ({"private_key": in_base64(PAIR.public_key)}, {"private_key": [PUBLIC]}),
        ({"private_key": "PuTTY-User-Key-File-3: ssh-ed25519"}, {"private_key": [PUTTY]}),
        ({"private_key": "-----BEGIN RSA PRIVATE KEY-----\nx\n"}, {"private_key": [UNREADABLE]}),
        ({"private_key": ENCRYPTED}, {"private_key": [PASSPHRASE]}),
        ({"private_key": in_base64(ENCRYPTED)}, {"private_key": [PASSPHRASE]}),
        ({"private_key": ""}, {"private_key": ["It must have 1 to 65536 characters and no NUL."]}),
        ({"private_key": PEM + "\0"}, {"private_key": ["It must have 1 to 65536 characters and no NUL."]}),
        ({"private_key": PEM, "name": ""}, {"name": ["The name must have 1 to 255 characters, not only blanks."]}),
        ({"private_key": PEM, "passphrase": "x"}, {"passphrase": ["This field is not allowed."]}),
    ],
)
async def test_bad_input_is_refused_and_leaves_nothing(
    desk: Desk, body: dict[str, Any], errors: dict[str, Any]
) -> None:
    before = await row_counts(desk.sessions)
    answer = await desk.ask("POST", "/security/keys", json=body)
    assert answer.status_code == 422
    assert error_of(answer) == {"message": "Validation failed.", "errors": errors}
    assert await row_counts(desk.sessions) == before


async def test_the_same_key_is_stored_once_a_team(desk: Desk) -> None:
    await _create(desk)
    twice = {"message": "Validation failed.", "errors": {"private_key": ["Private key already exists."]}}
    answer = await desk.ask("POST", "/security/keys", json={"private_key": in_base64(PEM)})
    assert (answer.status_code, error_of(answer)) == (422, twice)
    second = await _create(desk, private_key=generate_private_key())
    answer = await desk.ask("PATCH", f"/security/keys/{second}", json={"private_key": PEM})
    assert (answer.status_code, error_of(answer)) == (422, twice)
    assert (await desk.ask("POST", "/security/keys", json={"private_key": PEM}, by="other")).status_code == 201


async def test_a_key_in_use_is_not_deleted(desk: Desk) -> None:
    keys = (await desk.ask("GET", "/security/keys")).json()
    answer = await desk.ask("DELETE", f"/security/keys/{keys[0]['uuid']}", by="write")
    assert answer.status_code == 400
    assert error_of(answer) == {"message": "Private Key is in use and cannot be deleted."}


async def test_the_key_of_a_deleted_server_can_be_deleted(desk: Desk) -> None:
    keys = (await desk.ask("GET", "/security/keys")).json()
    assert (await desk.ask("DELETE", f"/servers/{desk.place.server.uuid}")).status_code == 200
    answer = await desk.ask("DELETE", f"/security/keys/{keys[0]['uuid']}", by="write")
    assert (answer.status_code, answer.json()) == (200, {"message": "Private Key deleted."})
    assert (await desk.ask("GET", "/security/keys")).json() == []
    async with desk.sessions() as session:
        assert await session.get(Server, desk.place.server.id) is None


@pytest.mark.parametrize(
    ("method", "body"), [("GET", None), ("PATCH", {"name": "mine"}), ("DELETE", None)], ids=["get", "patch", "delete"]
)
async def test_another_teams_key_is_an_unknown_one(desk: Desk, method: str, body: Any) -> None:
    uuid = await _create(desk)
    for caller, asked in (("other", uuid), ("root", UNKNOWN_UUID)):
        answer = await desk.ask(method, f"/security/keys/{asked}", by=caller, json=body)
        assert (answer.status_code, error_of(answer)) == (404, NOT_FOUND)
    assert (await _read(desk, uuid))["name"].startswith("key-")


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PATCH", "/x"), ("DELETE", "/x")])
async def test_changes_need_write(desk: Desk, method: str, path: str) -> None:
    answer = await desk.ask(method, f"/security/keys{path}", by="read", json={"private_key": PEM})
    assert (answer.status_code, error_of(answer)) == (403, {"message": "Missing required permissions: write"})
