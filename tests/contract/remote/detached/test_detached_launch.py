"""Launching: at most once, all of it or nothing, and what makes it refuse."""

import asyncio
import os
import random
import stat
from pathlib import Path

import pytest

from app.remote.command import Command
from app.remote.detached import Launched, RunState
from app.remote.errors import DiskFull, NotPermitted, Refused, RemoteError
from app.remote.host import Completed
from tests.contract.remote.detached.local_host import Gate, LocalHost, fill, marked, search_path
from tests.contract.remote.detached.runs import Run, Runs


async def test_twenty_simultaneous_launches_start_one(runs: Runs) -> None:
    run = runs.new()
    launched = await asyncio.gather(*(run.launch("echo started", deadline_seconds=60) for _ in range(20)))
    assert len({one.pid for one in launched}) == 1
    assert (await run.over()).exit_code == 0
    assert await run.read("stdout", 0, 1000) == b"started\n"


async def test_a_repeated_launch_answers_the_run_that_is_there(runs: Runs) -> None:
    run = runs.new()
    first = await run.launch("echo first; exit 3", deadline_seconds=60)
    await run.over()
    second = await run.launch("echo second", deadline_seconds=60)
    assert second.pid == first.pid
    assert second.uptime > first.uptime
    assert await run.read("stdout", 0, 1000) == b"first\n"


class CutHost(LocalHost):
    """Loses the connection when `limit` bytes were sent."""

    limit: int | None = None
    sent = 0

    async def run(self, command: Command | str, *, stdin: bytes = b"", timeout: float = 30) -> Completed:
        self.sent = len(stdin)
        return await super().run(command, stdin=stdin[: self.limit], timeout=timeout)


async def test_the_uptime_is_that_of_the_answer(runs: Runs) -> None:
    run = runs.new()
    await run.launch("exit 0", deadline_seconds=60)
    await run.over()
    before = uptime()
    launched = await run.launch("exit 0", deadline_seconds=60)
    assert before <= launched.uptime <= uptime()


def uptime() -> float:
    return float(Path("/proc/uptime").read_text().split()[0])


async def test_a_launch_cut_anywhere_runs_nothing(tools: str, runs: Runs) -> None:
    host = CutHost(tools)
    whole = runs.new(host=host)
    await whole.launch("exit 0", deadline_seconds=60)
    last_line = len(b"main; exit\n")
    for limit in (0, 100, host.sent // 3, host.sent // 2, host.sent * 9 // 10, host.sent - last_line):
        host.limit = limit
        cut = runs.new(host=host)
        with pytest.raises(RemoteError, match="did not run what it was sent"):
            await cut.launch("exit 0", deadline_seconds=60)
        assert runs.names == {whole.uuid}


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137)])
async def test_the_exit_code_is_recorded(runs: Runs, script: str, code: int) -> None:
    run = runs.new()
    await run.launch(script, deadline_seconds=60)
    state = await run.over()
    assert (state.kind, state.exit_code) == ("exited", code)


async def test_a_signal_to_the_supervisor_changes_nothing(runs: Runs) -> None:
    run = runs.new()
    await run.launch("echo ready; until [ -e go ]; do sleep 0.02; done; exit 9", deadline_seconds=60)
    await run.reach(b"ready")
    for number in (1, 15, 1, 15):
        os.kill(run.supervisor, number)
    (run.path / "go").touch()
    state = await run.over()
    assert (state.kind, state.exit_code) == ("exited", 9)


async def test_the_script_arrives_byte_by_byte(runs: Runs) -> None:
    noise = bytes(random.Random(1).choices(range(1, 256), k=300_000))
    lines = b"\nEOF\nend\n}\nmain; exit\n$(exit 3) `exit 3` '\" \\\n\\"
    text = b"exit 0\n" + bytes(range(1, 256)) + lines + noise + b"\n"
    run = runs.new()
    await run.launch(text.decode(errors="surrogateescape"), deadline_seconds=60)
    assert (run.path / "script").read_bytes() == text
    assert (await run.over()).exit_code == 0


async def test_a_script_with_a_nul_is_refused(runs: Runs) -> None:
    with pytest.raises(ValueError, match="NUL"):
        await runs.new().launch("echo a\0b", deadline_seconds=60)


async def test_the_script_leads_a_session_of_its_own_and_is_nobody_elses_business(runs: Runs) -> None:
    run = runs.new()
    script = "cut -d ' ' -f 5,6 /proc/$$/stat; readlink /proc/$$/fd/0; pwd; umask"
    launched = await run.launch(script, deadline_seconds=60)
    await run.over()
    printed = (await run.read("stdout", 0, 10_000)).decode().splitlines()
    assert printed == [f"{launched.pid} {launched.pid}", "/dev/null", str(run.path), "0077"]
    for folder in (run.path, runs.folder, runs.folder.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in run.names:
        assert stat.S_IMODE((run.path / name).stat().st_mode) == 0o600


async def test_another_live_run_of_the_resource_is_in_the_way(runs: Runs) -> None:
    first, second, other = runs.new(), runs.new(), runs.new()
    await first.launch("sleep 60", deadline_seconds=60, resource="database-1")
    await other.launch("exit 0", deadline_seconds=60, resource="database-2")
    with pytest.raises(Refused, match=first.uuid):
        await second.launch("exit 0", deadline_seconds=60, resource="database-1")
    assert not second.path.exists()
    os.kill(first.supervisor, 9)
    with pytest.raises(Refused, match=first.uuid):
        await second.launch("exit 0", deadline_seconds=60, resource="database-1")
    await first.cancel(grace_seconds=1)
    await second.launch("exit 4", deadline_seconds=60, resource="database-1")
    assert (await second.over()).exit_code == 4


async def test_of_simultaneous_runs_of_a_resource_one_starts_at_most(runs: Runs) -> None:
    several = [runs.new() for _ in range(6)]
    answers = await asyncio.gather(
        *(run.launch("sleep 60", deadline_seconds=60, resource="service-1") for run in several), return_exceptions=True
    )
    assert [answer for answer in answers if not isinstance(answer, Launched | Refused)] == []
    assert sum(isinstance(answer, Launched) for answer in answers) <= 1
    assert sum(len(marked(run.uuid)) > 0 for run in several) <= 1


async def test_launch_and_cancel_at_once_leave_nothing_alive(runs: Runs) -> None:
    for _ in range(5):
        run = runs.new()
        launched, state = await asyncio.gather(
            run.launch("sleep 60", deadline_seconds=60), run.cancel(grace_seconds=1), return_exceptions=True
        )
        assert isinstance(launched, Launched | Refused)
        assert getattr(state, "kind", state) == "cancelled"
        assert marked(run.uuid) == []
        with pytest.raises(Refused, match="cancelled"):
            await run.launch("sleep 60", deadline_seconds=60)


async def test_a_run_cancelled_before_its_supervisor_begins_never_does(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    run = Runs(LocalHost(search_path("dash", tools)), tmp_path / "runs").new()
    gate = Gate(tools, "setsid", "*./sup*")
    launching = asyncio.create_task(run.launch("sleep 60", deadline_seconds=60))
    await gate.reached()
    assert await run.cancel(grace_seconds=1) == RunState("cancelled", None, 0, 0)
    assert "script.ready" not in run.names
    gate.open()
    with pytest.raises(Refused, match="cancelled"):
        await launching
    assert marked(run.uuid) == []
    assert "script" not in run.names


async def test_a_run_cancelled_while_its_folder_is_made_never_begins(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    run = Runs(LocalHost(search_path("dash", tools)), tmp_path / "runs").new()
    gate = Gate(tools, "cat", "*")
    launching = asyncio.create_task(run.launch("sleep 60", deadline_seconds=60))
    await gate.reached()
    assert await run.cancel(grace_seconds=1) == RunState("cancelled")
    gate.open()
    with pytest.raises(Refused, match="cancelled"):
        await launching
    assert marked(run.uuid) == []
    assert (await run.state()).kind == "cancelled"


async def test_a_sleep_of_whole_seconds_is_enough(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    path = search_path("dash", tools)
    (tools / "sleep").write_text(
        '#!/bin/sh\necho "$1" >>"$0.log"\ncase $1 in *.*) exit 1 ;; esac\nexec /bin/sleep "$1"\n'
    )
    (tools / "sleep").chmod(0o755)
    run = Runs(LocalHost(path), tmp_path / "runs").new()
    await run.launch("exit 3", deadline_seconds=60)
    assert (await run.over()).exit_code == 3
    assert "1" in (tools / "sleep.log").read_text().split()


@pytest.mark.parametrize("room", [0, 4096, 3 * 4096, 5 * 4096])
async def test_a_launch_on_a_full_disk_leaves_nothing(host: LocalHost, small_disk: Path, room: int) -> None:
    runs = Runs(host, small_disk / "runs")
    runs.folder.mkdir()
    (small_disk / "spare").write_bytes(bytes(room))
    fill(small_disk / "filling")
    (small_disk / "spare").unlink()
    run = runs.new()
    script = "exit 5\n#" + "-" * 16_000
    with pytest.raises(DiskFull, match="make room"):
        await run.launch(script, deadline_seconds=60)
    assert runs.names == set()
    (small_disk / "filling").unlink()
    await run.launch(script, deadline_seconds=60)
    assert (await run.over()).exit_code == 5


async def test_a_disk_that_fills_up_before_the_supervisor_begins(tmp_path: Path, small_disk: Path) -> None:
    tools = tmp_path / "tools"
    run = Runs(LocalHost(search_path("dash", tools)), small_disk / "runs").new()
    gate = Gate(tools, "setsid", "*./sup*")
    launching = asyncio.create_task(run.launch("exit 5", deadline_seconds=60))
    await gate.reached()
    fill(small_disk / "filling")
    gate.open()
    await launching
    assert (await run.over()).exit_code == 5


async def test_a_disk_that_fills_up_keeps_neither_the_exit_code_nor_a_cancel_away(
    host: LocalHost, small_disk: Path
) -> None:
    runs = Runs(host, small_disk / "runs")
    run, cancelled = runs.new(), runs.new()
    await cancelled.launch("sleep 60", deadline_seconds=60)
    await run.launch(f"cat /dev/zero >'{small_disk}/filling'; echo lost; exit 6", deadline_seconds=60)
    state = await run.over()
    assert (state.kind, state.exit_code, state.stdout_size) == ("exited", 6, 0)
    assert (await cancelled.cancel(grace_seconds=1)).kind in {"cancelled", "exited"}
    assert marked(cancelled.uuid) == []


async def test_a_folder_that_the_user_may_not_make(tmp_path: Path) -> None:
    is_root = os.getuid() == 0
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    run = Run(LocalHost("/usr/bin:/bin", user=65534 if is_root else None), closed / "data" / "runs" / "r1", "r1")
    with pytest.raises(NotPermitted, match="may not write"):
        await run.launch("exit 0", deadline_seconds=60)


async def test_a_supervisor_that_cannot_start_is_told_at_once(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    path = search_path("dash", tools)
    (tools / "setsid").write_text("#!/bin/sh\necho no setsid today >&2\nexit 1\n")
    (tools / "setsid").chmod(0o755)
    run = Runs(LocalHost(path), tmp_path / "runs").new()
    with pytest.raises(RemoteError, match="could not be started on the server: no setsid today"):
        await run.launch("exit 0", deadline_seconds=60)
    assert "script.ready" not in run.names


async def test_a_server_without_setsid_is_told_what_to_install(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    path = search_path("busybox", tools)
    for name in ("sh", "setsid"):
        (tools / name).unlink()
    (tools / "sh").symlink_to("/bin/dash")  # busybox's own shell has setsid built in
    run = Runs(LocalHost(path), tmp_path / "runs").new()
    with pytest.raises(RemoteError, match=r"The server has no 'setsid': install util-linux or busybox there\."):
        await run.launch("exit 0", deadline_seconds=60)
    assert not run.path.exists()
