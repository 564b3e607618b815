"""`shiplog demo`: honest without Docker, and finished twice on the same data where all is there."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli import demo_databases
from app.databases.registry import DEFINITIONS
from tests.acceptance.traces import Traces
from tests.integration.cli.running import environment, remove, shiplog, start, up
from tests.rig.parts import Rig

UUID = r"[a-z0-9]{24}"
ROW = re.compile(rf"^ *(demo-web|demo-db) +({UUID}) +(\S+)", re.MULTILINE)
REAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data folder."""
    yield tmp_path / "data"
    remove(tmp_path / "data")


@pytest.fixture
def traces() -> Iterator[Traces]:
    """What the demo leaves on this machine, its server."""
    traces = Traces()
    yield traces
    traces.remove()


@pytest.fixture
def path_without_docker(tmp_path: Path) -> str:
    """A search path with every program of this machine but Docker."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in REAL_PATH.split(":"):
        for program in Path(place).glob("*"):
            link = folder / program.name
            if "docker" not in program.name and not link.is_symlink():
                link.symlink_to(program)
    return str(folder)


async def test_without_docker_it_says_so_first_and_shows_what_failed(
    data_dir: Path, traces: Traces, path_without_docker: str, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    env = environment() | {"PATH": path_without_docker, "HOME": str(tmp_path / "home")}

    code, out, err = await shiplog("demo", "--once", "--port", "0", "--data-dir", data_dir, env=env)

    traces.deployments |= set(re.findall(UUID, out))
    assert code == 1, err
    assert out.startswith("Docker is missing: install the Docker Engine with its Compose plugin")
    assert "Traceback" not in out + err
    for name in ("demo-web", "demo-db"):
        assert re.search(rf"^ *{name} +{UUID} +failed ", out, re.MULTILINE)
        assert re.search(rf"^{name} +\| Deployment failed: .*[Dd]ocker", out, re.MULTILINE)
    assert len(re.findall(rf"^{UUID}: .*[Dd]ocker", out, re.MULTILINE)) == 2


@pytest.mark.docker
async def test_both_deployments_finish_and_the_next_start_goes_on_with_the_same_data(
    rig: Rig, data_dir: Path, traces: Traces, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    env = environment(
        SHIPLOG_DEMO_SERVICE_IMAGE=rig.images["web-1"], SHIPLOG_DEMO_POSTGRES_IMAGE=rig.images["postgres"]
    )
    env |= {"PATH": REAL_PATH, "HOME": str(tmp_path / "home")}
    arguments = ("demo", "--once", "--port", "0", "--data-dir", data_dir)

    code, out, err = await shiplog(*arguments, env=env)
    traces.deployments |= set(re.findall(UUID, out))
    assert (code, err.count("Traceback")) == (0, 0), out + err
    assert "Docker" not in out.splitlines()[0]
    first = ROW.findall(out)
    assert [(name, status) for name, _, status in first] == [("demo-web", "finished"), ("demo-db", "finished")]

    env["SHIPLOG_DEMO_SERVICE_IMAGE"] = rig.images["web-2"]
    code, out, err = await shiplog(*arguments, env=env)
    traces.deployments |= set(re.findall(UUID, out))
    assert code == 0, out + err
    second = ROW.findall(out)
    assert [name for name, _, _ in second] == ["demo-web", "demo-web", "demo-db", "demo-db"]
    assert [second[1], second[3]] == first
    assert {status for _, _, status in second} == {"finished"}

    serving = await up("--port", "0", "--data-dir", data_dir, env=env)
    try:
        (service,) = (await serving.request("GET", "/services")).json()
        (database,) = (await serving.request("GET", "/databases")).json()
        traces.resources |= {service["uuid"], database["uuid"]}
        assert rig.images["web-2"] in service["docker_compose_raw"]
        assert database["status"] == "running:healthy"
        for path in ("/servers", "/security/keys", "/projects"):
            assert len((await serving.request("GET", path)).json()) == 1
    finally:
        await serving.stop()


@pytest.mark.docker
async def test_with_all_what_cannot_be_pulled_is_named_and_passed_over(
    rig: Rig, data_dir: Path, traces: Traces, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    missing = f"{rig.registry}/missing:1"
    slugs = sorted(definition.slug for definition in DEFINITIONS.values())
    env = environment(**{demo_databases.variable(slug): missing for slug in slugs})
    env |= {"SHIPLOG_DEMO_SERVICE_IMAGE": rig.images["web-1"], "SHIPLOG_DEMO_KEYDB_IMAGE": rig.images["keydb"]}
    env |= {"PATH": REAL_PATH, "HOME": str(tmp_path / "home")}

    code, out, err = await shiplog("demo", "--once", "--all", "--port", "0", "--data-dir", data_dir, env=env)

    traces.deployments |= set(re.findall(UUID, out))
    traces.resources |= set(re.findall(rf"--project-name ({UUID})", out))
    assert (code, err.count("Traceback")) == (0, 0), out + err
    statuses = dict(re.findall(rf"^ *(demo-\w+) +{UUID} +(\S+)", out, re.MULTILINE))
    names = {slug: "demo-db" if slug == "postgresql" else f"demo-{slug}" for slug in slugs}
    assert statuses.keys() == {"demo-web", *names.values()}
    assert {name for name, status in statuses.items() if status == "finished"} == {"demo-web", "demo-keydb"}
    for slug in {*slugs} - {"keydb"}:
        variable = demo_databases.variable(slug)
        assert f"{names[slug]}: {missing} cannot be pulled; {variable} names another image." in out


async def test_it_serves_until_ctrl_c(data_dir: Path, traces: Traces, path_without_docker: str, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    env = environment() | {"PATH": path_without_docker, "HOME": str(tmp_path / "home")}
    process = await start("demo", "--port", "0", "--data-dir", data_dir, env=env)
    assert process.stdout is not None
    shown = ""
    async for line in process.stdout:
        shown += line.decode()
        if line.startswith(b"Ctrl-C"):
            break
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 0
    traces.deployments |= set(re.findall(UUID, shown))

    assert (data_dir / "token").read_text() in shown
    assert f"http://127.0.0.1:{(data_dir / 'api.port').read_text().strip()}/docs" in shown
