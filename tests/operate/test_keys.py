"""`shiplog keys`: everything is written anew with a new key while deployments run; what a lost key wrote is named."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.encryption_keys.repository import StoredValueRepository, encrypted_columns
from app.encryption_keys.rotation import BATCH, key_uses, rotate
from app.kit import encryption
from app.kit.encryption import Keyring, key_id, new_key
from app.models import EnvironmentVariable, PrivateKey
from app.models.deployment_status import DeploymentStatus
from app.models.standalone import STANDALONE_MODELS
from app.postgres import Sessions
from tests.deploying import create_database, create_deployment, create_place, create_service, lock_variable
from tests.fixtures.sessions import KEY
from tests.integration.cli.conftest import files
from tests.integration.cli.running import environment, shiplog
from tests.integration.deployments.running import SECRET, running_bench

NEW = new_key()


@pytest.fixture(autouse=True)
def _keyring_as_before() -> Iterator[None]:
    yield
    encryption.install(Keyring([KEY]))


async def _fill(sessions: Sessions) -> None:
    """Store secrets in every kind of table, more of one than a batch takes."""
    async with sessions.begin() as session:
        place = await create_place(session)
        service = await create_service(session, place)
        for type_ in STANDALONE_MODELS:
            await create_database(session, place, type_)
        await create_deployment(session, place, service, configuration_snapshot={"secrets": ["s3cret-value"]})
        for number in range(BATCH + 5):
            await lock_variable(session, place, service, f"value {number}")
            await session.execute(text("UPDATE environment_variables SET key = 'V' || id"))


async def test_everything_is_written_anew_with_the_first_key(sessions: Sessions) -> None:
    await _fill(sessions)
    async with sessions() as session:
        before = (await session.execute(text("SELECT uuid, updated_at FROM services"))).all()

    rotated = await rotate(sessions, Keyring([NEW, KEY]))

    assert rotated.written["environment_variables.value"] == BATCH + 5
    assert {"private_keys.private_key", "service_deployment_queues.configuration_snapshot"} <= set(rotated.written)
    assert {use.key_id for use in await key_uses(sessions, Keyring([NEW]))} == {key_id(NEW)}
    encryption.install(Keyring([NEW]))
    async with sessions() as session:
        assert await session.run_sync(lambda sync: sync.query(PrivateKey.private_key).scalar()) == "not a key"
        values = await session.run_sync(lambda sync: sync.query(EnvironmentVariable.value).all())
        assert {value for (value,) in values} == {f"value {number}" for number in range(BATCH + 5)}
        # It is no change that an owner made.
        assert (await session.execute(text("SELECT uuid, updated_at FROM services"))).all() == before
    assert (await rotate(sessions, Keyring([NEW, KEY]))).written == {}


def test_every_encrypted_column_is_found() -> None:
    # Whoever adds one sees here that it takes part.
    assert {str(column) for column in encrypted_columns()} >= {
        "certificate_authorities.private_key",
        "database_certificates.private_key",
        "database_deployment_queues.configuration_snapshot",
        "environment_variables.value",
        "private_keys.private_key",
        "registry_credentials.password",
        "resource_operations.configuration_snapshot",
        "service_deployment_queues.configuration_snapshot",
        "services.docker_compose_raw",
        "shared_environment_variables.value",
        "standalone_postgresql.postgres_password",
    }


async def test_a_value_that_was_changed_meanwhile_stays_changed(sessions: Sessions) -> None:
    await _fill(sessions)
    keyring = Keyring([NEW, KEY])
    column = next(column for column in encrypted_columns() if str(column) == "services.docker_compose_raw")
    async with sessions.begin() as session:
        values = StoredValueRepository(session, column)
        (read,) = await values.written_by_others(keyring.first, keyring.key_ids, None, limit=BATCH)
        async with sessions.begin() as other:
            changed = encryption.installed().encrypt("services: {web: {image: nginx}}")
            await other.execute(text("UPDATE services SET docker_compose_raw = :new"), {"new": changed})
        assert await values.replace({read: keyring.encrypt("what was read")}) == 0
    async with sessions() as session:
        assert (await session.execute(text("SELECT docker_compose_raw FROM services"))).scalar_one() == changed


async def test_a_deployment_that_runs_goes_on(sessions: Sessions, tmp_path: Path) -> None:
    async with running_bench(sessions, tmp_path) as bench:
        go = tmp_path / "go"
        row = await bench.ask()
        claimed = await bench.claim(f"echo begun; while ! [ -e {go} ]; do sleep 0.05; done; echo {SECRET}; echo done")
        running = asyncio.create_task(bench.run(claimed))
        await bench.until_logged(row, "begun")

        rotated = await rotate(sessions, Keyring([NEW, KEY]))
        assert rotated.written["service_deployment_queues.configuration_snapshot"] == 1
        encryption.install(Keyring([NEW, KEY]))
        go.touch()
        await running

        assert (await bench.row(row)).status == DeploymentStatus.FINISHED
        outputs = await bench.outputs(row, "stdout")
        assert [line for line in outputs if line in {"begun", "<REDACTED>", "done"}] == ["begun", "<REDACTED>", "done"]
        assert SECRET not in json.dumps(await bench.log(row))


async def test_a_lost_key_is_named_with_its_rows(sessions: Sessions, postgres_url: str, tmp_path: Path) -> None:
    await _fill(sessions)
    async with sessions() as session:
        (service,) = (await session.execute(text("SELECT uuid FROM services"))).scalars()
    env = _configured(tmp_path / "lost", postgres_url, NEW)

    code, out, err = await shiplog("keys", "list", "--json", env=env)
    uses = {use["column"]: use for use in json.loads(out)}
    assert (code, err) == (1, "")
    assert uses["services.docker_compose_raw"] == {
        "column": "services.docker_compose_raw",
        "count": 1,
        "key_id": key_id(KEY),
        "rows": [service],
        "state": "lost",
    }
    assert len(uses["environment_variables.value"]["rows"]) < uses["environment_variables.value"]["count"] == BATCH + 5

    code, out, err = await shiplog("keys", "rotate", env=env)
    assert (code, err) == (1, "")
    assert (
        f"services.docker_compose_raw: 1 written with the key {key_id(KEY)}, which is not in the file: {service}" in out
    )
    assert f"and {BATCH + 5 - 20} more" in out
    assert "Put the missing key back" in out


async def test_the_command_says_when_the_old_key_can_go(sessions: Sessions, postgres_url: str, tmp_path: Path) -> None:
    await _fill(sessions)

    code, out, err = await shiplog("keys", "rotate", env=_configured(tmp_path / "both", postgres_url, f"{NEW}\n{KEY}"))

    assert (code, err) == (0, "")
    assert "private_keys.private_key: 1 written anew" in out
    assert f"Everything is written with the key {key_id(NEW)}: the other keys can be taken out of the file." in out
    assert NEW not in out
    code, out, _ = await shiplog("keys", "list", env=_configured(tmp_path / "new", postgres_url, NEW))
    assert code == 0
    assert "lost" not in out


async def test_a_damaged_value_is_named_and_the_rest_written(sessions: Sessions) -> None:
    await _fill(sessions)
    async with sessions.begin() as session:
        await session.execute(text("UPDATE services SET docker_compose_raw = substr(docker_compose_raw, 1, 40)"))
        (service,) = (await session.execute(text("SELECT uuid FROM services"))).scalars()

    rotated = await rotate(sessions, Keyring([NEW, KEY]))

    assert rotated.damaged == {"services.docker_compose_raw": [service]}
    assert "services.docker_compose_raw" not in rotated.written
    assert rotated.written["private_keys.private_key"] == 1


def _configured(folder: Path, postgres_url: str, keys: str) -> dict[str, str]:
    folder.mkdir()
    return environment(
        **files(folder, DATABASE_URL=postgres_url, REDIS_URL="redis://127.0.0.1:1", ENCRYPTION_KEYS=keys)
    )
