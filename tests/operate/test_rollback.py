"""Going back: the configuration and the images of then, the secrets and the data of now, and what is refused."""

from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from app.compose.digests import RunningImage, digests_script, parse_digests
from app.compose.plan import DeploymentPlan, ServerFacts
from app.deployments.digests import without_secrets
from app.deployments.kinds import KINDS, AnyQueue, kind_named
from app.deployments.repository import find_with_snapshot
from app.kit import encryption
from app.kit.redaction import Redactor
from app.postgres import Sessions
from tests.desk import Desk, error_of, open_desk
from tests.fixtures.api import MakeToken
from tests.operate.deployed import add_service, deploy, encoded, image, right, set_variables, settle

THEN = "services:\n  web:\n    image: registry.example/web:1\n  job:\n    image: registry.example/job:1\n"
NOW = "services:\n  web:\n    image: registry.example/web:2\n"
DIGEST = "a" * 64
SEEN = (
    '{"service":"web","image":"nginx:1","id":"sha256:1"}',
    '{"service":"built","image":"u-built","id":"sha256:2"}',
    '{"service":"other","image":"registry:5000/a/b","id":"sha256:1"}',
    '{"id":"sha256:1","digests":["registry:5000/a/b@sha256:b","nginx@sha256:c"]}',
    '{"id":"sha256:2","digests":[]}',
)
ROLLBACK_FAILS = "A rollback takes secrets as they are now: set them, then roll back."


@pytest_asyncio.fixture
async def desk(api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken) -> Desk:
    return await open_desk(api, sessions, make_token)


async def _row(desk: Desk, deployment: str) -> AnyQueue:
    async with desk.sessions() as session:
        found = await find_with_snapshot(session, desk.place.team.id, deployment, KINDS)
    assert found is not None
    return found[1]


async def _snapshot(desk: Desk, deployment: str) -> dict[str, Any]:
    return (await _row(desk, deployment)).configuration_snapshot or {}


async def _plan(desk: Desk, kind: str, deployment: str) -> DeploymentPlan:
    return kind_named(kind).plan(await _snapshot(desk, deployment), ServerFacts("/data"))


def _file(plan: DeploymentPlan, path: str) -> str:
    return next(file.content.reveal() for file in plan.files if file.path == path)


async def test_configuration_and_images_of_then_with_the_secrets_of_now(desk: Desk) -> None:
    uuid = await add_service(desk, THEN, LEVEL="info", GONE="x", TOKEN=["then-locked"], URL="http://u:then-pass@db/")
    first = await deploy(desk, uuid, {"web": image("web:1", "a"), "job": image("job:1")})
    await right(desk, "PATCH", f"/services/{uuid}", json={"name": "store", "docker_compose_raw": encoded(NOW)})
    await set_variables(
        desk, f"/services/{uuid}", LEVEL="debug", NEW="y", TOKEN=["now-locked"], URL="http://u:now-pass@db/"
    )
    await deploy(desk, uuid, {"web": image("web:2", "b")})

    answer = await right(desk, "POST", f"/deployments/services/deployment/{first}/rollback")

    pin = f"registry.example/web:1@sha256:{DIGEST}"
    assert (answer["message"], answer["rollback_of"]) == ("Service rollback request queued.", first)
    assert answer["images"] == {"web": pin}
    assert answer["notes"][0].startswith(f"Rolling back to the deployment {first} of ")
    assert answer["notes"][1:] == [
        f"The image of web is the one that ran then: {pin}.",
        "No digest is known of the image of job: its name is taken for what it means now.",
        "Secrets are those of now: TOKEN, URL.",
    ]
    plan = await _plan(desk, "service", answer["deployment_uuid"])
    assert _file(plan, "docker-compose.yml") == THEN
    assert f'"image": "{pin}"' in _file(plan, "shiplog.override.json")
    env = _file(plan, ".env")
    assert {'LEVEL="info"', 'GONE="x"', 'TOKEN="now-locked"', 'URL="http://u:now-pass@db/"'} == set(env.splitlines())
    row = await _row(desk, answer["deployment_uuid"])
    assert (row.action, row.status, row.options["rollback_of"]) == ("rollback", "queued", first)
    service = await right(desk, "GET", f"/services/{uuid}")
    assert (service["name"], service["docker_compose_raw"]) == ("store", NOW)
    # Gone back to as well, the rollback is pinned to what it ran, whatever its tag says.
    await settle(desk, answer["deployment_uuid"], {"web": {**image("web:1", "a"), "image": pin}})
    again = await right(desk, "POST", f"/deployments/{answer['deployment_uuid']}/rollback")
    assert again["images"] == {"web": pin}


async def test_of_a_database_the_configuration_alone(desk: Desk) -> None:
    body = desk.of_resource(name="orders", image="postgres:16.2-alpine", postgres_password="then-pass")
    uuid = (await right(desk, "POST", "/databases/postgresql", json={**body, "limits_memory": "256m"}))["uuid"]
    first = await deploy(desk, uuid, {uuid: image("postgres:16.2-alpine", "a")})
    changed = {"limits_memory": "512m", "postgres_password": "now-pass", "postgres_user": "other"}
    await right(desk, "PATCH", f"/databases/{uuid}", json=changed)
    await deploy(desk, uuid, {uuid: image("postgres:16.2-alpine", "b")})

    answer = await right(desk, "POST", f"/deployments/databases/deployment/{first}/rollback")

    columns = (await _snapshot(desk, answer["deployment_uuid"]))["columns"]
    kept = {name: columns[name] for name in ("image", "limits_memory", "postgres_password", "postgres_user")}
    assert kept == {"image": "postgres:16.2-alpine", **changed, "limits_memory": "256m"}
    plan = await _plan(desk, "database", answer["deployment_uuid"])
    assert f"@sha256:{DIGEST}" in _file(plan, "docker-compose.yml")


@pytest.mark.parametrize(
    ("then", "now"), [("postgres:16-alpine", "postgres:17-alpine"), ("postgres:17-alpine", "postgres:16-alpine")]
)
async def test_data_are_not_taken_across_major_versions(desk: Desk, then: str, now: str) -> None:
    uuid = (await right(desk, "POST", "/databases/postgresql", json=desk.of_resource(image=then)))["uuid"]
    first = await deploy(desk, uuid)
    await right(desk, "PATCH", f"/databases/{uuid}", json={"image": now})
    await deploy(desk, uuid)
    answer = await desk.ask("POST", f"/deployments/{first}/rollback")
    assert answer.status_code == 409
    message = error_of(answer)["message"]
    assert message.startswith(
        f"The data of this database were written by {now}, and {then} may not be able to use them."
    )
    assert message.endswith("A rollback brings back the configuration, never the data.")


async def test_what_cannot_be_gone_back_to_says_why(desk: Desk) -> None:
    uuid = await add_service(desk, THEN, TOKEN=["then-locked"])
    first = await deploy(desk, uuid)
    failed = await deploy(desk, uuid, status="failed")
    (variable,) = await right(desk, "GET", f"/services/{uuid}/envs")
    await right(desk, "DELETE", f"/services/{uuid}/envs/{variable['uuid']}")
    texts = {
        failed: f"The deployment {failed} is failed: only what has finished can be gone back to.",
        first: f"These variables held secrets then and are not there any more: TOKEN. {ROLLBACK_FAILS}",
    }
    for deployment, message in texts.items():
        answer = await desk.ask("POST", f"/deployments/{deployment}/rollback")
        assert (answer.status_code, error_of(answer)["message"]) == (409, message)
    async with desk.sessions.begin() as session:
        await session.execute(text("UPDATE service_deployment_queues SET configuration_snapshot = NULL"))
    answer = await desk.ask("POST", f"/deployments/{first}/rollback")
    assert error_of(answer)["message"] == f"No configuration of the deployment {first} is kept."


async def test_a_lost_key_is_a_reason_and_no_defect(desk: Desk) -> None:
    first = await deploy(desk, await add_service(desk, THEN))
    keyring = encryption.installed()
    try:
        encryption.install(encryption.Keyring([encryption.new_key()]))
        answers = [
            await desk.ask("POST", f"/deployments/{first}/rollback"),
            await desk.ask("GET", f"/deployments/{first}/diff"),
        ]
    finally:
        encryption.install(keyring)
    assert [answer.status_code for answer in answers] == [409, 409]
    assert "which is not configured" in error_of(answers[0])["message"]


async def test_a_repeated_request_a_full_queue_and_other_callers(desk: Desk) -> None:
    uuid = await add_service(desk, THEN)
    first = await deploy(desk, uuid)
    path, headers = f"/deployments/{first}/rollback", {"Idempotency-Key": "once"}
    made = [await right(desk, "POST", path, headers=headers) for _ in range(2)]
    assert made[0] == made[1]
    assert "of job, web because it was deployed before" in made[0]["notes"][1]
    for by, status in (("read", 403), ("write", 403), ("other", 404), ("deploy", 200)):
        assert (await desk.ask("POST", path, by=by)).status_code == status, by
    await right(desk, "PATCH", f"/servers/{desk.place.server.uuid}", json={"deployment_queue_limit": 1})
    assert (await desk.ask("POST", path)).status_code == 429


def test_the_image_of_each_service_is_read_back_with_its_digest() -> None:
    seen = "\n".join((*SEEN, "end"))
    images = parse_digests(seen)
    assert {service: one.pin for service, one in images.items()} == {
        "web": "nginx:1@sha256:c",
        "built": None,
        "other": "registry:5000/a/b@sha256:b",
    }
    elsewhere = RunningImage("mirror/nginx:1", "sha256:1", "nginx@sha256:c")
    assert elsewhere.pin == "nginx@sha256:c"
    hidden = without_secrets(RunningImage("nginx:s3cret-tag", "sha256:1", "nginx@sha256:c"), Redactor(["s3cret-tag"]))
    assert (hidden.image, hidden.pin) == ("nginx@sha256:c", "nginx@sha256:c")
    with pytest.raises(ValueError, match="broke off"):
        parse_digests(seen.removesuffix("end"))
    assert "sudo -n docker" in digests_script("u", ServerFacts("/data", docker_needs_sudo=True))
