"""The step that looks at Docker first: what it says when a part is missing, too old or out of reach."""

from pathlib import Path

import pytest

from app.compose import steps
from app.compose.plan import DeploymentPlan, ServerFacts
from app.compose.script import render_script
from tests.programs import SHELLS, run, shell, write_program


def check(folder: Path, words: str, docker: str | None, sudo: str | None = None) -> tuple[int, str, str]:
    """Return exit code, stdout and the last line on stderr, markers left out."""
    programs = folder / "bin"
    programs.mkdir()
    # Nothing but what is named, so that a docker of this machine is not found.
    for name in ("env", "cut", "rm"):
        write_program(programs / name, f'exec /usr/bin/{name} "$@"\n')
    for name, text in {"docker": docker, "sudo": sudo}.items():
        if text is not None:
            write_program(programs / name, text)
    plan = DeploymentPlan("services/u1", (), (steps.check_docker(),), frozenset(), 600)
    facts = ServerFacts(str(folder / "data"), docker_needs_sudo=sudo is not None)
    script = folder / "script"
    script.write_text(render_script(plan, facts, run_id="r", epoch=1, nonce="n"))
    completed = run([*shell(words), script], folder, {"PATH": str(programs)})
    out, err = (text.replace("\x1en:1\x1e\n", "") for text in (completed.stdout, completed.stderr))
    return completed.returncode, out, (err.splitlines() or [""])[-1]


def docker(*, compose: str = "echo 2.40.3", server: str = "echo 28.0.1") -> str:
    return f'case "$*" in\n--version) echo Docker ;;\ncompose*) {compose} ;;\nversion*) {server} ;;\nesac\n'


@pytest.mark.parametrize("words", SHELLS)
@pytest.mark.parametrize(
    ("program", "words_said"),
    [
        (None, "Docker is not installed on this server: install Docker Engine"),
        (
            docker(server="echo 'permission denied on the socket'; exit 1"),
            "This user may not use Docker on this server",
        ),
        (docker(server="echo 'Cannot connect to the daemon'; exit 1"), "The Docker daemon does not answer"),
        (docker(compose="echo 'unknown command'; exit 1"), "The Docker Compose plugin is not installed"),
        (docker(compose="echo v2.21.0"), "Docker Compose v2.21.0 on this server is too old"),
        (docker(compose="echo 1.29.2"), "Docker Compose 1.29.2 on this server is too old"),
    ],
)
def test_what_is_missing_is_the_last_line(tmp_path: Path, words: str, program: str | None, words_said: str) -> None:
    code, _, reason = check(tmp_path, words, program)
    assert code == 1
    assert reason.startswith(words_said)


@pytest.mark.parametrize("words", SHELLS)
@pytest.mark.parametrize("version", ["2.22.0", "v2.40.3", "2.24.6+ds1-0ubuntu1", "5.0.0-rc.1", "dev"])
def test_versions_are_said(tmp_path: Path, words: str, version: str) -> None:
    code, out, _ = check(tmp_path, words, docker(compose=f"echo {version}"))
    assert (code, out) == (0, f"Docker 28.0.1\nDocker Compose {version.removeprefix('v')}\n")


@pytest.mark.parametrize("words", SHELLS)
def test_sudo_that_asks_for_a_password_is_named(tmp_path: Path, words: str) -> None:
    code, _, reason = check(tmp_path, words, docker(), sudo="echo 'sudo: a password is required' >&2; exit 1\n")
    assert code == 1
    assert reason.startswith("sudo asks for a password on this server")
