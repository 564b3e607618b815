"""One deployment from its claim to its settled end, over real SSH, with scripts that do what real ones do."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select, text, update

from app.deployments import launching, recording
from app.deployments.tidying import tidy_runs
from app.kit import encryption
from app.kit.clock import utcnow
from app.kit.redaction import REDACTED
from app.models import EnvironmentVariable, PrivateKey, Server
from app.postgres import Sessions
from app.remote.errors import Lost
from app.remote.host import Address, Completed
from app.remote.keys import generate_private_key, read_private_key
from app.remote.ssh import SshHostPool
from app.servers.repository import load_access
from tests.integration.deployments.running import SECRET, Bench, running_bench
from tests.programs import write_program


@pytest_asyncio.fixture
async def bench(sessions: Sessions, tmp_path: Path) -> AsyncIterator[Bench]:
    async with running_bench(sessions, tmp_path / "data") as one:
        yield one


async def test_a_deployment_runs_step_by_step_and_its_log_says_so(bench: Bench) -> None:
    row = await bench.deploy("echo one; echo two >&2", "echo three")
    assert (row.status, row.exit_code, row.failure_reason) == ("finished", 0, None)
    assert await bench.outputs(row) == [
        f"Deploying {bench.service.name} to server.",
        "Step 1",
        *sorted(["one", "two"], key=(await bench.outputs(row)).index),  # two streams of one step
        "Step 2",
        "three",
        "Deployment finished.",
    ]
    entries = await bench.log(row)
    opening = next(entry for entry in entries if entry.get("name") == "Step 2")
    assert (opening["command"], opening["batch"]) == ("sh step2", 2)
    assert [step["exit_code"] for step in row.steps] == [0, 0]
    assert [(step["first_order"], step["last_order"]) for step in row.steps] == [(2, 4), (5, 6)]
    assert row.started_at is not None
    assert row.finished_at is not None
    assert row.started_at < row.finished_at


async def test_a_failing_step_is_the_reason_and_the_next_one_is_not_begun(bench: Bench) -> None:
    row = await bench.deploy("echo fine", "echo 'no such image' >&2; false", "echo never")
    assert (row.status, row.exit_code) == ("failed", 1)
    assert row.failure_reason == "Step 2 failed: no such image"
    outputs = await bench.outputs(row)
    assert outputs[-1] == f"Deployment failed: {row.failure_reason}"
    assert "never" not in outputs
    assert [step["exit_code"] for step in row.steps] == [0, 1, None]


async def test_secrets_are_redacted_before_anything_is_stored(bench: Bench) -> None:
    script = f"echo 'the key is {SECRET}'; echo 'https://me:{SECRET}@example.com' >&2; echo '{SECRET}' >&2; exit 3"
    row = await bench.deploy(script)
    assert f"the key is {REDACTED}" in await bench.outputs(row)
    assert row.failure_reason == f"Step 1 failed: {REDACTED}"
    async with bench.sessions() as session:
        for table in ("service_deployment_queues", "service_deployment_log_slices", "outbox_events"):
            rows = (await session.execute(text(f"SELECT {table}::text FROM {table}"))).scalars().all()
            assert not [one for one in rows if SECRET in one], table


async def test_a_variable_whose_name_says_secret_is_redacted_or_the_log_says_why_not(bench: Bench) -> None:
    async with bench.sessions.begin() as session:
        for key, value in {"API_TOKEN": "not-locked-1", "SHORT_PASSWORD": "abc", "HUSH": "quiet-1"}.items():
            session.add(
                EnvironmentVariable(
                    resource_type=bench.service.resource_type,
                    resource_id=bench.service.id,
                    team_id=bench.place.team.id,
                    key=key,
                    value=value,
                )
            )
    script = "echo 'not-locked-1 abc quiet-1'"
    note = "The variable SHORT_PASSWORD cannot be masked in this log: it has fewer than 6 characters."
    outputs = await bench.outputs(await bench.deploy(script))
    assert f"{REDACTED} abc quiet-1" in outputs
    assert [entry for entry in outputs if "cannot be masked" in entry] == [note]
    outputs = await bench.outputs(await bench.deploy(script, secret_name_pattern="^HUSH$"))
    assert f"not-locked-1 abc {REDACTED}" in outputs
    assert [entry for entry in outputs if "cannot be masked" in entry] == []


async def test_the_run_folder_is_emptied_when_the_log_is_ours(bench: Bench) -> None:
    row = await bench.deploy(f"echo {SECRET}")
    left = [path.name for path in bench.run_folder(row).iterdir()]
    assert left == ["sealed"]
    assert [path.name for path in (bench.folder / "runs").iterdir()] == [row.deployment_uuid]


async def test_a_long_log_is_stored_line_by_line_in_order(bench: Bench) -> None:
    row = await bench.deploy("seq 1 20000; seq 1 5000 >&2")
    assert [line for line in await bench.outputs(row, "stdout") if line.isdecimal()] == [
        str(number) for number in range(1, 20001)
    ]
    assert [line for line in await bench.outputs(row, "stderr") if line.isdecimal()] == [
        str(number) for number in range(1, 5001)
    ]


async def test_output_past_the_cap_is_counted_and_the_script_goes_on(bench: Bench) -> None:
    row = await bench.deploy("seq 1 5000; echo end >&2", log_cap_bytes=50_000)
    assert row.status == "finished"
    assert 0 < row.log_bytes < 50_000 + 3 * 500  # what says how it ended is stored whatever the cap
    assert row.dropped_bytes > 0
    (note,) = [line for line in await bench.outputs(row) if "left out" in line]
    assert note == f"{row.dropped_bytes} bytes of output were left out: the log is capped at 50000 bytes."


async def test_a_second_worker_goes_on_at_the_exact_byte(bench: Bench) -> None:
    script = "seq 1 3000; echo half; while [ ! -e go ]; do sleep 0.05; done; seq 3001 6000"
    row = await bench.ask()
    go = bench.folder / "services" / "test"
    script = script.replace("-e go", f"-e {go}/go")
    first = asyncio.create_task(bench.run(await bench.claim(script)))
    await bench.until_logged(row, "half")
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    claimed = await bench.take_over(script)
    go.mkdir(parents=True, exist_ok=True)
    (go / "go").touch()
    await bench.run(claimed)
    assert (await bench.row(row)).status == "finished"
    numbers = [line for line in await bench.outputs(row, "stdout") if line.isdecimal()]
    assert numbers == [str(number) for number in range(1, 6001)]


async def test_a_run_that_ends_while_nobody_looks_is_read_to_its_end_and_not_run_again(bench: Bench) -> None:
    script = f"echo began; echo x >>{bench.folder}/count; sleep 0.3; seq 1 500; exit 7"
    row = await bench.abandon(script, after="began")
    async with asyncio.timeout(20):
        while not list(bench.run_folder(row).glob("exit.7.*")):
            await asyncio.sleep(0.02)
    await bench.run(await bench.take_over(script))
    row = await bench.row(row)
    assert (row.status, row.exit_code) == ("failed", 7)
    assert [line for line in await bench.outputs(row, "stdout") if line.isdecimal()][-1] == "500"
    assert (bench.folder / "count").read_text() == "x\n"


async def test_a_launch_that_two_workers_try_starts_once(bench: Bench) -> None:
    script = f"echo x >>{bench.folder}/count; echo once"
    row = await bench.ask()
    claimed = await bench.claim(script)
    await asyncio.gather(bench.run(claimed), bench.run(claimed), bench.run(claimed))
    assert (await bench.row(row)).status == "finished"
    assert (bench.folder / "count").read_text() == "x\n"
    assert (await bench.outputs(row)).count("once") == 1


async def test_a_vanished_run_folder_is_a_reason(bench: Bench) -> None:
    row = await bench.abandon("echo began; sleep 30", after="began")
    for path in bench.run_folder(row).iterdir():
        path.unlink()
    bench.run_folder(row).rmdir()
    await bench.run(await bench.take_over("echo began; sleep 30"))
    row = await bench.row(row)
    assert row.status == "failed"
    assert row.failure_reason == "The worker was lost and the run's folder is gone from server."
    end_processes(row.deployment_uuid)


async def test_the_deadline_ends_the_run_and_says_so(bench: Bench) -> None:
    async with bench.sessions.begin() as session:
        await session.execute(text("UPDATE server_settings SET deployment_timeout = 1"))
    row = await bench.deploy("echo began; sleep 60; echo never")
    assert row.status == "failed"
    assert row.failure_reason == "Deadline of 1 s exceeded; what still ran was killed."
    assert "never" not in await bench.outputs(row)


async def test_a_deployment_can_have_a_deadline_of_its_own(bench: Bench) -> None:
    row = await bench.ask(deployment_timeout=1)
    await bench.run(await bench.claim("echo began; sleep 60"))
    row = await bench.row(row)
    assert row.failure_reason == "Deadline of 1 s exceeded; what still ran was killed."


async def test_a_script_that_is_silent_for_too_long_is_ended(bench: Bench) -> None:
    row = await bench.ask(no_output_timeout=1)
    await bench.run(await bench.claim("for i in 1 2 3; do echo $i; sleep 0.5; done; sleep 60; echo never"))
    row = await bench.row(row)
    assert (row.status, row.failure_reason) == ("failed", "No output for 1 s; what still ran was killed.")
    outputs = await bench.outputs(row)
    assert "3" in outputs
    assert "never" not in outputs


async def test_what_was_printed_while_nobody_looked_has_the_time_it_was_printed_at(bench: Bench) -> None:
    script = "echo a; sleep 1; echo b; sleep 1; echo c"
    row = await bench.abandon(script, after="a")
    async with asyncio.timeout(20):
        while not list(bench.run_folder(row).glob("exit.0.*")):
            await asyncio.sleep(0.02)
    await bench.run(await bench.take_over(script))
    moments = {
        entry["output"]: datetime.fromisoformat(entry["timestamp"]) for entry in await bench.log(row) if entry["output"]
    }
    assert 0.5 < (moments["c"] - moments["b"]).total_seconds() < 1.5  # a second, and two notes 0.2 s apart


async def test_a_flood_of_output_is_given_back_to_the_disk_while_it_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.deployments.following.GIVE_BACK_BYTES", 1024 * 1024)
    row = await bench.ask()
    go = bench.folder.parent / "go"
    script = f"seq 1 700000; echo half; until [ -e {go} ]; do sleep 0.05; done; seq 700001 700100"
    running = asyncio.create_task(bench.run(await bench.claim(script), log_cap_bytes=1_000_000))
    spool = bench.run_folder(row) / "out"
    async with asyncio.timeout(60):
        while not (spool.exists() and spool.stat().st_size > 4_000_000 and spool.stat().st_blocks * 512 < 2_000_000):
            assert not running.done()
            await asyncio.sleep(0.05)
    go.touch()
    await running
    row = await bench.row(row)
    assert (row.status, row.failure_reason) == ("finished", None)
    assert row.stdout_offset > 4_700_000


async def test_what_a_worker_could_not_remove_is_removed_by_the_next_look(bench: Bench) -> None:
    row = await bench.abandon("echo began; sleep 60", after="began")

    async def tidy() -> int:
        async with bench.sessions() as session:
            access = await load_access(session, bench.place.server.id)
        assert access is not None
        return await tidy_runs(bench.sessions, await bench.hosts.get(access.address), access, settled_seconds=0)

    assert await tidy() == 0  # it runs
    assert marked_processes(row.deployment_uuid) != []
    async with bench.sessions.begin() as session:
        await session.execute(text("UPDATE service_deployment_queues SET status = 'failed', lease_owner = NULL"))
    assert await tidy() == 1
    assert marked_processes(row.deployment_uuid) == []
    assert [path.name for path in bench.run_folder(row).iterdir()] == ["sealed"]
    assert await tidy() == 0


async def test_nobody_answers_at_the_address(bench: Bench) -> None:
    async with bench.sessions.begin() as session:
        await session.execute(update(Server).values(port=1))
    row = await bench.deploy("echo never")
    assert row.status == "failed"
    assert row.failure_reason is not None
    assert "127.0.0.1:1" in row.failure_reason
    assert (await bench.outputs(row))[-1] == f"Deployment failed: {row.failure_reason}"


async def test_a_changed_host_key_stops_the_deployment(bench: Bench) -> None:
    async with bench.sessions.begin() as session:
        other = read_private_key(generate_private_key()).public_key
        await session.execute(update(Server).values(host_key=other))
    row = await bench.deploy("echo never")
    assert row.status == "failed"
    assert row.failure_reason is not None
    assert row.failure_reason.startswith("The server's host key has changed: expected SHA256:")


async def test_a_host_key_that_changes_in_the_middle_is_not_tried_again(bench: Bench) -> None:
    row = await bench.ask()
    hosts = SshHostPool()
    claimed = await bench.claim("echo began; sleep 2")
    running = asyncio.create_task(bench.runner(hosts).run(claimed, asyncio.Event()))
    await bench.until_logged(row, "began")
    async with bench.sessions.begin() as session:
        other = read_private_key(generate_private_key()).public_key
        await session.execute(update(Server).values(host_key=other))
    await hosts.close()
    await running
    await hosts.close()
    row = await bench.row(row)
    assert row.status == "failed"
    assert row.failure_reason is not None
    assert row.failure_reason.startswith("The run goes on unseen: The server's host key has changed")


async def test_a_script_that_is_killed_by_a_signal_is_named_so(bench: Bench) -> None:
    row = await bench.deploy("sh -c 'kill -9 $$'")
    assert (row.status, row.exit_code) == ("failed", 137)
    assert row.failure_reason is not None
    assert row.failure_reason.startswith("Step 1 failed (killed by SIGKILL): ")


async def test_exit_code_255_is_an_exit_code_like_any_other(bench: Bench) -> None:
    row = await bench.deploy("exit 255")
    assert (row.status, row.exit_code) == ("failed", 255)
    assert row.failure_reason == "Step 1 failed with exit code 255."


async def test_the_servers_own_private_key_is_redacted_line_by_line(bench: Bench) -> None:
    async with bench.sessions() as session:
        key = (await session.execute(select(PrivateKey.private_key))).scalar_one()
    (bench.folder.parent / "key").write_text(key)
    row = await bench.deploy(f"cat {bench.folder.parent}/key; base64 -w0 {bench.folder.parent}/key; echo; exit 1")
    outputs = "\n".join(await bench.outputs(row))
    for line in key.splitlines():
        assert line not in outputs
    assert key.splitlines()[1][:40] not in outputs


async def test_a_private_key_nobody_can_decrypt_is_a_reason(bench: Bench) -> None:
    row = await bench.ask()
    claimed = await bench.claim("echo never")
    async with bench.sessions.begin() as session:
        await session.execute(text("UPDATE private_keys SET private_key = 'f00:gone'"))
    await bench.run(claimed)
    row = await bench.row(row)
    assert row.failure_reason is not None
    assert row.failure_reason.startswith("The server's private key cannot be read.")


async def test_a_refused_key_is_the_reason(bench: Bench) -> None:
    async with bench.sessions.begin() as session:
        await session.execute(update(PrivateKey).values(private_key=generate_private_key()))
    row = await bench.deploy("echo never")
    assert row.status == "failed"
    assert row.failure_reason is not None
    assert "does not accept the private key" in row.failure_reason


async def test_a_snapshot_nobody_can_decrypt_fails_and_stores_nothing_else(bench: Bench) -> None:
    row = await bench.ask()
    claimed = await bench.claim("echo never")
    encryption.install(encryption.Keyring([encryption.new_key()]))
    await bench.run(claimed)
    async with bench.sessions() as session:
        status, reason = (
            await session.execute(text("SELECT status, failure_reason FROM service_deployment_queues"))
        ).one()
    assert status == "failed"
    assert "encryption key" in reason
    assert not bench.run_folder(row).exists()


async def test_the_next_deployment_of_a_resource_waits_until_the_run_of_the_last_one_is_gone(bench: Bench) -> None:
    """A run whose row was settled by force is still alive on the server: the next one refuses to start beside it."""
    row = await bench.abandon("echo began; sleep 60", after="began")
    async with bench.sessions.begin() as session:
        await session.execute(text("UPDATE service_deployment_queues SET status = 'failed'"))
    second = await bench.deploy("echo never")
    assert second.status == "failed"
    assert second.failure_reason is not None
    assert "still alive on the server" in second.failure_reason
    end_processes(row.deployment_uuid)


async def test_a_cancel_kills_the_whole_tree_and_keeps_what_was_logged(bench: Bench) -> None:
    row = await bench.ask()
    script = "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 61' & sh -c 'sleep 61' & echo began; sleep 61"
    cancel = asyncio.Event()
    running = asyncio.create_task(bench.run(await bench.claim(script), cancel))
    await bench.until_logged(row, "began")
    async with bench.sessions.begin() as session:
        await session.execute(text("UPDATE service_deployment_queues SET cancel_requested_at = now()"))
    cancel.set()
    await running
    row = await bench.row(row)
    assert (row.status, row.failure_reason) == ("cancelled-by-user", None)
    outputs = await bench.outputs(row)
    assert "began" in outputs
    assert outputs[-1] == "Deployment cancelled by user."
    assert marked_processes(row.deployment_uuid) == []


async def test_a_cancel_before_the_launch_starts_nothing(bench: Bench) -> None:
    row = await bench.ask()
    claimed = await bench.claim(f"touch {bench.folder}/ran")
    async with bench.sessions.begin() as session:
        await session.execute(text("UPDATE service_deployment_queues SET cancel_requested_at = now()"))
    await bench.run(claimed)
    assert (await bench.row(row)).status == "cancelled-by-user"
    assert not (bench.folder / "ran").exists()


async def test_a_cancel_in_the_middle_of_a_launch_keeps_it_from_ever_starting(bench: Bench) -> None:
    row = await bench.ask()
    script = f"touch {bench.folder}/ran"
    stalled = await bench.claim(script)
    async with bench.sessions.begin() as session:
        statement = "UPDATE service_deployment_queues SET cancel_requested_at = now(), phase = 'launching'"
        await session.execute(text(statement))
    await bench.run(await bench.take_over(script))
    await bench.run(stalled)  # the worker that was away all the time goes on with its launch
    assert (await bench.row(row)).status == "cancelled-by-user"
    assert not (bench.folder / "ran").exists()


async def test_a_cancel_that_comes_after_the_end_keeps_the_real_status(bench: Bench) -> None:
    row = await bench.abandon("echo done; exit 0", after="done")
    async with asyncio.timeout(20):
        while not list(bench.run_folder(row).glob("exit.0.*")):
            await asyncio.sleep(0.02)
    async with bench.sessions.begin() as session:
        await session.execute(text("UPDATE service_deployment_queues SET cancel_requested_at = now()"))
    await bench.run(await bench.take_over("echo done; exit 0"))
    row = await bench.row(row)
    assert row.status == "finished"
    assert (await bench.outputs(row))[-2:] == [
        "A cancel was asked for, but the deployment had already ended.",
        "Deployment finished.",
    ]


async def test_a_cancel_while_nobody_answers_is_no_failure(bench: Bench) -> None:
    row = await bench.ask()
    claimed = await bench.claim("echo never")
    async with bench.sessions.begin() as session:
        await session.execute(update(Server).values(port=1))
    running = asyncio.create_task(bench.run(claimed))
    async with bench.sessions.begin() as session:
        await session.execute(text("UPDATE service_deployment_queues SET cancel_requested_at = now()"))
    await running
    row = await bench.row(row)
    assert (row.status, row.failure_reason) == ("cancelled-by-user", None)
    assert (await bench.outputs(row))[-1] == "Deployment cancelled by user."


class Deaf:
    """The servers of a pool, of whose first launch the answer is lost; `then` is called with it."""

    def __init__(self, hosts: SshHostPool, then: Callable[[], None]) -> None:
        self._hosts = hosts
        self._then: Callable[[], None] | None = then

    async def get(self, address: Address) -> Any:
        """Connect."""
        self._host = await self._hosts.get(address)
        return self

    async def close(self) -> None:
        """Break the links."""
        await self._hosts.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)

    async def run(self, command: str, *, stdin: bytes = b"", timeout: float = 30) -> Completed:
        """Run a command, and do not hear how it went when it is the launch."""
        completed = await self._host.run(command, stdin=stdin, timeout=timeout)
        if self._then is not None and b"supervisor_text()" in stdin:
            then, self._then = self._then, None
            then()
            raise Lost("The answer is lost.")
        return completed


async def test_a_cancel_between_a_launch_and_its_lost_answer_ends_what_was_launched(bench: Bench) -> None:
    row = await bench.ask()
    claimed = await bench.claim("echo began; sleep 61")
    cancel = asyncio.Event()
    await bench.runner(Deaf(bench.hosts, cancel.set)).run(claimed, cancel)
    row = await bench.row(row)
    assert row.status == "cancelled-by-user"
    assert marked_processes(row.deployment_uuid) == []
    assert (await bench.outputs(row))[-1] == "Deployment cancelled by user."


async def test_a_launch_whose_answer_is_lost_is_asked_again_and_started_once(bench: Bench) -> None:
    row = await bench.ask()
    claimed = await bench.claim(f"echo x >>{bench.folder}/count; echo once")
    await bench.runner(Deaf(bench.hosts, lambda: None)).run(claimed, asyncio.Event())
    assert (await bench.row(row)).status == "finished"
    assert (await bench.outputs(row)).count("once") == 1
    assert (bench.folder / "count").read_text() == "x\n"


async def test_a_worker_whose_clock_jumps_by_a_day_keeps_the_deadline_and_the_order_of_times(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"sed -n 's/^deadline=/deadline /p' {bench.folder}/runs/*/sup; echo last"
    monkeypatch.setattr(launching, "utcnow", lambda: utcnow() + timedelta(days=1))
    monkeypatch.setattr(recording, "utcnow", lambda: utcnow() + timedelta(days=1))
    row = await bench.deploy(script)
    assert row.status == "finished"
    (deadline,) = (line.split()[1] for line in await bench.outputs(row, "stdout") if line.startswith("deadline "))
    assert 3500 < int(deadline.strip("'")) <= 3600
    stamps = [entry["timestamp"] for entry in await bench.log(row)]
    assert stamps == sorted(stamps)  # our own last entry is written with the clock set right again


async def test_a_cancel_breaks_an_upload_off(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def never_ends(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("app.remote.ssh.SshHost.write_files", never_ends)
    row = await bench.ask()
    cancel = asyncio.Event()
    running = asyncio.create_task(bench.run(await bench.claim(f"touch {bench.folder}/ran"), cancel))
    await begun.wait()
    async with bench.sessions.begin() as session:
        await session.execute(text("UPDATE service_deployment_queues SET cancel_requested_at = now()"))
    cancel.set()
    await running
    assert (await bench.row(row)).status == "cancelled-by-user"
    assert not (bench.folder / "ran").exists()


@pytest.mark.parametrize("ends", ["by itself", "by the cancel"])
async def test_a_cancel_whose_launch_was_never_confirmed_keeps_log_and_end(bench: Bench, ends: str) -> None:
    """The worker was killed between the launch and its note that the script had been started."""
    script = "echo done; exit 7" if ends == "by itself" else "echo done; sleep 60"
    row = await bench.abandon(script, after="done")
    async with asyncio.timeout(20):
        while ends == "by itself" and not list(bench.run_folder(row).glob("exit.7.*")):
            await asyncio.sleep(0.02)
    async with bench.sessions.begin() as session:
        await session.execute(text("DELETE FROM service_deployment_log_slices WHERE first_order > 1"))
        await session.execute(
            text(
                "UPDATE service_deployment_queues SET phase = 'launching', step = 0, stdout_offset = 0, "
                "stderr_offset = 0, log_count = 1, run_clock = NULL, cancel_requested_at = now()"
            )
        )
    await bench.run(await bench.take_over(script))
    row = await bench.row(row)
    assert (row.status, row.exit_code) == (("failed", 7) if ends == "by itself" else ("cancelled-by-user", 143))
    assert "done" in await bench.outputs(row)


async def test_the_link_is_cut_in_mid_stream_and_the_log_has_every_line(bench: Bench) -> None:
    row = await bench.ask()
    hosts = SshHostPool()
    script = "i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo $i; echo e$i >&2; sleep 0.005; done"
    running = asyncio.create_task(bench.runner(hosts).run(await bench.claim(script), asyncio.Event()))
    for number in (20, 120, 220):
        await bench.until_logged(row, str(number))
        await hosts.close()
    await running
    await hosts.close()
    assert (await bench.row(row)).status == "finished"
    assert [line for line in await bench.outputs(row, "stdout") if line.isdecimal()] == [
        str(number) for number in range(1, 301)
    ]
    errors = [line for line in await bench.outputs(row, "stderr") if line.startswith("e")]
    assert errors == [f"e{number}" for number in range(1, 301)]


async def test_times_do_not_go_back_when_another_worker_goes_on(bench: Bench) -> None:
    script = "echo began; i=0; while [ $i -lt 20 ]; do i=$((i+1)); echo $i; sleep 0.03; done"
    row = await bench.abandon(script, after="5")
    async with bench.sessions.begin() as session:
        # As a worker whose clock is ahead would have written it.
        ahead = "regexp_replace(entries, '\"timestamp\":\"[0-9]{4}', '\"timestamp\":\"2126', 'g')"
        await session.execute(text(f"UPDATE service_deployment_log_slices SET entries = {ahead}"))
    await bench.run(await bench.take_over(script))
    stamps = [entry["timestamp"] for entry in await bench.log(row) if entry["output"] != "Deployment finished."]
    assert stamps == sorted(stamps)
    assert stamps[-1].startswith("2126")


async def test_own_entries_and_lines_carry_times_that_never_go_back(bench: Bench) -> None:
    row = await bench.deploy("echo a; sleep 0.3; echo b", "echo c")
    stamps = [entry["timestamp"] for entry in await bench.log(row)]
    assert stamps == sorted(stamps)


async def test_a_script_that_prints_nothing_has_a_log_of_its_step_alone(bench: Bench) -> None:
    row = await bench.deploy(":")
    assert (row.status, row.exit_code) == ("finished", 0)
    assert await bench.outputs(row) == [f"Deploying {bench.service.name} to server.", "Step 1", "Deployment finished."]
    assert (row.stdout_offset, row.stderr_offset) != (0, 0)  # the marker of the step is no line


async def test_a_server_whose_clock_is_wrong_by_a_day_changes_no_time(sessions: Sessions, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    write_program(tmp_path / "bin" / "date", 'exec /bin/date -d "1 day ago" "$@"\n')
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    async with running_bench(sessions, tmp_path / "data", env=env) as bench:
        script = "date +%s; echo began; sleep 0.5; echo later"
        began = utcnow()
        row = await bench.abandon(script, after="began")
        async with asyncio.timeout(20):
            while not list(bench.run_folder(row).glob("exit.0.*")):
                await asyncio.sleep(0.02)
        await bench.run(await bench.take_over(script))
        ended = utcnow()
        entries = await bench.log(row)
        row = await bench.row(row)
    assert row.status == "finished"
    clock = next(int(entry["output"]) for entry in entries if entry["output"].isdigit())
    assert clock < began.timestamp() - 80_000, "the server's clock is the wrong one"
    second = timedelta(seconds=1)
    assert all(began - second < datetime.fromisoformat(entry["timestamp"]) < ended + second for entry in entries)


def marked_processes(uuid: str) -> list[int]:
    """Return the processes that carry a run's mark."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"SHIPLOG_RUN={uuid}".encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def end_processes(uuid: str) -> None:
    """Kill what a run that the test abandoned has left."""
    for pid in marked_processes(uuid):
        os.kill(pid, signal.SIGKILL)


async def test_a_claim_of_an_older_epoch_changes_nothing(bench: Bench) -> None:
    row = await bench.ask()
    claimed = await bench.claim("echo once")
    await bench.run(replace(claimed, lease_epoch=claimed.lease_epoch - 1))
    assert (await bench.row(row)).status == "in_progress"
    assert await bench.outputs(row) == []
    await bench.run(claimed)
    assert (await bench.row(row)).status == "finished"
