"""The script of the scripted host: what it answers, where it fails, what it remembers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.remote.command import Command, Secret
from app.remote.errors import DiskFull, Lost, NotPermitted, TimedOut, Unreachable
from app.remote.host import Address, Channel, Completed, Host, HostPool, RemoteFile
from app.remote.testing import ScriptedHost, ScriptedHostPool


@pytest_asyncio.fixture
async def host(tmp_path: Path) -> AsyncIterator[ScriptedHost]:
    host = ScriptedHost(tmp_path / "root")
    yield host
    await host.close()


async def read_into(received: list[bytes], chunks: AsyncIterator[tuple[Channel, bytes]]) -> None:
    async for _, data in chunks:
        received.append(data)


async def test_it_is_what_the_interfaces_ask_for(host: ScriptedHost, tmp_path: Path) -> None:
    as_host: Host = host
    as_pool: HostPool = ScriptedHostPool(tmp_path)
    assert as_host is host
    await as_pool.close()


async def test_commands_run_in_the_root_and_are_remembered_masked(host: ScriptedHost) -> None:
    completed = await host.run(Command("echo", Secret("s3cret")).then(Command("pwd")))
    assert completed == Completed(0, f"s3cret\n{host.root}\n".encode(), b"")
    assert host.commands == ["echo <REDACTED> && pwd"]
    assert (await host.run('echo "$HOME"')).stdout.decode().strip() == str(host.root)


async def test_answers_come_before_the_real_thing(host: ScriptedHost) -> None:
    answered = Completed(7, b"scripted", b"")
    host.answer(r"docker (info|version)", answered, times=2)
    host.answer("docker", TimedOut("no answer"))
    assert await host.run("docker info") == answered
    assert await host.run("sh", stdin=b"docker version\n") == answered
    with pytest.raises(TimedOut, match="no answer"):
        await host.run("docker info")
    assert (await host.run("echo real")).stdout == b"real\n"


async def test_a_stream_can_be_answered(host: ScriptedHost) -> None:
    host.answer("follow", Completed(0, b"out", b"err"))
    async with host.stream("follow") as chunks:
        assert [chunk async for chunk in chunks] == [("stdout", b"out"), ("stderr", b"err")]


async def test_failures_are_for_the_next_call_of_a_method(host: ScriptedHost) -> None:
    host.fail_next("write_files", DiskFull("full"))
    host.fail_next("run", Lost("once"))
    host.fail_next("run", Lost("twice"))
    host.fail_next("stream", Lost("stream"))
    with pytest.raises(Lost, match="once"):
        await host.run("true")
    with pytest.raises(Lost, match="twice"):
        await host.run("true")
    assert (await host.run("true")).exit_code == 0
    with pytest.raises(Lost, match="stream"):
        async with host.stream("true"):
            pytest.fail("the stream must not begin")
    with pytest.raises(DiskFull):
        await host.write_files(str(host.root), [RemoteFile("a", b"")])
    assert host.files == {}


@pytest.mark.parametrize("n_bytes", [0, 1, 5, 11])
async def test_a_stream_is_cut_at_the_very_byte(host: ScriptedHost, n_bytes: int) -> None:
    host.cut_stream_after(n_bytes)
    received: list[bytes] = []
    async with host.stream("printf 'hello '; printf 'world'; sleep 60") as chunks:
        with pytest.raises(Lost):
            await read_into(received, chunks)
    assert b"".join(received) == b"hello world"[:n_bytes]
    async with host.stream("printf whole") as chunks:
        assert [chunk async for chunk in chunks] == [("stdout", b"whole")]


async def test_files_are_written_below_the_root_alone(host: ScriptedHost, tmp_path: Path) -> None:
    file = RemoteFile("a/b", Secret("s3cret"))
    await host.write_files(str(host.root / "folder"), [file])
    assert host.files == {str(host.root / "folder" / "a/b"): file}
    assert (host.root / "folder/a/b").read_text() == "s3cret"
    with pytest.raises(NotPermitted):
        await host.write_files(str(tmp_path / "elsewhere"), [file])
    assert not (tmp_path / "elsewhere").exists()


async def test_a_pool_keeps_a_host_for_each_address(tmp_path: Path) -> None:
    pool = ScriptedHostPool(tmp_path)
    one = Address("one.example", 22, "root", Secret("key"), None)
    other = Address("other.example", 22, "root", Secret("key"), None)
    assert await pool.get(one) is await pool.get(one)
    assert await pool.get(one) is pool.host(one)
    assert (await pool.get(one)).root != (await pool.get(other)).root
    pool.refuse(Unreachable("nobody there"))
    with pytest.raises(Unreachable, match="nobody there"):
        await pool.get(one)
    pool.refuse(None)
    assert await pool.get(one) is pool.host(one)
    assert pool.asked[-2:] == [one, one]
    await pool.close()
