"""A database's certificate on its server: who gets the key, when the files are in place, and where the key never is."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.compose.plan import DeploymentPlan, ServerFacts, Step
from app.compose.script import render_script
from app.databases.planning import plan_database_start
from app.databases.snapshot import SnapshotTls
from tests.programs import SHELLS, run, shell, write_program
from tests.snapshots import FACTS, POSTGRESQL, TLS, UUID, database_snapshot

KEY_LINES = {"Zmlyc3Qga2V5IGxpbmU=", "c2Vjb25kIGtleSBsaW5l"}
STEPS = ("Prepare files", "Set up TLS", "Remove old files")


def plan_with_tls() -> DeploymentPlan:
    return plan_database_start(database_snapshot({"enable_ssl": True}, tls=TLS), FACTS)


def step(plan: DeploymentPlan, name: str) -> Step:
    return next(one for one in plan.steps if one.name == name)


def test_the_key_changes_hands_when_the_image_is_there_and_before_anything_is_stopped() -> None:
    names = [one.name for one in plan_with_tls().steps]
    place = names.index("Set up TLS")
    assert (names[place - 1], names[place + 1]) == ("Pull images", "Stop containers")


def test_the_image_itself_gives_the_key_to_its_user() -> None:
    command = step(plan_with_tls(), "Set up TLS").shown
    assert command == (
        "docker run --rm --pull never --network none --user 0:0 --entrypoint chown "
        f"--mount type=bind,source=./tls,target=/tls {POSTGRESQL['image']} "
        "postgres:postgres /tls/server.key /tls/server.pem"
    )


def test_the_key_is_in_files_of_its_owner_alone_and_nowhere_else() -> None:
    plan = plan_with_tls()
    private = {file.path: file.mode for file in plan.files if any(line in file.content.reveal() for line in KEY_LINES)}
    assert private == {"server.key": 0o600, "server.pem": 0o600}
    text = repr(plan) + repr(plan.steps) + repr(plan.files)
    assert not any(line in text for line in KEY_LINES)


def test_each_line_of_the_key_is_a_secret() -> None:
    assert plan_with_tls().secrets >= KEY_LINES
    assert not any(line in repr(SnapshotTls(**TLS)) for line in KEY_LINES)


def test_the_container_sees_the_folder_read_only() -> None:
    compose = next(file for file in plan_with_tls().files if file.path == "docker-compose.yml").content.reveal()
    assert '"source": "./tls"' in compose
    assert not any(line in compose for line in KEY_LINES)


class Server:
    """A folder that stands for a server, whose docker notes what it is handed and leaves, or fails."""

    def __init__(self, folder: Path, words: str) -> None:
        self.folder = folder
        self.data = folder / "it's data"
        self.tls = self.data / "databases" / UUID / "tls"
        self._words = words

    def run(self, snapshot_fields: dict[str, Any], *, docker: str = "") -> subprocess.CompletedProcess[str]:
        """Run the steps that touch files, with `docker` as what its `run` does in the mounted folder."""
        upload = self.data / "runs/run1.1"
        upload.mkdir(parents=True)
        plan = plan_database_start(database_snapshot(**snapshot_fields), ServerFacts(str(self.data)))
        for file in plan.files:
            (upload / file.path).write_text(file.content.reveal())
        steps = tuple(one for one in plan.steps if one.name in STEPS)
        part = DeploymentPlan(plan.folder, plan.files, steps, plan.secrets, plan.deadline_seconds)
        script = self.folder / "script"
        script.write_text(render_script(part, ServerFacts(str(self.data)), run_id="run1", epoch=1, nonce="n" * 24))
        write_program(
            self.folder / "bin/docker",
            f"""\
for word in "$@"; do
    case $word in type=bind,source=*) folder=${{word#type=bind,source=}} ;; esac
done
cd "${{folder%,target=/tls}}" || exit
{docker}
""",
        )
        path = f"{self.folder / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        return run([*shell(self._words), script], self.folder, {"PATH": path})

    @property
    def files(self) -> dict[str, int]:
        """The files of the certificate with their modes."""
        return {path.name: path.stat().st_mode & 0o777 for path in self.tls.iterdir()}


by_shell = pytest.mark.parametrize("words", SHELLS)
WITH_TLS: dict[str, object] = {"columns": {"enable_ssl": True}, "tls": TLS}
IN_PLACE = {"ca.pem": 0o644, "server.crt": 0o644, "server.key": 0o600, "server.pem": 0o600}


@by_shell
def test_the_files_are_in_place_once_the_key_has_its_owner(tmp_path: Path, words: str) -> None:
    server = Server(tmp_path, words)
    completed = server.run(WITH_TLS, docker=f"stat -c '%n %a' *; ls \"{server.tls}\"")
    assert completed.returncode == 0, completed.stderr
    assert [line for line in completed.stdout.split("\n") if line and "\x1e" not in line] == [
        TLS["note"],
        "ca.pem 644",
        "server.crt 644",
        "server.key 600",
        "server.pem 600",
    ]
    assert server.files == IN_PLACE
    assert server.tls.stat().st_mode & 0o777 == 0o755
    assert server.tls.parent.stat().st_mode & 0o777 == 0o700
    assert (server.tls / "server.key").read_text() == TLS["private_key"]
    assert (server.tls / "server.pem").read_text() == TLS["private_key"] + TLS["certificate"]


@by_shell
def test_an_image_without_the_user_fails_the_deployment_and_leaves_what_runs_its_key(
    tmp_path: Path, words: str
) -> None:
    server = Server(tmp_path, words)
    assert server.run(WITH_TLS).returncode == 0
    renewed = {**TLS, "private_key": TLS["private_key"].replace("Zmly", "bmV3")}
    completed = server.run({**WITH_TLS, "tls": renewed}, docker="echo 'unknown user postgres' >&2; exit 1")
    assert completed.returncode == 1
    assert completed.stderr.splitlines()[-2:] == [
        "unknown user postgres",
        "The key could not be given to postgres:postgres of the image postgres:16-alpine: "
        "use an image that has this user, or set enable_ssl to false; then deploy again.",
    ]
    assert (server.tls / "server.key").read_text() == TLS["private_key"]
    assert not (tmp_path / "it's data/runs/run1.1").exists()


@by_shell
def test_a_renewed_key_takes_the_place_of_one_that_the_login_may_not_write(tmp_path: Path, words: str) -> None:
    server = Server(tmp_path, words)
    server.run(WITH_TLS)
    (server.tls / "server.key").chmod(0o400)
    renewed = {**TLS, "private_key": TLS["private_key"].replace("Zmly", "bmV3")}
    assert server.run({**WITH_TLS, "tls": renewed}).returncode == 0
    assert (server.tls / "server.key").read_text() == renewed["private_key"]
    assert server.files == IN_PLACE


@by_shell
def test_the_files_go_when_tls_is_switched_off(tmp_path: Path, words: str) -> None:
    server = Server(tmp_path, words)
    server.run(WITH_TLS)
    assert server.files == IN_PLACE
    assert server.run({}).returncode == 0
    assert server.files == {}
