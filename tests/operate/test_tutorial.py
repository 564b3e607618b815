"""The commands of docs/tutorial.md, typed one after the other at a `shiplog up`, print what the page says."""

import asyncio
import re
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.acceptance.traces import Traces
from tests.integration.cli.running import ROOT, environment, remove, up
from tests.operate.pages import Block, blocks
from tests.rig.parts import Rig

pytestmark = pytest.mark.docker

PAGE = ROOT / "docs/tutorial.md"
SECONDS = 60
UUID = r"\b[a-z][a-z0-9]{23}\b"


class Shell:
    """A bash that somebody types at; what it exports stays for the next command."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, folder: Path, env: dict[str, str]) -> "Shell":
        """Open one in a folder."""
        arguments = ("bash", "--noprofile", "--norc")
        return cls(
            await asyncio.create_subprocess_exec(
                *arguments, cwd=folder, env=env, stdin=PIPE, stdout=PIPE, stderr=STDOUT
            )
        )

    async def types(self, command: str) -> tuple[int, str]:
        """Run a command; return its exit code, which `$?` has in the next one, and what it printed."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        mark = "_code=$?; printf '\\n=%s=\\n' $_code; (exit $_code)"
        stdin.write(f"{{ {command}\n}} </dev/null\n{mark}\n".encode())
        await stdin.drain()
        printed = b""
        while not (end := re.search(rb"\n=(\d+)=\n\Z", printed)):
            line = await asyncio.wait_for(stdout.readline(), SECONDS)
            assert line, printed.decode()
            printed += line
        return int(end[1]), printed[: end.start()].decode()

    async def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), SECONDS)


@pytest.fixture
def traces() -> Iterator[Traces]:
    """What the tutorial leaves on this machine, its server."""
    traces = Traces()
    yield traces
    traces.remove()


@pytest.fixture
def page(rig: Rig) -> str:
    """The page with the rig's images in the place of the public ones."""
    name, _, tag = rig.images["web-1"].rpartition(":")
    text = PAGE.read_text(encoding="utf-8")
    for public, ours in {
        "postgres:16-alpine": rig.images["postgres"],
        "image: nginx:alpine": f"image: {name}:{tag}",
        "image: nginx:": f"image: {name}:",
        "printf alpine": f"printf {tag}",
    }.items():
        assert public in text
        text = text.replace(public, ours)
    return text


@pytest_asyncio.fixture
async def shell(traces: Traces, tmp_path: Path) -> AsyncIterator[Shell]:
    """A second terminal in the folder of a checkout, in which `make up` serves in the first one."""
    del traces  # they are removed after what made them has ended
    home, folder = tmp_path / "home", tmp_path / "shiplog"
    home.mkdir()
    folder.mkdir()
    (folder / ".venv").symlink_to(ROOT / ".venv")
    env = environment(HOME=str(home))
    serving = await up("--port", "0", cwd=folder, env=env)
    shell = await Shell.start(folder, env)
    try:
        yield shell
    finally:
        await shell.close()
        await serving.stop()
        remove(folder / ".shiplog")


async def test_every_command_does_what_the_page_says(page: str, shell: Shell, traces: Traces, tmp_path: Path) -> None:
    typed = 0
    for block in blocks(page):
        if block.title:
            (tmp_path / "shiplog" / block.title).write_text(block.text)
        elif block.language == "console":
            typed += await _type(shell, block, traces)
    assert typed > 20


async def _type(shell: Shell, block: Block, traces: Traces) -> int:
    """Type the commands of a block; one may fail when the next one asks for its exit code."""
    commands = block.commands()
    for (command, shown), following in zip(commands, [*(one for one, _ in commands[1:]), ""], strict=True):
        code, printed = await shell.types(command)
        _note(printed, traces)
        assert code == 0 or following == "echo $?", f"$ {command}\n{printed}\nexit code {code}"
        for line in filter(lambda line: line != "…", shown):
            pattern = ".*".join(map(re.escape, line.split("…")))
            assert re.search(rf"^{pattern}\s*$", printed, re.MULTILINE), f"$ {command}\n{printed}\nhas no: {line}"
    return len(commands)


def _note(printed: str, traces: Traces) -> None:
    """Every uuid that is printed is of something to remove; of what it is does not matter."""
    found = set(re.findall(UUID, printed))
    traces.resources |= found
    traces.deployments |= found
