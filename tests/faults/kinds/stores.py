"""PostgreSQL and Redis that are killed, out of reach, emptied, or that answer and are not heard."""

import asyncio
import contextlib
import signal

import httpx

from tests.faults.parts import send
from tests.faults.run import FINAL, Kind, Run


async def _kill_postgres(run: Run) -> None:
    client = await run.cell.api()
    run.start(_watch_api(run, client))
    await run.moment()
    for pid in run.cell.postgres_pids():
        send(pid, signal.SIGKILL)
    run.struck()
    await run.cell.until_postgres_answers()


async def _watch_api(run: Run, client: httpx.AsyncClient) -> None:
    """Ask the API about the deployment all the time: it answers right or 503, and never anything else."""
    async with client:
        while True:
            try:
                answer = await client.get(f"/deployments/{run.uuid}")
            except httpx.TransportError as error:
                run.findings.wrong(f"the API gave no answer: {error!r}")
                return
            if answer.status_code == 503:
                if "retry-after" not in answer.headers:
                    run.findings.wrong("a 503 says not when to try again")
            elif answer.status_code != 200:
                run.findings.wrong(f"the API answered {answer.status_code}: {answer.text[:200]}")
                return
            elif answer.json()["status"] in FINAL:
                return
            await asyncio.sleep(0.1)


async def _postgres_unreachable(run: Run) -> None:
    await run.moment()
    run.cell.postgres.take_down()
    run.struck()
    await asyncio.sleep(run.random.uniform(0.5, 4))
    run.cell.postgres.bring_up()


async def _postgres_failing_over(run: Run) -> None:
    await run.moment()
    run.cell.postgres.take_down()
    run.struck()
    await asyncio.sleep(10)
    run.cell.postgres.bring_up()


async def _lose_answer(run: Run) -> None:
    any_commit = run.random.random() < 0.3
    for _ in range(run.random.randint(1, 3)):
        await run.moment(most=0.4)
        run.cell.postgres.lose_answer(lambda sent: any_commit or b'"batch":' in sent)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(run.cell.postgres.struck.wait(), 10)
            run.struck()


async def _lose_last_answer(run: Run) -> None:
    """The settle's own answer; also those of an append on the way, so that the run counts."""
    await run.moment()
    run.cell.postgres.lose_answer(lambda sent: b'"batch":' in sent)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(run.cell.postgres.struck.wait(), 10)
        run.struck()
    run.cell.postgres.lose_answer(lambda sent: b"Deployment f" in sent)


async def _flush(run: Run) -> None:
    for _ in range(3):
        await run.moment(most=0.3)
        with contextlib.suppress(Exception):
            await run.cell.waker._redis.flushall()
            run.struck()


async def _kill_redis(run: Run) -> None:
    await run.moment()
    for pid in run.cell.valkey_pids():
        send(pid, signal.SIGKILL)
    run.struck()


async def _take_redis_away(run: Run) -> None:
    """Down, or a black hole that takes everything and answers nothing."""
    if run.random.random() < 0.5:
        run.cell.redis.take_down()
    else:
        run.cell.redis.hold_up()


async def _redis_stays_away(run: Run) -> None:
    await run.moment()
    run.struck()
    await run.until_settled()


KINDS = (
    Kind("postgres: killed", _kill_postgres),
    Kind("postgres: out of reach", _postgres_unreachable),
    Kind("postgres: failing over for 10 s", _postgres_failing_over, is_long=True),
    Kind("postgres: answer lost", _lose_answer),
    Kind("postgres: answer of the settle lost", _lose_last_answer),
    Kind("redis: flushed", _flush),
    Kind("redis: killed", _kill_redis),
    Kind("redis: away all the time", _redis_stays_away, prepare=_take_redis_away),
)
