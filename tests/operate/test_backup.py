"""A backup taken while it works, restored somewhere else: everything is there, and what ran is followed to its end."""

import asyncio
import stat
import tarfile
from pathlib import Path

from sqlalchemy import make_url

from app.embedded.postgres import program
from app.models.deployment_status import DeploymentStatus
from app.postgres import Sessions, create_engine, create_sessions
from app.settings import Settings
from tests.fixtures.postgres import PostgresServer
from tests.integration.cli.running import shiplog, up
from tests.integration.deployments.running import SECRET, running_bench

SCRIPT = """
for number in 1 2 3 4 5 6 7 8 9; do echo "line $number"; done
while ! [ -e FOLDER/go ]; do sleep 0.05; done
echo SECRET
echo "the end"
"""


async def test_a_deployment_that_ran_during_the_backup_is_followed_from_the_restored_database(
    sessions: Sessions, postgres_url: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    async with running_bench(sessions, tmp_path) as bench:
        script = SCRIPT.replace("FOLDER", str(tmp_path)).replace("SECRET", SECRET)
        row = await bench.abandon(script, after="line 4")  # the worker is gone, as is its machine
        name = await postgres_server.create_database()
        url = postgres_server.url_of(name)
        dump = tmp_path / "shiplog.dump"
        await _postgres("pg_dump", postgres_url, "--format=custom", f"--file={dump}")
        await _postgres("pg_restore", url, "--single-transaction", "--exit-on-error", "--no-owner", dump)
        (tmp_path / "go").touch()

        engine = create_engine(Settings(database_url=url))
        bench.sessions = create_sessions(engine)
        try:
            await bench.run(await bench.take_over(script))
            ended = await bench.row(row)
            outputs = await bench.outputs(row, "stdout")
            again = await bench.deploy("echo once more")
        finally:
            await engine.dispose()
            await postgres_server.drop_database(name)

    assert ended.status == DeploymentStatus.FINISHED
    wanted = [*(f"line {number}" for number in range(1, 10)), "<REDACTED>", "the end"]
    assert [line for line in outputs if line in wanted] == wanted
    assert again.status == DeploymentStatus.FINISHED


async def test_a_data_folder_is_one_file_and_comes_back(tmp_path: Path) -> None:
    first, second, file = tmp_path / "first", tmp_path / "second", tmp_path / "backup.tar"
    assert (await shiplog("backup", file, "--data-dir", first))[0] == 1  # nothing serves
    serving = await up("--port", "0", "--data-dir", first)
    created = await serving.request("POST", "/projects", {"name": "kept"})
    code, out, err = await shiplog("backup", file, "--data-dir", first)
    await serving.stop()

    assert (created.status_code, code, err) == (201, 0, "")
    assert out.startswith(f"{file} has everything")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []

    code, out, err = await shiplog("restore", file, "--data-dir", second)
    assert (code, out, err) == (0, f"Restored to {second}. Start it: shiplog up --data-dir {second}\n", "")
    restored = await up("--port", "0", "--data-dir", second)
    projects = (await restored.request("GET", "/projects")).json()
    token = restored.ready["token"]
    await restored.stop()
    assert [project["name"] for project in projects] == ["kept"]
    assert token == serving.ready["token"]

    code, _, err = await shiplog("restore", file, "--data-dir", second)
    assert (code, err) == (
        1,
        f"shiplog: {second} holds an installation already: choose a new folder with --data-dir.\n",
    )


async def test_what_is_no_backup_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    other = tmp_path / "other.tar"
    with tarfile.open(other, "w") as tar:
        tar.add(__file__, "../escaped")
    (tmp_path / "text").write_text("no archive")
    for name in ("other.tar", "text", "missing"):
        code, out, err = await shiplog("restore", tmp_path / name, "--data-dir", tmp_path / "new")
        assert (code, out) == (1, "")
        assert err.startswith("shiplog: ")
        assert err.count("\n") == 1
    assert not (tmp_path / "new").exists()


async def _postgres(name: str, url: str, *arguments: str | Path) -> None:
    database = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    process = await asyncio.create_subprocess_exec(program(name), f"--dbname={database}", *map(str, arguments))
    assert await process.wait() == 0
