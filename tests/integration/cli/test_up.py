"""`shiplog up`: its contract, its secrets, and that no end of a run stands in the way of the next one."""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import pytest_asyncio

from tests.integration.cli.running import (
    ROOT,
    Up,
    commandline,
    environment,
    kill,
    modes,
    remove,
    secrets_of,
    shiplog,
    start,
    up,
)

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc to look at processes")

SECRET_FILES = ("token", "encryption.keys", "postgres.password", "running/redis.url", "running/database.url")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One data folder for all tests here: each starts on what the one before has left."""
    folder = tmp_path_factory.mktemp("up") / "data"
    yield folder
    remove(folder)


@pytest_asyncio.fixture
async def serving(data_dir: Path) -> AsyncIterator[Up]:
    """One that serves from the data folder; ended afterwards if the test did not."""
    found = await up("--port", "0", "--data-dir", data_dir)
    yield found
    if found.process.returncode is None:
        await found.stop()


async def test_one_line_of_json_is_all_that_stdout_gets(serving: Up, data_dir: Path) -> None:
    assert set(serving.ready) == {"url", "docs_url", "token", "data_dir"}
    assert serving.ready["docs_url"] == f"{serving.ready['url']}/docs"
    assert serving.ready["data_dir"] == str(data_dir)
    assert (await serving.request("GET", "/health")).status_code == 200
    assert (await serving.request("GET", "/teams/current")).json()["name"] == "Root Team"

    code, rest, _ = await serving.stop()
    assert (code, rest) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_everything_in_order(serving: Up, number: signal.Signals) -> None:
    missing = {b"\0api\0", b"\0worker\0", b"bin/postgres\0", b"valkey-server"}
    async with asyncio.timeout(20):  # the worker's process may be becoming its program: then it has no words
        while missing := {name for name in missing if not any(name in commandline(pid) for pid in serving.processes)}:
            await asyncio.sleep(0.01)

    code, _, _ = await serving.stop(number)

    assert code == 0
    assert serving.left() == []


async def test_everything_is_there_again_at_the_next_start(serving: Up, data_dir: Path) -> None:
    made = (await serving.request("POST", "/projects", {"name": "kept"})).json()
    await serving.stop()

    again = await up("--data-dir", data_dir)
    try:
        assert again.ready == serving.ready
        assert (await again.request("GET", f"/projects/{made['uuid']}")).json()["name"] == "kept"
        assert (await again.request("DELETE", f"/projects/{made['uuid']}")).status_code == 200
    finally:
        await again.stop()


async def test_a_killed_run_does_not_stop_the_next_start(serving: Up, data_dir: Path) -> None:
    await kill(serving)

    again = await up("--data-dir", data_dir)
    try:
        assert serving.left() == []
        assert again.ready == serving.ready
        assert (await again.request("GET", "/teams/current")).status_code == 200
    finally:
        await again.stop()


async def test_a_second_one_on_the_same_folder_says_who_runs(serving: Up, data_dir: Path) -> None:
    code, out, err = await shiplog("up", "--json", "--port", "0", "--data-dir", data_dir)
    assert (code, out) == (1, "")
    assert err == (
        f"shiplog: Another Shiplog (process {serving.process.pid}) serves from {data_dir}: stop it, or choose another "
        f"folder with --data-dir.\n"
    )


async def test_an_api_that_dies_is_started_again_and_its_callers_wait(serving: Up) -> None:
    api = next(pid for pid in serving.processes if b"\0api\0" in commandline(pid))
    os.kill(api, signal.SIGKILL)

    assert (await serving.request("GET", "/teams/current")).status_code == 200
    _, _, err = await serving.stop()
    assert "shiplog: The api ended with -9 and is started again in 0.5 s" in err


async def test_secrets_are_in_files_of_mode_0600_and_nowhere_else(serving: Up, data_dir: Path) -> None:
    found = modes(data_dir)
    assert {*SECRET_FILES, "ssh/login.key", "ssh/host.key", "logs/api.log", "logs/worker.log"} <= set(found)
    wrong = {name for name, mode in found.items() if mode != (0o700 if (data_dir / name).is_dir() else 0o600)}
    assert wrong == set()

    secrets = [secret.encode() for secret in secrets_of(data_dir, SECRET_FILES)]
    assert all(len(secret) > 20 for secret in secrets)
    assert len(serving.processes) > 6
    for pid in serving.processes:
        for name in ("cmdline", "environ"):
            shown = Path(f"/proc/{pid}/{name}").read_bytes()
            assert not [secret for secret in secrets if secret in shown], f"{name} of {pid}"
    logs = b"".join(path.read_bytes() for path in (data_dir / "logs").iterdir())
    assert not [secret for secret in secrets if secret in logs]


async def test_our_own_settings_are_not_taken_from_the_environment(data_dir: Path) -> None:
    elsewhere = environment(
        SHIPLOG_DATABASE_URL="postgresql://nobody@127.0.0.1:1/x",
        SHIPLOG_REDIS_URL_FILE="/no/such",
        SHIPLOG_POOLER="yes",
    )
    serving = await up("--port", "0", "--data-dir", data_dir, env=elsewhere)
    try:
        assert (await serving.request("GET", "/teams/current")).status_code == 200
    finally:
        await serving.stop()


async def test_a_token_that_is_unknown_is_made_anew(serving: Up, data_dir: Path) -> None:
    await serving.stop()
    (data_dir / "token").write_text("99|unknown")

    again = await up("--data-dir", data_dir)
    try:
        assert again.ready["token"] not in {serving.ready["token"], "99|unknown"}
        assert (data_dir / "token").read_text() == again.ready["token"]
        assert (await again.request("GET", "/teams/current")).json()["name"] == "Root Team"
    finally:
        await again.stop()


async def test_a_port_that_is_taken_is_named(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, out, err = await shiplog("up", "--json", "--port", str(port), "--data-dir", data_dir)
    assert (code, out) == (1, "")
    assert err == (
        f"shiplog: Nothing can listen on 127.0.0.1:{port} (Address already in use): choose another port with --port.\n"
    )


async def test_a_chosen_port_is_served_on(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serving = await up("--port", str(port), "--data-dir", data_dir)
    try:
        assert serving.ready["url"] == f"http://127.0.0.1:{port}"
    finally:
        await serving.stop()


async def test_without_its_encryption_keys_nothing_starts(serving: Up, data_dir: Path) -> None:
    await serving.stop()
    keys = data_dir / "encryption.keys"
    keys.rename(data_dir / "elsewhere")
    try:
        code, out, err = await shiplog("up", "--json", "--data-dir", data_dir)
    finally:
        (data_dir / "elsewhere").rename(keys)
    assert (code, out) == (1, "")
    assert err.startswith(f"shiplog: The data in {data_dir} were encrypted with {keys}, which is gone: put it back")


async def test_a_person_sees_where_everything_is(data_dir: Path) -> None:
    process = await start("up", "--port", "0", "--data-dir", data_dir)
    assert process.stdout is not None
    lines = [(await asyncio.wait_for(process.stdout.readline(), 60)).decode()]
    while not lines[-1].startswith("Ctrl-C"):
        lines.append((await asyncio.wait_for(process.stdout.readline(), 60)).decode())
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), 60) == 0

    screen = "".join(lines)
    port = (data_dir / "api.port").read_text().strip()
    assert f"http://127.0.0.1:{port}/docs" in screen
    assert (data_dir / "token").read_text() in screen
    assert str(data_dir) in screen
    assert str(data_dir / "ssh/login.key") in screen


@pytest.mark.skipif(os.geteuid() != 0, reason="every other test here runs as an ordinary user already")
async def test_an_ordinary_user_needs_nothing_of_root() -> None:
    user = "shiplog-plain"
    if user not in {entry.pw_name for entry in pwd.getpwall()}:
        _do_without(f"the account {user} is missing (tests/rig/install.sh makes it)")
    with tempfile.TemporaryDirectory(prefix="shiplog-") as folder:
        Path(folder).chmod(0o755)
        home = Path(folder, "home")
        home.mkdir()
        os.chown(home, pwd.getpwnam(user).pw_uid, -1)
        # What the lock file brings for Python before 3.11.3 and the environment of a later one lacks.
        Path(folder, "async_timeout.py").write_text("from asyncio import timeout as timeout\n")
        packages = next(path for path in sys.path if path.endswith("site-packages"))
        paths = f"{ROOT}:{packages}:{folder}"
        env = environment(USER=user, LOGNAME=user, PYTHONPATH=paths) | {"HOME": str(home)}
        python = _python_for_everybody()
        serving = await up("--port", "0", user=user, env=env, cwd=home, python=python)
        try:
            data_dir = home / ".shiplog"
            assert serving.ready["data_dir"] == str(data_dir)
            assert not (data_dir / "postgres").is_symlink()
            uids = {Path(f"/proc/{pid}").stat().st_uid for pid in serving.processes}
            assert uids == {pwd.getpwnam(user).pw_uid}
            assert (await serving.request("GET", "/teams/current")).status_code == 200
        finally:
            code, _, _ = await serving.stop()
        assert code == 0


def _python_for_everybody() -> str:
    """Return a Python of this version that other accounts can run too, as one below root's home cannot be."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, shutil.which(name, path="/usr/local/bin:/usr/bin:/bin")):
        if python and all(folder.stat().st_mode & 0o001 for folder in Path(python).resolve().parents):
            return python
    return _do_without(f"no {name} on this machine that an ordinary user can run")


def _do_without(reason: str) -> NoReturn:
    if os.environ.get("SHIPLOG_REQUIRE_RIG") == "1":
        pytest.fail(f"SHIPLOG_REQUIRE_RIG=1, but {reason}", pytrace=False)
    pytest.skip(reason)
