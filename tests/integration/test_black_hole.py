"""A Redis that takes everything and answers nothing: nobody waits for it twice."""

import asyncio

from app.redis import Waker


async def test_a_redis_that_never_answers_is_left_alone_after_one_try() -> None:
    tried = 0
    closed = asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tried
        tried += 1
        await reader.read()
        writer.close()
        closed.set()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        waker = Waker(f"redis://127.0.0.1:{port}")
        async with asyncio.timeout(20):
            await waker.look(1)
            await waker.publish_count("a", 1)
            await waker.look(2)
            await waker.close()
            await closed.wait()
    assert tried == 1
