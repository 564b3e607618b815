"""What every host does alike, the scripted one too: the fake is kept honest here."""

import asyncio
import stat
from pathlib import Path

import pytest

from app.remote.command import Command, Secret
from app.remote.errors import Lost, RemoteError, TimedOut
from app.remote.host import Channel, Completed, RemoteFile
from tests.contract.remote.conftest import Connected

GAP = 2 * 1024 * 1024
"""Bytes that may be on their way between a command and a reader that has stopped: pipes, sockets and one window."""


async def until_gone(connected: Connected, pid: str) -> None:
    """Wait on the host, for up to 20 s, until a process is gone."""
    script = f'i=0; while kill -0 {pid} 2>/dev/null; do i=$((i+1)); [ "$i" -lt 400 ] || exit 1; sleep 0.05; done'
    assert await connected.host.run(script) == Completed(0, b"", b"")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("true", Completed(0, b"", b"")),
        ("exit 3", Completed(3, b"", b"")),
        ("exit 255", Completed(255, b"", b"")),
        ("kill -9 $$", Completed(137, b"", b"")),
        ("echo out; echo err >&2; exit 1", Completed(1, b"out\n", b"err\n")),
        (r"printf 'a\377\376\0b\r\n'", Completed(0, b"a\xff\xfe\0b\r\n", b"")),
        ("printf 'no newline'", Completed(0, b"no newline", b"")),
        (Command("printf", "%s", "it's $HOME\n`id`"), Completed(0, b"it's $HOME\n`id`", b"")),
        (Command("printf", "%s", Secret("s3cret word")), Completed(0, b"s3cret word", b"")),
        ("printf '%s' 'zażółć 🚢'", Completed(0, "zażółć 🚢".encode(), b"")),
    ],
)
async def test_a_command_ends_with_its_exit_code_and_bytes(
    connected: Connected, command: Command | str, expected: Completed
) -> None:
    assert await connected.host.run(command) == expected


async def test_a_command_that_is_not_there_is_an_exit_code(connected: Connected) -> None:
    completed = await connected.host.run("no-such-program-anywhere")
    assert completed.exit_code == 127
    assert b"no-such-program-anywhere" in completed.stderr


async def test_stdin_is_at_its_end(connected: Connected) -> None:
    assert await connected.host.run("cat; echo end", timeout=20) == Completed(0, b"end\n", b"")


async def test_stdin_arrives_whole(connected: Connected) -> None:
    data = bytes(range(256)) * 12_000
    completed = await connected.host.run("cat", stdin=data)
    assert completed.exit_code == 0
    assert completed.stdout == data


async def test_stdin_that_nobody_reads_does_not_hold_a_command_up(connected: Connected) -> None:
    assert (await connected.host.run("exit 4", stdin=b"x" * 3_000_000)).exit_code == 4


async def test_much_stderr_beside_stdout_is_read(connected: Connected) -> None:
    completed = await connected.host.run("head -c 3000000 /dev/zero >&2; echo out; head -c 3000000 /dev/zero")
    assert completed == Completed(0, b"out\n" + bytes(3_000_000), bytes(3_000_000))


async def test_a_command_that_takes_too_long_times_out(connected: Connected) -> None:
    with pytest.raises(TimedOut, match=r"0\.5 s"):
        await connected.host.run("sleep 60", timeout=0.5)
    assert (await connected.host.run("echo on")).stdout == b"on\n"


async def test_thirty_commands_at_once(connected: Connected) -> None:
    completed = await asyncio.gather(*(connected.host.run(f"sleep 0.1; echo {number}") for number in range(30)))
    assert [one.stdout for one in completed] == [f"{number}\n".encode() for number in range(30)]


async def test_a_link_that_breaks_in_the_middle_is_lost(connected: Connected, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    running = asyncio.ensure_future(connected.host.run(f"echo half; : >{begun}; sleep 60"))
    await connected.host.run(f"while [ ! -e {begun} ]; do sleep 0.02; done")
    connected.cut()
    with pytest.raises(Lost):
        await running


async def test_what_runs_in_its_own_session_outlives_the_link(connected: Connected, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    script = (
        f"setsid sh -c 'echo $$ >{pid}.new; mv {pid}.new {pid}; exec sleep 60' </dev/null >/dev/null 2>&1 & sleep 60"
    )
    running = asyncio.ensure_future(connected.host.run(script))
    try:
        await connected.host.run(f"while [ ! -e {pid} ]; do sleep 0.02; done")
        connected.cut()
        with pytest.raises(Lost):
            await running
        assert (await connected.host.run(f"kill -0 $(cat {pid})")).exit_code == 0
    finally:
        await connected.host.run(f"kill $(cat {pid})")


async def test_a_stream_hands_on_what_comes_while_it_comes(connected: Connected) -> None:
    async with connected.host.stream("head -n 1; echo middle >&2; head -n 1; exit 3", stdin=b"first\n") as chunks:
        assert await anext(chunks) == ("stdout", b"first\n")
        assert await anext(chunks) == ("stderr", b"middle\n")


async def test_a_stream_ends_with_its_command(connected: Connected) -> None:
    received: dict[Channel, bytes] = {"stdout": b"", "stderr": b""}
    async with connected.host.stream("head -c 1000000 /dev/zero; printf end; printf x >&2; exit 3") as chunks:
        async for channel, data in chunks:
            received[channel] += data
    assert received == {"stdout": bytes(1_000_000) + b"end", "stderr": b"x"}


async def test_a_slow_reader_holds_the_command_back(connected: Connected, tmp_path: Path) -> None:
    total, piece = 24_000_000, 200_000
    progress = tmp_path / "progress"
    script = (
        f"i=0; while [ $i -lt {total // piece} ]; do head -c {piece} /dev/zero; i=$((i+1)); "
        f"echo $i >{progress}.new; mv {progress}.new {progress}; done"
    )
    read = 0
    async with connected.host.stream(script) as chunks:
        while read < total // 8:
            _, data = await anext(chunks)
            read += len(data)
            await connected.host.run("true")  # gives the command every chance to run ahead
        written = int((await connected.host.run(f"cat {progress}")).stdout) * piece
        assert written - read <= GAP
        async for _, data in chunks:
            read += len(data)
    assert read == total


async def test_leaving_a_stream_ends_its_command(connected: Connected, tmp_path: Path) -> None:
    follower = "exec 3<&0; cat <&3 >/dev/null & w=$!; tail -f /dev/null & t=$!; echo $t; wait $w; kill $t"
    async with connected.host.stream(follower) as chunks:
        _, data = await anext(chunks)
    await until_gone(connected, data.decode().strip())


async def test_leaving_a_stream_ends_a_command_that_only_prints(connected: Connected) -> None:
    async with connected.host.stream("echo $$; exec yes") as chunks:
        _, data = await anext(chunks)
    await until_gone(connected, data.split()[0].decode())


async def test_leaving_a_stream_does_not_wait_for_its_command(connected: Connected, tmp_path: Path) -> None:
    done = tmp_path / "done"
    script = f"trap '' HUP PIPE; exec </dev/null; echo on; while [ ! -e {done} ]; do sleep 0.05; done"
    async with asyncio.timeout(60), connected.host.stream(script) as chunks:
        await anext(chunks)
    assert (await connected.host.run(f": >{done}")).exit_code == 0


async def test_a_stream_over_a_link_that_breaks_is_lost(connected: Connected) -> None:
    async with connected.host.stream("echo half; sleep 60") as chunks:
        assert await anext(chunks) == ("stdout", b"half\n")
        connected.cut()
        with pytest.raises(Lost):
            await anext(chunks)


async def test_a_cancelled_command_gives_its_place_back(connected: Connected) -> None:
    for _ in range(3):
        commands = [asyncio.ensure_future(connected.host.run("cat; sleep 0.1")) for _ in range(20)]
        await connected.host.run("true")
        for command in commands:
            command.cancel()
        await asyncio.gather(*commands, return_exceptions=True)
    assert (await connected.host.run("echo on")).stdout == b"on\n"


async def test_files_have_their_mode_and_their_folder_is_private(connected: Connected) -> None:
    folder = connected.folder / "deep" / "er"
    files = [
        RemoteFile("script", b"#!/bin/sh\necho \xff\n", 0o700),
        RemoteFile(".env", Secret("PASSWORD=s3cret\n")),
        RemoteFile("init/shared.sql", b"select 1;", 0o644),
        RemoteFile("empty", b"", 0o400),
        RemoteFile("large", bytes(3_000_000)),
    ]
    await connected.host.write_files(str(folder), files)
    assert (folder / "script").read_bytes() == b"#!/bin/sh\necho \xff\n"
    assert (folder / ".env").read_text() == "PASSWORD=s3cret\n"
    assert (folder / "large").read_bytes() == bytes(3_000_000)
    modes = {file.path: stat.S_IMODE((folder / file.path).stat().st_mode) for file in files}
    assert modes == {file.path: file.mode for file in files}
    for made in (folder, folder.parent, connected.folder, folder / "init"):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


async def test_writing_again_replaces_and_leaves_nothing_behind(connected: Connected) -> None:
    folder = connected.folder
    await connected.host.write_files(
        str(folder), [RemoteFile("a", b"a much longer text"), RemoteFile("b", b"b", 0o400)]
    )
    await connected.host.write_files(str(folder), [RemoteFile("a", b"short", 0o640), RemoteFile("b", b"new", 0o400)])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a": b"short", "b": b"new"}
    assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o640


async def test_a_parent_that_exists_keeps_its_mode(connected: Connected, tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    parent.chmod(0o751)
    (parent / "child").mkdir(mode=0o755)
    await connected.host.write_files(str(parent / "child"), [RemoteFile("a", b"")])
    assert stat.S_IMODE(parent.stat().st_mode) == 0o751
    assert stat.S_IMODE((parent / "child").stat().st_mode) == 0o700


@pytest.mark.parametrize("path", ["", "/etc/x", "../x", "a/../../x", "a//b", "a/"])
async def test_a_file_stays_in_its_folder(connected: Connected, path: str) -> None:
    with pytest.raises(ValueError, match="not a file inside"):
        await connected.host.write_files(str(connected.folder), [RemoteFile("good", b""), RemoteFile(path, b"")])
    assert not connected.folder.exists()


async def test_a_file_where_a_folder_should_be_is_an_error(connected: Connected, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("kept")
    with pytest.raises(RemoteError, match="taken"):
        await connected.host.write_files(str(tmp_path / "taken" / "folder"), [RemoteFile("a", b"s3cret")])
    assert (tmp_path / "taken").read_text() == "kept"


async def test_a_closed_host_leaves_nothing_open(connected: Connected) -> None:
    running = asyncio.ensure_future(connected.host.run("sleep 60"))
    await connected.host.run("true")
    await connected.host.close()
    with pytest.raises(Lost):
        await running
