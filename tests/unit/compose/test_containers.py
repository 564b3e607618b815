"""The containers of a service: the script against a stand-in for docker, and its answer read back."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.compose.containers import Container, containers_script, parse_containers
from app.compose.plan import ServerFacts
from tests.programs import SHELLS, run, shell, write_program
from tests.snapshots import FACTS

RUNNING = {
    "name": "/u-web-1",
    "service": "web",
    "image": "nginx:1",
    "state": "running",
    "health": "healthy",
    "exit_code": 0,
    "started_at": "2026-11-24T10:00:00.123456789Z",
}


def seen(**changes: Any) -> Container:
    (container,) = parse_containers(json.dumps({**RUNNING, **changes}) + "\nend\n")
    return container


def test_a_container_as_it_is() -> None:
    assert seen() == Container("u-web-1", "web", "nginx:1", "running", "healthy", None, "2026-11-24T10:00:00.123456Z")


@pytest.mark.parametrize("health", [None, "", "none"])
def test_without_a_health_check_there_is_no_health(health: str | None) -> None:
    assert seen(health=health).health is None


def test_an_exit_code_is_one_only_at_the_end() -> None:
    assert seen(state="exited", exit_code=3).exit_code == 3
    assert seen(state="dead", exit_code=137).exit_code == 137
    assert seen(state="restarting", exit_code=1).exit_code is None


def test_what_never_started_has_no_time() -> None:
    assert seen(state="created", started_at="0001-01-01T00:00:00Z").started_at is None


def test_containers_come_by_name() -> None:
    lines = [json.dumps({**RUNNING, "name": f"/{name}"}) for name in ("b", "a")]
    assert [one.name for one in parse_containers("\n".join([*lines, "end"]))] == ["a", "b"]
    assert parse_containers("end\n") == []


@pytest.mark.parametrize("text", ["", "\n", json.dumps(RUNNING), f"{json.dumps(RUNNING)}\nen", "no json\nend\n"])
def test_an_answer_that_is_cut_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"broke off|Expecting value"):
        parse_containers(text)


@pytest.mark.parametrize("words", SHELLS)
@pytest.mark.parametrize("needs_sudo", [False, True])
def test_the_script_asks_for_one_project(tmp_path: Path, words: str, needs_sudo: bool) -> None:
    answers = "case \"$*\" in ps*) echo one two ;; inspect*) echo '{}'; exit 1 ;; esac"
    write_program(tmp_path / "bin/docker", f"echo \"$*\" >>'{tmp_path}/calls'\n{answers}\n")
    write_program(tmp_path / "bin/sudo", 'shift\nexec "$@"\n')
    script = tmp_path / "script"
    script.write_text(containers_script("u1", ServerFacts(FACTS.data_folder, docker_needs_sudo=needs_sudo)))
    completed = run([*shell(words), script], tmp_path, {"PATH": f"{tmp_path}/bin:/usr/bin:/bin"})
    assert (completed.stdout, completed.stderr) == ("{}\nend\n", "")
    listing, inspect = (tmp_path / "calls").read_text().splitlines()
    assert "--filter label=com.docker.compose.project=u1 " in listing
    assert inspect.endswith(" one two")


@pytest.mark.parametrize("words", SHELLS)
def test_an_engine_that_does_not_answer_ends_nothing(tmp_path: Path, words: str) -> None:
    write_program(tmp_path / "bin/docker", "echo 'Cannot connect' >&2\nexit 1\n")
    script = tmp_path / "script"
    script.write_text(containers_script("u1", FACTS))
    assert run([*shell(words), script], tmp_path, {"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}).stdout == ""
