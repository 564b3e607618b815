"""How a service is started: which files and steps, and what is refused."""

import json
from pathlib import Path

import pytest

from app.compose.plan import PlanError
from app.compose_services.planning import plan_service_start
from app.compose_services.snapshot import ServiceSnapshot
from tests.programs import docker_compose, run
from tests.snapshots import FACTS, UUID, registry, service_snapshot, variable

BUILD = "services:\n  web:\n    build: {dockerfile_inline: FROM a}\n"
HOST = "services:\n  web:\n    image: a\n    volumes: [/etc:/etc, ./kept:/kept, './it''s:/x']\n"
PROFILES = "services:\n  web: {image: a}\n  debug: {image: a, profiles: [debug]}\n"


def step_names(**fields: object) -> list[str]:
    return [step.name for step in plan_service_start(service_snapshot(**fields), FACTS).steps]


def script(name: str, **fields: object) -> str:
    plan = plan_service_start(service_snapshot(**fields), FACTS)
    return next(step.script for step in plan.steps if step.name == name)


def test_the_usual_steps() -> None:
    assert step_names() == [
        "Check Docker",
        "Prepare files",
        "Validate configuration",
        "Pull images",
        "Start containers",
        "Wait for containers",
    ]


def test_the_network_is_created_where_the_service_joins_it() -> None:
    assert "Create network" in step_names(connect_to_network=True)
    assert "Create network" not in step_names()


def test_nothing_is_stopped_before_everything_is_at_hand() -> None:
    names = step_names(compose=BUILD, stop_before_start=True)
    assert names[2:6] == ["Validate configuration", "Pull images", "Build images", "Stop containers"]


def test_images_that_are_there_are_pulled_only_when_asked() -> None:
    assert "docker image inspect" in script("Pull images")
    assert "docker image inspect" not in script("Pull images", pull_latest_images=True)
    assert script("Pull images", pull_latest_images=True).endswith(" pull")
    assert script("Build images", compose=BUILD, pull_latest_images=True).endswith(" build --pull")


def test_the_text_travels_verbatim() -> None:
    text = "# mine\r\nservices:\n  web: {image: 'a:$TAG', x: \"é\"}\n\n\n"
    files = {file.path: file for file in plan_service_start(service_snapshot(compose=text), FACTS).files}
    assert files["docker-compose.yml"].content.reveal() == text
    assert {file.mode for file in files.values()} == {0o600}


def test_a_text_that_cannot_be_used_is_the_reason() -> None:
    with pytest.raises(PlanError, match="The Compose file has no services"):
        plan_service_start(service_snapshot(compose="version: '3'"), FACTS)


def test_a_path_of_the_server_is_refused_again() -> None:
    with pytest.raises(PlanError, match=r"mounts /etc, outside its own folder\. Turn on allow_host_paths"):
        plan_service_start(service_snapshot(compose=HOST), FACTS)
    assert script("Validate configuration", compose=HOST, allow_host_paths=True).endswith(" config --quiet")


def test_what_the_profiles_leave_out_goes_right_before_the_start() -> None:
    names = step_names(compose=PROFILES, stop_before_start=True)
    assert names[-4:-1] == ["Stop containers", "Remove what the profiles leave out", "Start containers"]
    assert "Remove what the profiles leave out" not in step_names()


@pytest.mark.parametrize(
    ("env", "expected"), [([], "web"), ([variable("COMPOSE_PROFILES", "debug,more")], "debug web")]
)
def test_profiles_come_from_the_variables(tmp_path: Path, env: list[dict[str, object]], expected: str) -> None:
    plan = plan_service_start(service_snapshot(compose=PROFILES, env=env), FACTS)
    for file in plan.files:
        (tmp_path / file.path).write_text(file.content.reveal())
    files = ["-f", "docker-compose.yml", "-f", "shiplog.override.json"]
    completed = run([docker_compose(), *files, "config", "--services"], tmp_path)
    assert " ".join(sorted(completed.stdout.split())) == expected


def test_logins_go_into_the_run() -> None:
    plan = plan_service_start(service_snapshot(registries=[registry(), registry("docker.io", "é", "p:w")]), FACTS)
    (config,) = [file for file in plan.files if file.in_run]
    assert (config.path, config.mode) == ("config.json", 0o600)
    assert json.loads(config.content.reveal()) == {
        "auths": {
            "registry.example:5000": {"auth": "cHVsbGVyOnB1bGwtbWU="},
            "https://index.docker.io/v1/": {"auth": "w6k6cDp3"},
        }
    }
    assert {"pull-me", "cHVsbGVyOnB1bGwtbWU=", "p:w", "w6k6cDp3"} <= plan.secrets


def test_a_plan_does_not_show_what_it_holds() -> None:
    plan = plan_service_start(
        service_snapshot(env=[variable("A", "secret-1")], registries=[registry(password="secret-2")]), FACTS
    )
    assert "secret-" not in repr(plan) + str(plan.files) + str(plan.steps)


def test_a_snapshot_of_another_version_is_read() -> None:
    fields = service_snapshot().model_dump() | {"something_newer": 1}
    assert ServiceSnapshot.model_validate(fields) == service_snapshot()


def test_typed_by_hand_the_two_files_mean_the_same_project(tmp_path: Path) -> None:
    text = "name: mine\nservices:\n  web:\n    image: a:$TAG\n"
    plan = plan_service_start(
        service_snapshot(compose=text, env=[variable("TAG", "7")], connect_to_network=True), FACTS
    )
    for file in plan.files:
        (tmp_path / file.path).write_text(file.content.reveal())
    by_hand = [
        docker_compose(),
        "-f",
        "docker-compose.yml",
        "-f",
        "shiplog.override.json",
        "config",
        "--format",
        "json",
    ]
    ours = [by_hand[0], "--project-name", UUID, *by_hand[1:]]
    completed = run(by_hand, tmp_path)
    assert completed.stdout == run(ours, tmp_path).stdout
    config = json.loads(completed.stdout)
    assert (config["name"], config["services"]["web"]["image"]) == (UUID, "a:7")
    assert config["networks"]["default"]["name"] == f"{UUID}_default"
