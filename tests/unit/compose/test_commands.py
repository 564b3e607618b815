"""Docker command lines as text."""

from app.compose.commands import ComposeProject, create_network, inspect_network

SERVICE = ComposeProject("u1", ("docker-compose.yml", "shiplog.override.json"))
DATABASE = ComposeProject("u1")
PREFIX = "docker compose --project-name u1 -f docker-compose.yml"


def test_both_files_of_a_service() -> None:
    assert SERVICE.config().reveal() == f"{PREFIX} -f shiplog.override.json config --quiet"


def test_up_never_waits_and_never_builds() -> None:
    assert DATABASE.up().reveal() == f"{PREFIX} up --detach --no-build --remove-orphans --force-recreate"


def test_pull() -> None:
    assert DATABASE.pull().reveal() == f"{PREFIX} pull"
    assert DATABASE.pull(ignore_buildable=True).reveal() == f"{PREFIX} pull --ignore-buildable"


def test_build_and_stop() -> None:
    assert DATABASE.build(pull=True).reveal() == f"{PREFIX} build --pull"
    assert DATABASE.build(pull=False).reveal() == f"{PREFIX} build"
    assert DATABASE.stop().reveal() == f"{PREFIX} stop"


def test_a_network_name_is_one_word() -> None:
    assert create_network("a b").reveal() == "docker network create 'a b'"
    assert inspect_network("a;b").reveal() == "docker network inspect 'a;b'"
