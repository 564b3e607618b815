"""The second Compose file: what it adds, and that Compose merges it with the user's as meant."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.compose.document import read_compose
from app.compose.override import build_override, render_json, resource_labels
from tests.programs import docker_compose, run

LABELS = {"shiplog.resource": "u1"}


def override(compose: str, network: str | None = "shiplog") -> dict[str, Any]:
    return build_override(read_compose(compose), LABELS, uuid="u1", network=network, images={})


def merged(folder: Path, compose: str, second: str) -> dict[str, Any]:
    (folder / "docker-compose.yml").write_text(compose)
    (folder / "shiplog.override.json").write_text(second, encoding="utf-8")
    command = [
        docker_compose(),
        "-f",
        "docker-compose.yml",
        "-f",
        "shiplog.override.json",
        "config",
        "--format",
        "json",
    ]
    completed = run(command, folder)
    assert completed.returncode == 0, completed.stderr
    found: dict[str, Any] = json.loads(completed.stdout)
    return found


def test_without_a_network_there_are_labels_only() -> None:
    assert override("services: {web: {image: a}}", network=None) == {"services": {"web": {"labels": LABELS}}}


def test_a_service_without_networks_stays_on_default() -> None:
    second = override("services: {web: {image: a}}")
    assert second["services"]["web"]["networks"] == {"default": {}, "shiplog-destination": {"aliases": ["web-u1"]}}
    assert second["networks"] == {"shiplog-destination": {"name": "shiplog", "external": True}}


def test_a_network_of_the_text_that_is_the_destination_is_used_under_its_key() -> None:
    second = override("services: {web: {image: a}}\nnetworks: {out: {external: true, name: shiplog}}")
    assert list(second["networks"]) == ["out"]
    assert second["services"]["web"]["networks"]["out"] == {"aliases": ["web-u1"]}


def test_a_taken_key_is_avoided() -> None:
    second = override("services: {web: {image: a}}\nnetworks: {shiplog-destination: {}}")
    assert list(second["networks"]) == ["shiplog-destination-"]


def test_network_mode_and_a_network_exclude_each_other() -> None:
    assert "networks" not in override("services: {web: {image: a, network_mode: host}}")["services"]["web"]


def test_labels_that_say_nothing_are_left_out() -> None:
    labels = resource_labels("service", uuid="u1", name="n", project="p", environment="", deployment="")
    assert labels == {
        "shiplog.managed": "true",
        "shiplog.type": "service",
        "shiplog.resource": "u1",
        "shiplog.name": "n",
        "shiplog.project": "p",
    }


def test_compose_merges_both_files(tmp_path: Path) -> None:
    compose = (
        "services:\n"
        "  web: {image: a, container_name: kept, restart: 'no', labels: [mine=1], networks: [front]}\n"
        "  job: {image: b}\n"
        "  agent: {image: c, network_mode: host}\n"
        "networks: {front: {}}\n"
    )
    found = merged(tmp_path, compose, render_json({"name": "u1", **override(compose)}))
    services = found["services"]
    assert found["name"] == "u1"
    assert services["web"]["labels"] == {"mine": "1", "shiplog.resource": "u1"}
    assert (services["web"]["container_name"], services["web"]["restart"]) == ("kept", "no")
    assert set(services["web"]["networks"]) == {"front", "shiplog-destination"}
    assert set(services["job"]["networks"]) == {"default", "shiplog-destination"}
    assert services["job"]["networks"]["shiplog-destination"] == {"aliases": ["job-u1"]}
    assert "networks" not in services["agent"]
    assert found["networks"]["shiplog-destination"].items() >= {"name": "shiplog", "external": True}.items()


@pytest.mark.parametrize(
    "name", ["it's", 'a "b"', "$HOME ${A} $$", "a\nb", "\x7f\u2028\ufeff", "🙂", "{{x}}", "# no", "\\"]
)
def test_compose_reads_a_label_as_it_was_written(tmp_path: Path, name: str) -> None:
    assert _label(tmp_path, name) == name


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0")))
def test_compose_reads_any_label_as_it_was_written(tmp_path: Path, name: str) -> None:
    assert _label(tmp_path, name) == name


def _label(folder: Path, name: str) -> str:
    second = build_override(
        read_compose("services: {web: {image: a}}"), {"l": name}, uuid="u1", network=None, images={}
    )
    found = merged(folder, "services: {web: {image: a}}", render_json(second))
    label: str = found["services"]["web"]["labels"]["l"]
    return label.replace("$$", "$")
