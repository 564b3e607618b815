"""A rendered script, run by three shells with a stand-in for docker: markers, files, codes and what it leaves behind."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.compose import steps
from app.compose.commands import ComposeProject
from app.compose.marker import step_marker
from app.compose.plan import DeploymentPlan, PlannedFile, ServerFacts, Step
from app.compose.script import render_script
from app.compose_services.planning import plan_service_start
from app.databases.planning import plan_database_start
from app.remote.command import Secret
from tests.programs import SHELLS, run, shell, write_program
from tests.snapshots import UUID, database_snapshot, registry, service_snapshot, variable

NONCE = "abcdefghijklmnopqrstuvwx"
PROJECT = ComposeProject(UUID)
FILES = (
    PlannedFile(".env", Secret("A=1\n")),
    PlannedFile("readable", Secret("text"), 0o644),
    PlannedFile("config.json", Secret("{}"), in_run=True),
)

pytestmark = pytest.mark.parametrize("words", SHELLS)


class Server:
    """A folder that stands for a server: its data folder, its programs, and what docker was called with."""

    def __init__(self, folder: Path, words: str, answers: str = "") -> None:
        self.folder = folder
        self.data = folder / "it's data"
        self.upload = self.data / "runs/run1.3"
        self.run_folder = self.data / "runs/run1"
        self.resource = self.data / "services" / UUID
        self.calls_file = folder / "calls"
        self._words = words
        self.upload.mkdir(parents=True)
        self.run_folder.mkdir()
        self.calls_file.touch()
        write_program(
            folder / "bin/docker", f'echo "$*" >>\'{self.calls_file}\'\ncase "$*" in\n{answers}\n*) ;;\nesac\n'
        )

    def run(
        self,
        plan: DeploymentPlan,
        *,
        sudo: bool = False,
        environment: Mapping[str, str] | None = None,
        lines: int | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Upload the plan's files and run its script, or only the first `lines` of it."""
        for file in plan.files:
            (self.upload / file.path).write_text(file.content.reveal())
        facts = ServerFacts(data_folder=str(self.data), docker_needs_sudo=sudo)
        text = render_script(plan, facts, run_id="run1", epoch=3, nonce=NONCE)
        script = self.folder / "script"
        script.write_text("".join(text.splitlines(keepends=True)[:lines]))
        path = f"{self.folder / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        return run([*shell(self._words), script], self.folder, {"PATH": path, **(environment or {})})

    @property
    def calls(self) -> list[str]:
        """What docker was called with, one line a call."""
        return self.calls_file.read_text().splitlines()


def plan(*scripts: str | Step, files: tuple[PlannedFile, ...] = FILES, keys: tuple[str, ...] = ()) -> DeploymentPlan:
    planned = [
        one if isinstance(one, Step) else Step(f"Step {number}", "", one) for number, one in enumerate(scripts, start=1)
    ]
    return DeploymentPlan(f"services/{UUID}", files, tuple(planned), frozenset(), 600, keys)


def markers(text: str) -> list[int]:
    return [int(number) for number in re.findall(f"\x1e{NONCE}:([0-9]+)\x1e\n", text)]


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


def test_each_step_opens_on_both_streams(tmp_path: Path, words: str) -> None:
    completed = Server(tmp_path, words).run(plan("echo one", "echo two >&2"))
    one, two = step_marker(NONCE, 1).decode(), step_marker(NONCE, 2).decode()
    assert completed.returncode == 0
    assert completed.stdout == f"{one}one\n{two}"
    assert completed.stderr == f"{one}{two}two\n"


def test_files_are_moved_into_place_with_their_mode(tmp_path: Path, words: str) -> None:
    server = Server(tmp_path, words)
    completed = server.run(
        plan(steps.prepare_files("", FILES), 'cat "$run/docker/config.json"; stat -c %a "$run/docker/config.json"')
    )
    assert completed.returncode == 0, completed.stderr
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in server.resource.iterdir()}
    assert modes == {".env": "0o600", "readable": "0o644"}
    assert (server.resource / "readable").read_text() == "text"
    assert server.resource.stat().st_mode & 0o777 == 0o700
    assert completed.stdout.endswith("{}600\n")


def test_uploads_and_logins_never_outlive_the_run(tmp_path: Path, words: str) -> None:
    server = Server(tmp_path, words)
    server.run(plan(steps.prepare_files("", FILES), "exit 3"))
    assert not server.upload.exists()
    assert list(server.run_folder.iterdir()) == []
    assert (server.resource / ".env").exists()


def test_a_failing_line_ends_the_run_with_its_code(tmp_path: Path, words: str) -> None:
    completed = Server(tmp_path, words).run(plan("echo one", "( exit 7 )\necho went on", "echo three"))
    assert completed.returncode == 7
    assert markers(completed.stdout) == markers(completed.stderr) == [1, 2]
    assert "went on" not in completed.stdout


def test_a_termination_cleans_up(tmp_path: Path, words: str) -> None:
    server = Server(tmp_path, words)
    completed = server.run(plan("kill -TERM $$", "echo on"))
    assert completed.returncode == 143
    assert not server.upload.exists()


def test_a_script_that_was_cut_does_nothing(tmp_path: Path, words: str) -> None:
    server = Server(tmp_path, words)
    whole = plan(steps.prepare_files("", FILES), "docker ps")
    text = render_script(whole, ServerFacts(str(server.data)), run_id="run1", epoch=3, nonce=NONCE)
    for lines in range(2, len(text.splitlines())):
        completed = server.run(whole, lines=lines)
        assert completed.returncode != 0, lines
        assert completed.stdout == "", lines
    assert server.upload.exists()
    assert not server.resource.exists()
    assert server.calls == []
    assert server.run(whole).returncode == 0
    assert server.calls[-1].endswith(" ps")


def test_compose_sees_the_env_file_and_not_the_shell(tmp_path: Path, words: str) -> None:
    server = Server(tmp_path, words, "*) env ;;")
    given = {"MINE": "shell", "A.B": "shell", "OTHER": "shell", "COMPOSE_FILE": "elsewhere", "SHIPLOG_RUN": "run1"}
    completed = server.run(plan("docker ps", keys=("MINE", "A.B", "PATH", "SHIPLOG_RUN")), environment=given)
    seen = set(completed.stdout.splitlines())
    assert {"OTHER=shell", "SHIPLOG_RUN=run1", "COMPOSE_PROGRESS=plain"} <= seen
    assert not {line for line in seen if line.startswith(("MINE=", "A.B=", "COMPOSE_FILE="))}


def test_docker_is_called_through_sudo_where_it_must_be(tmp_path: Path, words: str) -> None:
    server = Server(tmp_path, words)
    write_program(tmp_path / "bin/sudo", f'echo "sudo $*" >>\'{server.calls_file}\'\nshift\nexec "$@"\n')
    assert server.run(plan("docker ps"), sudo=True).returncode == 0
    assert server.calls == ["sudo -n docker ps", "ps"]


def test_registries_get_a_docker_configuration_of_their_own(tmp_path: Path, words: str) -> None:
    server = Server(
        tmp_path, words, '"context inspect"*) echo desktop ;;\n*pull) cat "$2/config.json"; echo "$DOCKER_CONTEXT" ;;'
    )
    completed = server.run(plan(steps.prepare_files("", FILES), "docker pull"))
    assert server.calls[-1] == f"--config {server.run_folder}/docker pull"
    assert completed.stdout.endswith("{}desktop\n")


def test_without_registries_the_servers_own_logins_are_used(tmp_path: Path, words: str) -> None:
    server = Server(tmp_path, words)
    server.run(plan(steps.prepare_files("", FILES[:2]), "docker pull", files=FILES[:2]))
    assert server.calls == ["pull"]


@pytest.mark.parametrize(
    ("answers", "code", "calls"),
    [
        ("", 0, ["network inspect shiplog"]),
        ("*inspect*) exit 1 ;;", 1, ["network inspect shiplog", "network create shiplog", "network inspect shiplog"]),
        ("*inspect*) [ -e made ] ;;\n*create*) touch made; exit 1 ;;", 0, None),
        ("*inspect*) exit 1 ;;\n*create*) exit 0 ;;", 0, ["network inspect shiplog", "network create shiplog"]),
    ],
    ids=["there", "refused", "created by another", "created"],
)
def test_the_network_is_created_unless_it_is_there(
    tmp_path: Path, words: str, answers: str, code: int, calls: list[str] | None
) -> None:
    if code == 1:
        answers += "\n*create*) exit 1 ;;"
    server = Server(tmp_path, words, answers)
    completed = server.run(plan(steps.ensure_network("shiplog")))
    assert completed.returncode == code
    assert calls is None or server.calls == calls


def test_of_two_deployments_at_once_one_creates_the_network(tmp_path: Path, words: str) -> None:
    made = tmp_path / "made"
    server = Server(tmp_path, words, f"*inspect*) [ -e {made} ] ;;\n*create*) sleep 0.3; touch {made} ;;")
    facts = ServerFacts(data_folder=str(server.data), docker_needs_sudo=False)
    processes = []
    for run_id in ("run1", "run2"):
        script = tmp_path / run_id
        script.write_text(
            render_script(plan(steps.ensure_network("shiplog")), facts, run_id=run_id, epoch=3, nonce=NONCE)
        )
        environment = {"PATH": f"{tmp_path / 'bin'}:/usr/local/bin:/usr/bin:/bin"}
        processes.append(subprocess.Popen([*shell(words), script], env=environment, stdout=subprocess.DEVNULL))
    assert [process.wait(60) for process in processes] == [0, 0]
    assert server.calls.count("network create shiplog") == 1
    assert [path.name for path in server.data.iterdir()] == ["runs"]


@pytest.mark.parametrize("code", [0, 3])
def test_a_turn_that_a_killed_deployment_has_left_is_taken(tmp_path: Path, words: str, code: int) -> None:
    server = Server(tmp_path, words)
    write_program(tmp_path / "bin/sleep", "exit 0\n")
    (server.data / "turn").mkdir()
    completed = server.run(plan(f"take_turn\nexit {code}"))
    assert completed.returncode == code
    assert not (server.data / "turn").exists()


def test_pull_keeps_one_tick_in_a_hundred_and_the_code(tmp_path: Path, words: str) -> None:
    ticks = "i=0; while [ $i -lt 250 ]; do echo ' a Downloading [=>  ] 1MB' >&2; i=$((i + 1)); done"
    server = Server(tmp_path, words, f"*pull*) {ticks}; echo 'manifest unknown' >&2; exit 18 ;;")
    completed = server.run(plan(steps.pull_latest_images(PROJECT), "echo on"))
    assert completed.returncode == 18
    assert completed.stderr.count("Downloading") == 2
    assert last_line(completed.stderr) == "manifest unknown"


RESOLVED = """\
name: shop
services:
  built:
    build:
      context: .
    image: mine:1
  "db":
    environment:
      image: no
    image: postgres:16
  web:
    image: shop/web:latest
networks:
  default:
    image: none
"""


@pytest.mark.parametrize(
    ("there", "pulled"),
    [
        (["postgres:16", "shop/web:latest"], None),
        (["postgres:16"], "web"),
        ([], "db web"),
    ],
)
def test_only_the_images_that_are_not_there_are_pulled(
    tmp_path: Path, words: str, there: list[str], pulled: str | None
) -> None:
    (tmp_path / "resolved.yml").write_text(RESOLVED)
    known = " | ".join(f"'image inspect {image}'" for image in there) or "none"
    answers = f"{known}) ;;\n*'image inspect'*) exit 1 ;;\n*' config') cat {tmp_path}/resolved.yml ;;"
    server = Server(tmp_path, words, answers)
    completed = server.run(plan(steps.pull_missing_images(PROJECT, built=["built"]), "echo on"))
    assert completed.returncode == 0, completed.stderr
    pulls = [call for call in server.calls if " pull" in call]
    assert [call.partition(" pull ")[2] for call in pulls] == ([] if pulled is None else [pulled])
    assert ("Every image is there already." in completed.stdout) is (pulled is None)


@pytest.mark.parametrize(
    ("link", "says"),
    [
        (None, None),
        ("kept/below", None),
        ("/etc", "The mounted path it's leads out of the folder of the deployment, to /etc: remove the link."),
        ("..", "The mounted path it's leads out of the folder of the deployment, to "),
    ],
)
def test_a_mounted_path_may_not_lead_out(tmp_path: Path, words: str, link: str | None, says: str | None) -> None:
    server = Server(tmp_path, words)
    server.resource.mkdir(parents=True)
    (server.resource / "kept").mkdir()
    if link is not None:
        (server.resource / "it's").symlink_to(link)
    mounted = ("kept", "it's", "missing/below")
    completed = server.run(plan("enter_folder", steps.validate(PROJECT, mounted=mounted), "echo on"))
    assert ("on\n" in completed.stdout, completed.returncode == 0) == (says is None, says is None)
    assert says is None or last_line(completed.stderr).startswith(says)


def test_containers_that_the_profiles_leave_out_are_removed(tmp_path: Path, words: str) -> None:
    answers = (
        "*--services) printf 'web\\na.b\\n' ;;\n"
        "ps*) printf '%s\\n' 'u-web-1 web' 'u-a.b-1 a.b' 'u-axb-1 axb' 'mine debug' ;;\n'stop mine') exit 1 ;;"
    )
    server = Server(tmp_path, words, answers)
    completed = server.run(plan(steps.remove_left_out(PROJECT), "echo on"))
    assert completed.returncode == 0, completed.stderr
    assert server.calls[2:] == ["stop u-axb-1", "rm --force u-axb-1", "stop mine", "rm --force mine"]


def test_a_container_that_cannot_be_removed_fails_the_step(tmp_path: Path, words: str) -> None:
    server = Server(tmp_path, words, "ps*) echo 'u-old-1 old' ;;\nrm*) echo 'is busy' >&2; exit 1 ;;")
    completed = server.run(plan(steps.remove_left_out(PROJECT), "echo on"))
    assert (completed.returncode, last_line(completed.stderr)) == (1, "is busy")


STATE = "c1|/web|web|{status}|{code}|0|no||t1|false|"


def test_a_start_that_fails_is_explained_by_its_containers(tmp_path: Path, words: str) -> None:
    state = STATE.format(status="exited", code=3)
    answers = (
        f"*' up '*) echo 'dependency failed to start' >&2; exit 18 ;;\n*'ps '*) echo c1 ;;\n"
        f"*logs*) echo 'no such table' ;;\n*.ID*) echo '{state}' ;;\n*inspect*) echo /web ;;"
    )
    files = (steps.verify_file(),)
    server = Server(tmp_path, words, answers)
    completed = server.run(
        plan(steps.prepare_files("", files), steps.start_containers(PROJECT), "echo on", files=files)
    )
    assert completed.returncode == 18
    assert "The last 50 lines of web:\nno such table\n" in completed.stderr
    assert last_line(completed.stderr) == "Container web (service web) exited with code 3."


def test_a_start_that_no_container_explains_keeps_its_own_reason(tmp_path: Path, words: str) -> None:
    answers = "*' up '*) echo 'port is already allocated' >&2; exit 1 ;;"
    files = (steps.verify_file(),)
    server = Server(tmp_path, words, answers)
    completed = server.run(plan(steps.prepare_files("", files), steps.start_containers(PROJECT), files=files))
    assert completed.returncode == 1
    assert last_line(completed.stderr) == "port is already allocated"


def test_old_files_are_removed_and_no_others(tmp_path: Path, words: str) -> None:
    server = Server(tmp_path, words)
    server.resource.mkdir(parents=True)
    for name in ("init-001-a.sql", "init-002-b.sql", "postgresql.conf", "notes"):
        (server.resource / name).touch()
    files = (PlannedFile("init-001-a.sql", Secret("")),)
    cleaning = steps.remove_old_files(("postgresql.conf", "init-*", "none-*"), files)
    assert server.run(plan(steps.prepare_files("", files), cleaning, files=files)).returncode == 0
    assert sorted(path.name for path in server.resource.iterdir()) == ["init-001-a.sql", "notes"]


HEALTHY = (
    f"*'compose version'*) echo 2.40.3 ;;\n*version*) echo 28.0.0 ;;\n*' ps '* | 'ps '*) echo c1 ;;\n"
    f"*.ID*) echo '{'c1|/web|web|running|0|0|no|healthy|t1|false|'}' ;;"
)


def test_a_whole_service(tmp_path: Path, words: str) -> None:
    snapshot = service_snapshot(
        connect_to_network=True, stop_before_start=True, env=[variable("A", "secret")], registries=[registry()]
    )
    server = Server(tmp_path, words, HEALTHY)
    planned = plan_service_start(snapshot, ServerFacts(str(server.data)))
    completed = server.run(planned)
    assert completed.returncode == 0, completed.stderr
    assert markers(completed.stdout) == list(range(1, len(planned.steps) + 1))
    assert completed.stdout.endswith("web: running, healthy\nAll containers are well.\n")
    assert (server.resource / "docker-compose.yml").read_text() == snapshot.compose
    verbs = [word for call in server.calls for word in call.split() if word in {"config", "pull", "stop", "up"}]
    assert verbs == ["config", "config", "stop", "up"]
    assert "secret" not in "".join(server.calls)


def test_a_whole_database(tmp_path: Path, words: str) -> None:
    server = Server(tmp_path, words, HEALTHY)
    planned = plan_database_start(database_snapshot(), ServerFacts(str(server.data)))
    completed = server.run(planned)
    assert completed.returncode == 0, completed.stderr
    folder = server.data / "databases" / UUID
    assert (folder / "postgres-password").read_text() == "p@ss/w$rd'é"
    assert markers(completed.stdout) == list(range(1, len(planned.steps) + 1))


def test_an_invalid_configuration_stops_nothing(tmp_path: Path, words: str) -> None:
    server = Server(
        tmp_path, words, "*' config '*) echo 'services.web.ports must be a list' >&2; exit 15 ;;\n" + HEALTHY
    )
    completed = server.run(plan_service_start(service_snapshot(stop_before_start=True), ServerFacts(str(server.data))))
    assert completed.returncode == 15
    assert last_line(completed.stderr) == "services.web.ports must be a list"
    assert not [call for call in server.calls if " stop" in call or " up " in call]
