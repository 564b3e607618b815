"""A worker's whole way from the bytes of a run to its stored log, against COPY of the same lines as bare rows.

Everything but SSH: decode, split, redact, encode, append; a bare row has what an entry has, and is made before.
COPY is one statement for all; COPY by 500 commits as often as a worker that keeps a log live, and has a primary key.
Sizes from the environment: LINES, ROUNDS, and RUNS that one worker follows at once.
"""

import asyncio
import random
import statistics
import string
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg

from app.compose.plan import DeploymentPlan
from app.deployments.following import Follower
from app.deployments.log import LogWriter
from app.deployments.recording import Recorder
from app.deployments.step_table import StepTable
from app.kit.clock import utcnow
from app.kit.redaction import Redactor
from app.postgres import Sessions, create_engine, create_sessions
from app.remote.detached import Chunk, DetachedRun, IndexEntry, RunState
from app.settings import Settings
from benchmarks.append import Connection, a_writer, rate
from benchmarks.measuring import configured, size, spread

LINES, ROUNDS, RUNS = size("LINES", 100_000), size("ROUNDS", 5), size("RUNS", 4)
CHUNK = 128 * 1024  # what waits for a reader that is behind comes together: app/remote/chunks.py
KEYED = "COPY by 500, with a key"
NONCE = "abcdefghijklmnopqrstuvwx"


class Spool:
    """A run that has ended, with all that it said in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def index(self, *offsets: int) -> list[IndexEntry]:
        """Return no times."""
        del offsets
        return []

    @asynccontextmanager
    async def follow(self, stdout_offset: int, stderr_offset: int) -> AsyncIterator[AsyncIterator[Chunk]]:
        """Yield the bytes in pieces as SSH brings them."""
        del stderr_offset

        async def chunks() -> AsyncIterator[Chunk]:
            for begin in range(stdout_offset, len(self._data), CHUNK):
                yield Chunk("stdout", begin, self._data[begin : begin + CHUNK])

        yield chunks()

    async def read(self, channel: str, offset: int, limit: int) -> bytes:
        """Return bytes."""
        return self._data[offset : offset + limit] if channel == "stdout" else b""

    async def state(self) -> RunState:
        """Return that it has ended."""
        return RunState("exited", 0, len(self._data), 0)

    async def punch(self, channel: str, up_to: int) -> bool:
        """Keep everything."""
        del channel, up_to
        return True


def follower_of(writer: LogWriter, data: bytes, redactor: Redactor) -> Follower:
    """Return the follower of a run that has said `data`."""

    async def open_run() -> DetachedRun:
        return cast("DetachedRun", Spool(data))

    async def publish(uuid: str, count: int) -> None:
        del uuid, count

    plan = DeploymentPlan("services/benchmark", (), (), frozenset(), 3600)
    return Follower(
        open_run=open_run,
        nonce=NONCE,
        redactor=redactor,
        writer=writer,
        recorder=Recorder(plan, redactor, StepTable([]), step=0, log_cap_bytes=10**12, last_moment=None),
        deadline=time.monotonic() + 3600,
        run_clock=None,
        publish=publish,
        deployment_uuid="benchmark",
    )


async def ingested(sessions: Sessions, data: bytes, redactor: Redactor, runs: int) -> float:
    """Follow so many runs at once to their ends; return lines a second."""
    writers = [await a_writer(sessions, 0) for _ in range(runs)]
    followers = [follower_of(writer, data, redactor) for writer in writers]
    lines = data.count(b"\n")
    reached = await rate(runs * lines, asyncio.gather(*(follower.until_over() for follower in followers)))
    assert {writer.position.log_count for writer in writers} == {lines}
    return reached


async def copied_by_500(connection: Connection, rows: list[tuple[Any, ...]]) -> None:
    """Copy as a log has to come in: nothing waits for the end of a run, and a line can be found again."""
    for begin in range(0, len(rows), 500):
        await connection.copy_records_to_table("keyed", records=rows[begin : begin + 500])


async def measure(settings: Settings) -> None:
    """Print the figures, then the row."""
    chance = random.Random(1)
    words = ["".join(chance.choices(string.ascii_lowercase, k=chance.randint(2, 9))) for _ in range(500)]
    texts = [
        f"2026-01-02T03:04:05Z INFO [{words[n % 500]}] {' '.join(chance.choices(words, k=11))}" for n in range(LINES)
    ]
    secrets = ["".join(chance.choices(string.ascii_letters + string.digits, k=32)) for _ in range(50)]
    data = "".join(f"{text}\n" for text in texts).encode()
    now = utcnow()
    rows = [(7, order, 1, "stdout", now, False, None, text) for order, text in enumerate(texts, start=1)]
    part = data[: data.index(b"\n", len(data) // RUNS) + 1]
    engine = create_engine(settings)
    sessions = create_sessions(engine)
    connection = await asyncpg.connect(settings.database().replace("+asyncpg", ""))
    await connection.execute(
        """CREATE TABLE bare (deployment_id int, number int, batch int, channel text, moment timestamptz, hidden boolean,
        command text, line text);
        CREATE TABLE keyed (LIKE bare, PRIMARY KEY (deployment_id, number))"""
    )
    found: dict[str, list[float]] = {
        "COPY": [],
        KEYED: [],
        "one run": [],
        "one run, 50 secrets": [],
        "runs": [],
        "runs, 50 secrets": [],
    }
    for _ in range(ROUNDS):
        found["COPY"].append(await rate(LINES, connection.copy_records_to_table("bare", records=rows)))
        found[KEYED].append(await rate(LINES, copied_by_500(connection, rows)))
        await connection.execute("TRUNCATE bare, keyed")
        for name, redactor in (("", Redactor([])), (", 50 secrets", Redactor(secrets))):
            found[f"one run{name}"].append(await ingested(sessions, data, redactor, 1))
            found[f"runs{name}"].append(await ingested(sessions, part, redactor, RUNS))
    await connection.execute("DROP TABLE bare, keyed")
    await connection.close()
    await engine.dispose()
    for name, rates in found.items():
        print(f"{name.replace('runs', f'{RUNS} runs at once'):30} {spread(rates, ' lines/s')}")

    def share(name: str, of: str = "COPY") -> float:
        return 100 * statistics.median(a / b for a, b in zip(found[name], found[of], strict=True))

    print(
        f"ingest: {share('one run'):.0f} % of COPY, {share('one run, 50 secrets'):.0f} % with 50 secrets; "
        f"{RUNS} runs at once {share('runs'):.0f} % and {share('runs, 50 secrets'):.0f} %; of COPY by 500 with a key "
        f"{share('one run', KEYED):.0f} % and {share('one run, 50 secrets', KEYED):.0f} %"
    )


if __name__ == "__main__":
    with configured() as found_settings:
        asyncio.run(measure(found_settings))
