"""The scripts that look at a server, run in every shell a server may have as its `sh`."""

import os
import subprocess
from pathlib import Path

import pytest

from app.servers.probing import (
    AnswerCut,
    DockerFound,
    docker_script,
    folder_script,
    parse_docker,
    parse_folder,
)
from tests.programs import SHELLS, shell
from tests.stub_programs import DENIED, NO_DAEMON, docker_stub, make_path

NONCE = "n0nce"
NOISE = b"Welcome!\nn0nc folder /wrong\n"


@pytest.fixture(params=SHELLS)
def sh(request: pytest.FixtureRequest) -> list[str]:
    return shell(request.param)


def _run(sh: list[str], script: str, path: Path, home: str = "", *, user: int = 0) -> bytes:
    """Run a script as a server would, with `path` alone as its PATH."""
    is_root = os.geteuid() == 0
    return subprocess.run(
        sh,
        input=script.encode(),
        env={"PATH": str(path), "HOME": home},
        capture_output=True,
        check=False,
        timeout=30,
        user=user if is_root and user else None,
        group=user if is_root and user else None,
    ).stdout


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_path(tmp_path / "bin")


def _mode(folder: str | None) -> int:
    assert folder is not None
    return Path(folder).stat().st_mode & 0o777


def test_the_shared_folder_is_made_where_that_may_be(sh: list[str], path: Path, tmp_path: Path) -> None:
    shared = tmp_path / "data" / "shiplog"
    found = parse_folder(NONCE, _run(sh, folder_script(NONCE, None, shared=str(shared)), path, str(tmp_path / "home")))
    assert found.folder == str(shared)
    assert (_mode(found.folder), _mode(f"{shared}/runs")) == (0o700, 0o700)
    assert list((shared / "runs").iterdir()) == []
    assert not (tmp_path / "home").exists()


def test_a_home_serves_where_the_shared_folder_cannot_be_made(sh: list[str], path: Path, tmp_path: Path) -> None:
    home = tmp_path / "the user's home"
    home.mkdir()
    # A file is in the way: even root cannot make a folder below it.
    (tmp_path / "data").write_text("")
    script = folder_script(NONCE, None, shared=f"{tmp_path}/data/shiplog")
    found = parse_folder(NONCE, _run(sh, script, path, str(home)))
    assert found.folder == f"{home}/.local/share/shiplog"
    assert _mode(found.folder) == 0o700

    (home / ".local").rename(home / "gone")
    (home / ".local").write_text("")
    found = parse_folder(NONCE, _run(sh, script, path, f"{home}/"))
    assert found.folder == f"{home}/.shiplog"


def test_a_folder_that_was_there_becomes_private(sh: list[str], path: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    (tmp_path / ".local/share/shiplog").mkdir(parents=True)
    script = folder_script(NONCE, None, shared=f"{tmp_path}/data/shiplog")
    found = parse_folder(NONCE, _run(sh, script, path, str(tmp_path)))
    assert _mode(found.folder) == 0o700


def test_the_known_folder_stays(sh: list[str], path: Path, tmp_path: Path) -> None:
    known = tmp_path / "known $(id)"
    known.mkdir()
    script = folder_script(NONCE, str(known), shared=f"{tmp_path}/data/shiplog")
    assert parse_folder(NONCE, _run(sh, script, path, str(tmp_path))).folder == str(known)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("home", ["", "/", "relative"])
def test_no_folder_is_an_answer(sh: list[str], path: Path, tmp_path: Path, home: str) -> None:
    (tmp_path / "data").write_text("")
    script = folder_script(NONCE, None, shared=f"{tmp_path}/data/shiplog")
    assert parse_folder(NONCE, _run(sh, script, path, home)).folder is None


def test_noise_around_the_answer_is_ignored() -> None:
    output = (
        NOISE + b"n0nce user deploy\nbye n0nce folder /wrong\nn0nce folder /home/deploy/.shiplog\nn0nce end \nbye\n"
    )
    found = parse_folder(NONCE, output)
    assert (found.user, found.folder) == ("deploy", "/home/deploy/.shiplog")


@pytest.mark.parametrize("folder", ["relative", "/a\x1b[0m", "/a\x00\x07b"])
def test_a_folder_that_no_command_should_carry_is_none(folder: str) -> None:
    assert parse_folder(NONCE, f"n0nce user x\nn0nce folder {folder}\nn0nce end \n".encode()).folder is None


@pytest.mark.parametrize("output", [b"", NOISE, b"n0nce user root\nn0nce folder /data/shiplog\n"])
def test_half_an_answer_is_none(output: bytes) -> None:
    with pytest.raises(AnswerCut):
        parse_folder(NONCE, output)
    with pytest.raises(AnswerCut):
        parse_docker(NONCE, output)


def test_docker_and_compose_are_found(sh: list[str], tmp_path: Path) -> None:
    path = make_path(tmp_path / "bin", docker=docker_stub())
    found = parse_docker(NONCE, _run(sh, docker_script(NONCE), path))
    assert found == DockerFound("27.1.1", "2.29.1", needs_sudo=False, complaint=None)


INSTALL = "Docker is not installed on this server: install Docker Engine, then validate the server again."
START = "The Docker daemon does not answer on this server: start it, then validate the server again."
GROUP = 'This user may not use Docker on this server: add it to the group "docker", then validate the server again.'
PLUGIN = (
    "The Docker Compose plugin is not installed on this server: install docker-compose-plugin, "
    "then validate the server again."
)
OLD = "Docker Compose v2.21.0 on this server is too old: install version 2.22 or newer, then validate the server again."


@pytest.mark.parametrize(
    ("docker", "expected"),
    [
        (None, DockerFound(None, None, needs_sudo=False, complaint=INSTALL)),
        (docker_stub(daemon=NO_DAEMON), DockerFound(None, None, needs_sudo=False, complaint=START)),
        (docker_stub(daemon=DENIED), DockerFound(None, None, needs_sudo=False, complaint=GROUP)),
        (docker_stub(compose="exit 1"), DockerFound("27.1.1", None, needs_sudo=False, complaint=PLUGIN)),
        (docker_stub(compose="echo v2.21.0"), DockerFound("27.1.1", "2.21.0", needs_sudo=False, complaint=OLD)),
    ],
    ids=["none", "no-daemon", "denied", "no-plugin", "old-plugin"],
)
def test_what_is_missing_is_named(sh: list[str], tmp_path: Path, docker: str | None, expected: DockerFound) -> None:
    path = make_path(tmp_path / "bin", **({} if docker is None else {"docker": docker}))
    assert parse_docker(NONCE, _run(sh, docker_script(NONCE), path)) == expected


SUDO = """#!/bin/sh
[ "$1" = -n ] || exit 65
shift
AS_ROOT=1 exec "$@"
"""
ROOT_ONLY = f'if [ -n "$AS_ROOT" ]; then echo 27.1.1; else {DENIED}; fi'


@pytest.mark.parametrize(("user", "needs_sudo"), [(65534, True), (0, False)], ids=["nobody", "root"])
def test_sudo_is_tried_for_a_user_that_docker_refuses(
    sh: list[str], tmp_path_factory: pytest.TempPathFactory, user: int, needs_sudo: bool
) -> None:
    if user == 0 and os.geteuid() != 0:
        pytest.skip("this machine's user is not root")
    folder = tmp_path_factory.mktemp("sudo")
    _open_to_all(folder)
    path = make_path(folder / "bin", docker=docker_stub(daemon=ROOT_ONLY), sudo=SUDO)
    found = parse_docker(NONCE, _run(sh, docker_script(NONCE), path, user=user))
    assert (found.needs_sudo, found.complaint) == (needs_sudo, None if needs_sudo else GROUP)


def _open_to_all(folder: Path) -> None:
    """Let another user reach a test's folder."""
    for parent in (folder, *folder.parents[:3]):
        if parent.stat().st_uid == os.geteuid() and parent != Path("/tmp"):
            parent.chmod(0o755)
