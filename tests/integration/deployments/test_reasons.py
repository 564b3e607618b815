"""The reason of a failed deployment says what to do where the program's own words do not."""

from pathlib import Path

from app.postgres import Sessions
from tests.integration.deployments.running import running_bench

# As Docker Engine 20.10 says it.
REFUSED = "error during container init: error setting rlimit type 7: operation not permitted: unknown"


async def test_limits_that_the_engine_may_not_raise(sessions: Sessions, tmp_path: Path) -> None:
    async with running_bench(sessions, tmp_path / "data") as bench:
        row = await bench.deploy(f"echo '{REFUSED}' >&2; false")
    assert row.failure_reason == (
        f"Step 1 failed: {REFUSED}. The Docker engine of this server may not raise its limits so far: ask for less, with "
        "`ulimits` in a Compose file or, for a database, with custom_docker_run_options such as --ulimit "
        "nofile=20000:20000 (open files) or --ulimit memlock=65536 (locked memory)."
    )
