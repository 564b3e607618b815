"""What a deployment's log says about a configuration that was changed since the last one."""

from pathlib import Path

from app.models import Service
from app.postgres import Sessions
from tests.integration.deployments.running import running_bench


async def test_the_log_names_what_changed_since_the_last_finished_deployment(
    sessions: Sessions, tmp_path: Path
) -> None:
    async with running_bench(sessions, tmp_path / "data") as bench:
        await bench.deploy("true")
        async with sessions.begin() as session:
            service = await session.get_one(Service, bench.service.id)
            service.docker_compose_raw += "# changed\n"
            service.connect_to_docker_network = True
        failed = await bench.deploy("false")
        finished = await bench.deploy("true")
        unchanged = await bench.deploy("true")
        changes = [(await bench.outputs(row))[1] for row in (failed, finished, unchanged)]
    note = (
        "Changed since the last finished deployment, in force from this start: "
        "docker_compose_raw, connect_to_docker_network."
    )
    assert changes == [note, note, "Step 1"]
