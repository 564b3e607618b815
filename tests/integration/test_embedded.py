"""The embedded servers: data that stay, starts after a kill, one owner of a folder, and no folder opened up for root."""

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from app.embedded import root_home
from app.embedded.part import AlreadyRunning, EmbeddedError
from app.embedded.postgres import embedded_postgres
from app.embedded.valkey import embedded_valkey

ROOT = Path(__file__).parents[2]

# Starts both servers in `argv[1]`, writes a row and says so; then waits `argv[2]` seconds or to be killed.
SERVE = """
import asyncio, sys
from pathlib import Path
import asyncpg
from app.embedded.postgres import embedded_postgres
from app.embedded.valkey import embedded_valkey

async def main(folder):
    durable = "throwaway" not in sys.argv
    async with embedded_postgres(folder, durable=durable) as url, embedded_valkey(folder):
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        await connection.execute("INSERT INTO kept VALUES ('committed')")
        await connection.close()
        print("ready", flush=True)
        await asyncio.sleep(float(sys.argv[2]))

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest_asyncio.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    """A data folder whose part in /var/lib, where we are root, goes with it."""
    data_dir = tmp_path / "data"
    yield data_dir
    if os.geteuid() == 0:
        async with embedded_postgres(data_dir, durable=False):
            pass


async def _words(url: str) -> list[str]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return [row["word"] for row in await connection.fetch("SELECT word FROM kept")]
    finally:
        await connection.close()


async def _serve(folder: Path, *words: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, str(folder), "600", *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def test_data_stay_from_one_start_to_the_next(folder: Path) -> None:
    for times in (1, 2):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVE, str(folder), "0", cwd=ROOT)
        assert await process.wait() == 0
        async with embedded_postgres(folder) as url:
            assert await _words(url) == ["committed"] * times


async def test_what_a_killed_run_left_does_not_stop_the_next_start(folder: Path) -> None:
    run = await _serve(folder)
    run.kill()
    await run.wait()
    async with embedded_postgres(folder) as url, embedded_valkey(folder):
        assert await _words(url) == ["committed"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the death of a parent is seen on Linux alone")
async def test_the_servers_end_when_their_parent_is_killed(folder: Path) -> None:
    run = await _serve(folder)
    servers = _children(run.pid)
    assert len(servers) == 2
    run.kill()
    await run.wait()
    for _ in range(500):
        if not any(Path(f"/proc/{pid}/cwd").exists() for pid in servers):
            break
        await asyncio.sleep(0.02)
    else:
        pytest.fail(f"Still there: {servers}")


async def test_servers_that_outlived_their_parent_are_ended_first(folder: Path) -> None:
    run = await _serve(folder)
    servers = _children(run.pid)
    for pid in servers:
        os.kill(pid, signal.SIGSTOP)  # too slow to notice: the next start finds them alive
    run.kill()
    await run.wait()
    async with embedded_postgres(folder) as url, embedded_valkey(folder):
        assert await _words(url) == ["committed"]
        assert not any(Path(f"/proc/{pid}/cwd").exists() for pid in servers)


async def test_a_lock_file_that_names_an_unrelated_process_does_not_stop_the_next_start(folder: Path) -> None:
    async with embedded_postgres(folder):
        lock = (folder / "postgres" / "postmaster.pid").read_text().splitlines()
    (folder / "postgres" / "postmaster.pid").write_text("\n".join([str(os.getppid()), *lock[1:]]) + "\n")
    async with embedded_postgres(folder):
        pass


async def test_a_first_start_that_was_killed_half_way_begins_anew(folder: Path) -> None:
    async with embedded_postgres(folder):
        pass
    data = (folder / "postgres").resolve()
    data.rename(data.with_name("postgres.new"))
    (data.with_name("postgres.new") / "PG_VERSION").unlink()
    async with embedded_postgres(folder):
        pass


async def test_a_second_owner_of_the_folder_is_told_who_the_first_is(folder: Path) -> None:
    async with embedded_postgres(folder, durable=False), embedded_valkey(folder):
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
            async with embedded_postgres(folder):
                pass
        with pytest.raises(AlreadyRunning, match="--data-dir"):
            async with embedded_valkey(folder):
                pass


async def test_a_server_that_ends_is_started_again_on_its_port(folder: Path) -> None:
    async with embedded_postgres(folder, durable=False) as url:
        os.kill(int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
        for _ in range(200):
            await asyncio.sleep(0.05)
            try:
                connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=5)
            except (OSError, asyncpg.PostgresError):
                continue
            await connection.close()
            break
        else:
            pytest.fail("PostgreSQL did not come back")


async def test_no_password_in_argument_lists_and_none_but_0600_files(folder: Path) -> None:
    async with embedded_postgres(folder, durable=False) as url, embedded_valkey(folder) as redis_url:
        secrets = {url.split(":")[2].split("@")[0], redis_url.split(":")[2].split("@")[0]}
        for pid in _children(os.getpid()):
            for name in ("cmdline", "environ"):
                with contextlib.suppress(OSError):  # it ended meanwhile
                    text = Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
                    assert not any(secret in text for secret in secrets)
        for path in folder.rglob("*"):
            if path.is_file() and any(secret.encode() in path.read_bytes() for secret in secrets):
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_nobody_gets_in_without_the_password(folder: Path) -> None:
    async with embedded_postgres(folder, durable=False) as url, embedded_valkey(folder) as redis_url:
        address = url.split("@")[1]
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(f"postgresql://shiplog:wrong@{address}")
        client = Redis.from_url("redis://:wrong@" + redis_url.split("@")[1])
        with pytest.raises(AuthenticationError):
            await client.ping()
        await client.aclose()


async def test_data_of_another_major_version_are_refused_with_a_way_out(folder: Path) -> None:
    async with embedded_postgres(folder):
        pass
    version = (folder / "postgres" / "PG_VERSION").resolve()
    kept = version.read_text()
    version.write_text("17\n")
    with pytest.raises(EmbeddedError, match="PostgreSQL 17, this Shiplog brings 18"):
        async with embedded_postgres(folder):
            pass
    version.write_text(kept)


async def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    async with embedded_postgres(folder):
        pass
    (folder / "postgres" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(EmbeddedError, match="no_such_setting"):
        async with embedded_postgres(folder):
            pass
    (folder / "postgres" / "postgresql.conf").write_text("")


def _run_as(user: pwd.struct_passwd, home: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    packages = [str(ROOT), *(path for path in sys.path if path.endswith("site-packages"))]
    return subprocess.run(
        command, cwd=home, user=user.pw_uid, group=user.pw_gid, extra_groups=[], capture_output=True, text=True,
        env={"HOME": str(home), "PYTHONPATH": os.pathsep.join(packages)}, check=False,
    )  # fmt: skip


def _python_of(user: pwd.struct_passwd, home: Path) -> str:
    # The interpreter of this run is below root's home as often as not.
    for interpreter in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        with contextlib.suppress(OSError):
            if _run_as(user, home, [interpreter, "-c", "import app.embedded, asyncpg"]).returncode == 0:
                return interpreter
    pytest.skip(f"missing: a Python and a checkout that the user {user.pw_name} can read")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is kept from running PostgreSQL")
class TestAsRoot:
    async def test_postgresql_runs_as_another_user_and_no_folder_changes(self, folder: Path) -> None:
        folder.parent.chmod(0o700)
        before = {path: path.stat().st_mode for path in [*folder.parents, Path("/var/lib"), Path.home()]}
        async with embedded_postgres(folder):
            pid = int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])
            assert Path(f"/proc/{pid}").stat().st_uid != 0
        assert {path: path.stat().st_mode for path in before} == before

    async def test_a_data_folder_that_was_deleted_starts_empty(self, folder: Path) -> None:
        for _ in range(2):
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVE, str(folder), "0", cwd=ROOT)
            assert await process.wait() == 0
            async with embedded_postgres(folder) as url:
                assert await _words(url) == ["committed"]
            shutil.rmtree(folder)

    async def test_an_ordinary_user_runs_both_with_data_of_their_own(self, tmp_path: Path) -> None:
        user = pwd.getpwnam("nobody")
        home = Path("/tmp") / f"shiplog-{tmp_path.name}"  # below a folder that this user can reach
        home.mkdir(mode=0o700)
        os.chown(home, user.pw_uid, user.pw_gid)
        try:
            interpreter = _python_of(user, home)
            for _ in range(2):
                done = await asyncio.to_thread(_run_as, user, home, [interpreter, "-c", SERVE, str(home / "data"), "0"])
                assert (done.stdout, done.returncode) == ("ready\n", 0), done.stderr
            assert (home / "data" / "postgres").is_dir()
            assert not (home / "data" / "postgres").is_symlink()
            assert (home / "data" / "postgres").stat().st_uid == user.pw_uid
        finally:
            subprocess.run(["rm", "-rf", str(home)], check=True)


async def _start_another(folder: Path) -> None:
    async with embedded_postgres(folder.with_name("another"), durable=False):
        pass


def _make_old(home: Path) -> None:
    """Let the last start on these data be longer ago than they are kept."""
    long_ago = time.time() - root_home.KEPT_SECONDS - 60
    os.utime(home / "data-folder.json", (long_ago, long_ago))


def _home(folder: Path) -> Path:
    """Where root's PostgreSQL has the data of a data folder."""
    return (folder / "postgres").readlink().parent


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's PostgreSQL has its data elsewhere")
class TestWhatRootLeaves:
    @pytest.fixture
    def home_of_all(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        """A place of the test's own instead of /var/lib/shiplog, which every user can get to all the same."""
        with tempfile.TemporaryDirectory(prefix="shiplog-") as name:
            Path(name).chmod(0o755)
            monkeypatch.setattr(root_home, "ROOT_HOME", Path(name) / "home")
            yield Path(name) / "home"

    async def test_two_that_start_at_once_share_one_copy_of_the_programs(
        self, home_of_all: Path, tmp_path: Path
    ) -> None:
        async def programs_of(folder: Path) -> Path:
            async with embedded_postgres(folder):
                pid = (folder / "postgres" / "postmaster.pid").read_text().splitlines()[0]
                return Path(f"/proc/{pid}/exe").readlink()

        first, second = await asyncio.gather(programs_of(tmp_path / "a"), programs_of(tmp_path / "b"))
        assert first == second
        assert first.is_relative_to(home_of_all)
        (copy,) = (path for path in home_of_all.iterdir() if path.name.startswith("postgresql-"))
        assert first.is_relative_to(copy)
        assert list(home_of_all.rglob("bin/postgres")) == [first]
        notes = {json.loads(path.read_text())["data_dir"] for path in home_of_all.glob("*/data-folder.json")}
        assert notes == {str(tmp_path / "a"), str(tmp_path / "b")}

    async def test_programs_of_a_version_that_runs_on_no_data_are_removed(
        self, home_of_all: Path, tmp_path: Path
    ) -> None:
        for name in ("postgresql-1", "postgresql-2"):
            (home_of_all / name).mkdir(parents=True)
        old = home_of_all / "old"
        old.mkdir()
        (old / "data-folder.json").write_text(
            '{"data_dir": "/nowhere", "is_durable": true, "programs": "postgresql-2"}'
        )
        async with embedded_postgres(tmp_path / "data", durable=False):
            left = {path.name for path in home_of_all.glob("postgresql-*")}
        assert "postgresql-2" in left
        assert len(left) == 2
        assert "postgresql-1" not in left

    async def test_data_whose_folder_was_deleted_are_removed_by_a_later_start(self, folder: Path) -> None:
        async with embedded_postgres(folder):
            home = _home(folder)
        await _start_another(folder)
        shutil.rmtree(folder)
        await _start_another(folder)
        assert (home / "postgres" / "PG_VERSION").exists()
        _make_old(home)
        await _start_another(folder)
        assert not home.exists()

    async def test_data_stay_while_their_folder_is_deleted_but_served_from(self, folder: Path) -> None:
        run = await _serve(folder)
        home = _home(folder)
        shutil.rmtree(folder)
        _make_old(home)
        await _start_another(folder)
        assert (home / "postgres" / "postmaster.pid").exists()
        run.kill()
        await run.wait()
        await _start_another(folder)
        assert not home.exists()

    async def test_data_whose_folder_may_be_on_a_disk_that_is_not_there_stay(self, folder: Path) -> None:
        async with embedded_postgres(folder):
            home = _home(folder)
        (home / "mark").unlink()  # there is none where the data folder is on another file system
        shutil.rmtree(folder)
        _make_old(home)
        await _start_another(folder)
        assert (home / "postgres" / "PG_VERSION").exists()
        shutil.rmtree(home)

    async def test_a_data_folder_that_was_moved_has_its_data(self, folder: Path) -> None:
        run = await _serve(folder)
        run.terminate()
        await run.wait()
        moved = folder.with_name("moved")
        home = _home(folder)
        folder.rename(moved)
        _make_old(home)
        await _start_another(folder)
        async with embedded_postgres(moved, durable=False) as url:
            assert await _words(url) == ["committed"]

    async def test_a_copy_of_a_data_folder_is_refused(self, folder: Path) -> None:
        async with embedded_postgres(folder):
            pass
        copy = folder.with_name("copy")
        shutil.copytree(folder, copy, symlinks=True)
        with pytest.raises(EmbeddedError, match=f"copy is a copy of {folder}, and only that one has the data"):
            async with embedded_postgres(copy):
                pass

    async def test_throwaway_data_of_a_killed_run_are_removed_with_what_runs_on_them(self, folder: Path) -> None:
        run = await _serve(folder, "throwaway")
        home = _home(folder)
        server = int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(server, signal.SIGSTOP)  # too slow to notice that its parent is gone
        run.kill()
        await run.wait()
        assert home.exists()
        await _start_another(folder)
        assert not home.exists()
        assert not Path(f"/proc/{server}/cwd").exists()
