"""Waiting for containers: which states are well, which are not, and what is said about them."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.compose import steps
from tests.programs import SHELLS, run, shell, write_program

pytestmark = pytest.mark.parametrize("words", SHELLS)

STUB = """\
stub='{stub}'
case "$*" in
*com.docker.compose.project=*)
    n=$(($(cat "$stub/count") + 1))
    echo "$n" >"$stub/count"
    [ -e "$stub/looks/$n" ] || n=last
    [ "$(cat "$stub/looks/$n")" != unanswered ] || exit 1
    cp "$stub/looks/$n" "$stub/now"
    cut -d '|' -f 1 "$stub/now"
    ;;
*'{{{{.ID}}}}'*) cat "$stub/now" ;;
*'{{{{.Name}}}}'*) grep "^$4|" "$stub/now" | cut -d '|' -f 2 ;;
*State.Health*) cat "$stub/health" ;;
logs*) echo "words of $4"; echo "more words" >&2 ;;
esac
"""


def container(
    name: str = "web",
    *,
    status: str = "running",
    code: int = 0,
    restarts: int = 0,
    policy: str = "no",
    health: str = "",
    started: str = "t1",
    oom: bool = False,
    depends_on: str = "",
) -> str:
    """Return a container as `docker inspect` prints it for the program."""
    flag = "true" if oom else "false"
    return f"id-{name}|/u1-{name}-1|{name}|{status}|{code}|{restarts}|{policy}|{health}|{started}|{flag}|{depends_on}"


def verify(
    folder: Path, words: str, *looks: Sequence[str], seconds: int = 60, health: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the program on what it sees look by look; the last look is what it sees from then on."""
    (folder / "looks").mkdir()
    for number, lines in enumerate(looks, start=1):
        for name in (str(number), "last"):
            (folder / "looks" / name).write_text("".join(f"{line}\n" for line in lines))
    (folder / "count").write_text("0")
    (folder / "health").write_text(health)
    write_program(folder / "bin/docker", STUB.format(stub=folder))
    program = folder / "verify.sh"
    program.write_text(steps.verify_file().content.reveal())
    path = f"{folder / 'bin'}:/usr/bin:/bin"
    return run([*shell(words), program, "u1", str(seconds), "0"], folder, {"PATH": path})


def reason(completed: subprocess.CompletedProcess[str]) -> str:
    assert completed.returncode == 1
    return completed.stderr.splitlines()[-1]


def looks_taken(folder: Path) -> int:
    return int((folder / "count").read_text())


def test_healthy_is_well_at_once(tmp_path: Path, words: str) -> None:
    completed = verify(tmp_path, words, [container(health="healthy")])
    assert (completed.returncode, looks_taken(tmp_path)) == (0, 1)
    assert completed.stdout == "u1-web-1: running, healthy\nAll containers are well.\n"


def test_a_health_check_that_starts_is_waited_for(tmp_path: Path, words: str) -> None:
    completed = verify(
        tmp_path, words, [container(health="starting")], [container(health="starting")], [container(health="healthy")]
    )
    assert (completed.returncode, looks_taken(tmp_path)) == (0, 3)
    assert completed.stdout.count("health check starting") == 1


def test_without_a_health_check_three_looks_must_see_the_same_start(tmp_path: Path, words: str) -> None:
    assert verify(tmp_path, words, [container()]).returncode == 0
    assert looks_taken(tmp_path) == 3


def test_a_restart_in_between_begins_anew(tmp_path: Path, words: str) -> None:
    assert verify(tmp_path, words, [container()], [container()], [container(started="t2")]).returncode == 0
    assert looks_taken(tmp_path) == 5


def test_unhealthy_is_said_with_the_last_answer_of_the_check(tmp_path: Path, words: str) -> None:
    health = "\x1e\nold answer\n\n\x1e\npsql: error:\n\tFATAL:  no  such role\n\n"
    completed = verify(tmp_path, words, [container(health="unhealthy")], health=health)
    assert reason(completed) == "Container u1-web-1 (service web) is unhealthy: psql: error: FATAL: no such role"
    assert "The last 50 lines of u1-web-1:\nwords of id-web\nmore words\n" in completed.stderr


def test_an_exit_code_is_a_failure(tmp_path: Path, words: str) -> None:
    completed = verify(tmp_path, words, [container(status="exited", code=3)])
    assert reason(completed) == "Container u1-web-1 (service web) exited with code 3."


def test_memory_that_ran_out_is_said(tmp_path: Path, words: str) -> None:
    completed = verify(tmp_path, words, [container(status="exited", code=137, oom=True)])
    assert reason(completed) == "Container u1-web-1 (service web) exited with code 137 (out of memory)."


@pytest.mark.parametrize("policy", ["no", "", "on-failure"])
def test_a_one_shot_that_exited_0_is_well(tmp_path: Path, words: str, policy: str) -> None:
    assert verify(tmp_path, words, [container(status="exited", policy=policy)]).returncode == 0


@pytest.mark.parametrize("policy", ["always", "unless-stopped"])
def test_an_exit_of_what_should_always_run_is_a_failure(tmp_path: Path, words: str, policy: str) -> None:
    completed = verify(tmp_path, words, [container(status="exited", policy=policy)])
    assert reason(completed) == "Container u1-web-1 (service web) was stopped."


@pytest.mark.parametrize("status", ["exited", "restarting"])
def test_what_another_service_waits_for_may_exit_0_whatever_restarts_it(
    tmp_path: Path, words: str, status: str
) -> None:
    web = container(health="healthy", depends_on="db:service_healthy:false,migrate:service_completed_successfully:true")
    migrate = container("migrate", status=status, policy="always", restarts=20)
    assert verify(tmp_path, words, [web, migrate]).returncode == 0


def test_what_another_service_waits_for_may_not_fail(tmp_path: Path, words: str) -> None:
    web = container(status="created", depends_on="migrate:service_completed_successfully:false")
    completed = verify(tmp_path, words, [web, container("migrate", status="exited", code=1)])
    assert reason(completed) == "Container u1-migrate-1 (service migrate) exited with code 1."


def test_what_keeps_restarting_is_given_up(tmp_path: Path, words: str) -> None:
    looks = [[container(status="restarting", code=1, restarts=number, policy="always")] for number in range(1, 10)]
    completed = verify(tmp_path, words, *looks)
    assert reason(completed) == "Container u1-web-1 (service web) keeps restarting: 9 times so far, last exit code 1."
    assert looks_taken(tmp_path) == 9


def test_more_than_one_failure_is_counted(tmp_path: Path, words: str) -> None:
    completed = verify(
        tmp_path, words, [container(health="healthy"), *(container(n, status="exited", code=2) for n in "abc")]
    )
    assert reason(completed) == "Container u1-a-1 (service a) exited with code 2. (2 more failed.)"
    assert completed.stderr.count("The last 50 lines of") == 3


def test_what_is_not_ready_in_time_is_said(tmp_path: Path, words: str) -> None:
    completed = verify(tmp_path, words, [container(health="starting")], seconds=1, health="\x1e\nnot yet\n")
    assert (
        reason(completed)
        == "Container u1-web-1 (service web) was not ready in time: running, health check starting. not yet"
    )


def test_no_container_at_all(tmp_path: Path, words: str) -> None:
    assert reason(verify(tmp_path, words, [])) == "No container was started."


def test_a_docker_that_does_not_answer_for_a_moment_is_waited_for(tmp_path: Path, words: str) -> None:
    assert verify(tmp_path, words, *[["unanswered"]] * 9, [container(health="healthy")]).returncode == 0


def test_a_docker_that_does_not_answer_any_more(tmp_path: Path, words: str) -> None:
    assert reason(verify(tmp_path, words, ["unanswered"])) == "Docker no longer answers on this server."
    assert looks_taken(tmp_path) == 10


def test_one_look_says_nothing_when_nothing_is_bad(tmp_path: Path, words: str) -> None:
    completed = verify(tmp_path, words, [container(status="created")], seconds=0)
    assert (completed.returncode, completed.stderr, looks_taken(tmp_path)) == (1, "", 1)


def test_one_look_explains_what_is_bad(tmp_path: Path, words: str) -> None:
    completed = verify(tmp_path, words, [container(status="exited", code=3)], seconds=0)
    assert reason(completed) == "Container u1-web-1 (service web) exited with code 3."
