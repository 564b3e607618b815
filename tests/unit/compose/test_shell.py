"""Every shell program of the product and every rendered script: syntax in three shells, and shellcheck."""

from pathlib import Path

import pytest

from app.compose.plan import DeploymentPlan, ServerFacts
from app.compose.script import render_script
from app.compose_services.planning import plan_service_start
from app.databases.planning import plan_database_start
from tests.golden.test_plans import DATABASES, SERVICES
from tests.programs import SHELLS, program, run, shell
from tests.snapshots import FACTS, database_snapshot, service_snapshot

APP = Path(__file__).parents[3] / "app"
PROGRAMS = {path.relative_to(APP).as_posix(): path for path in sorted(APP.rglob("sh/*.sh"))}
RENDERED = [*SERVICES, *DATABASES]


def planned(case: str) -> DeploymentPlan:
    if case in SERVICES:
        return plan_service_start(service_snapshot(**SERVICES[case]), FACTS)
    return plan_database_start(database_snapshot(**DATABASES[case]), FACTS)


def rendered(case: str, folder: Path) -> Path:
    facts = ServerFacts(data_folder="/data/it's here", docker_needs_sudo=case == "service")
    path = folder / "script"
    path.write_text(render_script(planned(case), facts, run_id="run1", epoch=1, nonce="abc"))
    return path


@pytest.mark.parametrize("words", SHELLS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_are_read_by_every_shell(name: str, words: str, tmp_path: Path) -> None:
    assert run([*shell(words), "-n", PROGRAMS[name]], tmp_path).stderr == ""


@pytest.mark.parametrize("words", SHELLS)
@pytest.mark.parametrize("case", RENDERED)
def test_scripts_are_read_by_every_shell(case: str, words: str, tmp_path: Path) -> None:
    assert run([*shell(words), "-n", rendered(case, tmp_path)], tmp_path).stderr == ""


@pytest.mark.parametrize("name", PROGRAMS)
def test_shellcheck_finds_nothing_in_programs(name: str, tmp_path: Path) -> None:
    assert run([program("shellcheck"), "--shell=sh", PROGRAMS[name]], tmp_path).stdout == ""


@pytest.mark.parametrize("case", RENDERED)
def test_shellcheck_finds_nothing_in_scripts(case: str, tmp_path: Path) -> None:
    assert run([program("shellcheck"), rendered(case, tmp_path)], tmp_path).stdout == ""


@pytest.mark.parametrize("case", RENDERED)
def test_no_secret_stands_in_a_script(case: str, tmp_path: Path) -> None:
    plan = planned(case)
    text = rendered(case, tmp_path).read_text() + "".join(step.shown for step in plan.steps)
    assert [secret for secret in plan.secrets if secret in text] == []
