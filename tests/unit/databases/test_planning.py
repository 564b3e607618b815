"""How a database is started: steps, files and their rights, secrets, and what is refused."""

import pytest

from app.compose.plan import PlanError
from app.databases.planning import plan_database_start
from app.databases.registry import DEFINITIONS, UnknownDatabaseType, definition_of
from app.models.standalone import STANDALONE_MODELS
from tests.snapshots import FACTS, POSTGRESQL, UUID, database_snapshot, registry, variable

PASSWORD = POSTGRESQL["postgres_password"]


def test_the_steps() -> None:
    plan = plan_database_start(database_snapshot(), FACTS)
    assert [step.name for step in plan.steps] == [
        "Check Docker",
        "Prepare files",
        "Create network",
        "Validate configuration",
        "Pull images",
        "Stop containers",
        "Start containers",
        "Wait for containers",
        "Remove old files",
    ]
    assert [step.name for step in plan.steps if step.hidden] == ["Remove old files"]
    assert plan.folder == f"databases/{UUID}"


def test_only_what_the_container_reads_is_readable_to_it() -> None:
    scripts = [{"filename": "a.sql", "content": "SELECT 1"}]
    plan = plan_database_start(
        database_snapshot({"init_scripts": scripts, "postgres_conf": "a = 1"}, registries=[registry()]), FACTS
    )
    readable = {file.path for file in plan.files if file.mode == 0o644}
    assert readable == {"postgres-password", "postgresql.conf", "init-001"}
    assert {file.mode for file in plan.files if file.path not in readable} == {0o600}


def test_the_password_is_in_one_file_and_in_the_secrets() -> None:
    plan = plan_database_start(database_snapshot(), FACTS)
    assert [file.path for file in plan.files if PASSWORD in file.content.reveal()] == ["postgres-password"]
    assert PASSWORD in plan.secrets
    assert definition_of("standalone-postgresql").internal_url(POSTGRESQL, UUID) in plan.secrets
    assert PASSWORD not in "".join(step.shown + step.script for step in plan.steps)


def test_variables_reach_the_container() -> None:
    plan = plan_database_start(database_snapshot(env=[variable("TZ", "Europe/Berlin")]), FACTS)
    files = {file.path: file.content.reveal() for file in plan.files}
    assert files[".env"] == 'TZ="Europe/Berlin"\n'
    assert '"env_file"' in files["docker-compose.yml"]
    assert plan.environment_keys == ("TZ",)


@pytest.mark.parametrize("key", ["POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE", "PGUSER"])
def test_a_variable_that_contradicts_the_columns_is_refused(key: str) -> None:
    with pytest.raises(PlanError, match=f"The environment variable {key} is set by the database's own settings"):
        plan_database_start(database_snapshot(env=[variable(key, "secret")]), FACTS)


def test_a_variable_may_say_what_no_column_says() -> None:
    env = [variable("POSTGRES_INITDB_ARGS", "--data-checksums")]
    plan_database_start(database_snapshot(env=env), FACTS)
    with pytest.raises(PlanError, match="POSTGRES_INITDB_ARGS"):
        plan_database_start(database_snapshot({"postgres_initdb_args": "-k"}, env=env), FACTS)


def test_a_type_that_nobody_knows_is_named() -> None:
    with pytest.raises(UnknownDatabaseType, match="standalone-oracle is no database type"):
        plan_database_start(database_snapshot(type="standalone-oracle"), FACTS)


@pytest.mark.parametrize("before", [None, "postgres:latest", "postgres:18.1"])
def test_an_image_that_can_read_the_data_or_may_do_so_is_started(before: str | None) -> None:
    plan_database_start(database_snapshot({"image": "postgres:18"}, previous_image=before), FACTS)


def test_an_image_that_cannot_read_the_data_is_refused_with_the_way_to_do_it() -> None:
    snapshot = database_snapshot({"image": "postgres:18"}, previous_image="postgres:16-alpine")
    with pytest.raises(PlanError) as refusal:
        plan_database_start(snapshot, FACTS)
    assert str(refusal.value) == (
        "The data of this database were written by postgres:16-alpine, and postgres:18 may not be able to use them. "
        "Create a new database with the new image and bring the data over with pg_dumpall and psql. "
        "Or set the image back to postgres:16-alpine. To start it all the same, send allow_major_upgrade: true in the "
        "body of the start."
    )
    plan_database_start(snapshot.model_copy(update={"allow_major_upgrade": True}), FACTS)


@pytest.mark.parametrize(
    ("options", "power"),
    [
        ("--init --privileged", "is privileged."),
        ("--device /dev/sda", "uses /dev/sda of the server's devices."),
        ("--cap-add SYS_ADMIN", "adds the capability SYS_ADMIN."),
        ("--security-opt apparmor=unconfined", "has the security_opt apparmor=unconfined."),
    ],
)
def test_power_over_the_server_needs_its_permission(options: str, power: str) -> None:
    columns = {"custom_docker_run_options": options}
    with pytest.raises(PlanError) as refusal:
        plan_database_start(database_snapshot(columns), FACTS)
    assert str(refusal.value) == (
        f"With its custom Docker options the container {power} Turn on allow_host_paths of the server if it may."
    )
    plan_database_start(database_snapshot(columns, allow_host_paths=True), FACTS)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_definition_belongs_to_its_model(name: str) -> None:
    definition = definition_of(name)
    assert definition.type == name
    assert STANDALONE_MODELS[name] is definition.model
    assert definition.secret_columns


def test_a_snapshot_does_not_show_its_columns() -> None:
    assert PASSWORD not in repr(database_snapshot())
