"""Links to the server that break, stall or go away, and servers that sleep."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from tests.faults.parts import ssh_server, system
from tests.faults.run import Kind, Run


async def _cut(run: Run) -> None:
    for _ in range(run.random.randint(1, 3)):
        await run.moment(most=0.4)
        if run.cell.ssh.cut():
            run.struck()


async def _hold_up(run: Run) -> None:
    await run.moment()
    run.cell.ssh.hold_up()
    run.struck()
    await asyncio.sleep(run.random.uniform(0.5, 3))
    run.cell.ssh.let_go()


async def _take_down(run: Run) -> None:
    await run.moment()
    run.cell.ssh.take_down()
    run.struck()
    await asyncio.sleep(run.random.uniform(0.5, 3))
    run.cell.ssh.bring_up()


def _sleep(least: float, most: float) -> Callable[[Run], Awaitable[None]]:
    async def strike(run: Run) -> None:
        await run.moment()
        run.cell.server.stop()
        run.struck()
        await asyncio.sleep(run.random.uniform(least, most))
        run.cell.server.resume()

    return strike


async def _cut_at_launch(run: Run) -> None:
    """Cut when the run's folder is there and the launch not yet answered; then once more on the way."""
    while not run.folder.exists():
        await asyncio.sleep(0.001)
    await asyncio.sleep(run.random.choice((0, 0.005, 0.02)))
    run.cell.ssh.cut()
    await run.moment()
    run.cell.ssh.cut()
    run.struck()


class _Namespace:
    """A server in a network of its own, behind a cable that can be pulled."""

    def __init__(self, run: Run) -> None:
        self.name = f"slf{run.name[:8]}"
        number = run.random.randint(1, 60_000)
        self.here, self.there = (
            f"10.{200 + number // 15_000}.{number // 250 % 60}.{number % 250 + 1 + one}" for one in (0, 1)
        )

    def make(self) -> None:
        system("ip", "netns", "add", self.name)
        system("ip", "link", "add", f"{self.name}h", "type", "veth", "peer", "name", f"{self.name}n")
        system("ip", "link", "set", f"{self.name}n", "netns", self.name)
        system("ip", "addr", "add", f"{self.here}", "peer", self.there, "dev", f"{self.name}h")
        system("ip", "link", "set", f"{self.name}h", "up")
        inside = ("ip", "netns", "exec", self.name, "ip")
        system(*inside, "link", "set", "lo", "up")
        system(*inside, "addr", "add", self.there, "peer", self.here, "dev", f"{self.name}n")
        system(*inside, "link", "set", f"{self.name}n", "up")

    def pull(self) -> None:
        system("ip", "link", "set", f"{self.name}h", "down")

    def plug(self) -> None:
        system("ip", "link", "set", f"{self.name}h", "up")

    def remove(self) -> None:
        for command in (("ip", "link", "del", f"{self.name}h"), ("ip", "netns", "del", self.name)):
            with contextlib.suppress(RuntimeError):
                system(*command)


_open: dict[str, tuple[_Namespace, AsyncExitStack]] = {}


async def _make_namespace(run: Run) -> None:
    namespace, stack = _Namespace(run), AsyncExitStack()
    _open[run.name] = namespace, stack
    stack.callback(namespace.remove)
    namespace.make()
    server = await stack.enter_async_context(
        ssh_server(
            run.cell.folder / f"ssh-{run.name}",
            address=namespace.there,
            private_key=run.cell.server.private_key,
            before=("/usr/sbin/ip", "netns", "exec", namespace.name),
        )
    )
    run.server = await run.cell.other_server(server, run.cell.data_folder)


async def _pull_cable(run: Run) -> None:
    namespace = _open[run.name][0]
    await run.moment()
    namespace.pull()
    run.struck()
    await asyncio.sleep(run.random.choice((2.0, 5.0, 25.0)))
    namespace.plug()


async def _remove_namespace(run: Run) -> None:
    if run.name in _open:
        await _open.pop(run.name)[1].aclose()


KINDS = (
    Kind("link: cut", _cut),
    Kind("link: held up", _hold_up),
    Kind("link: down", _take_down),
    Kind("link: cut at launch", _cut_at_launch),
    Kind("link: sshd asleep", _sleep(0.5, 3), needs_root=True),
    Kind("link: sshd asleep for 25 s", _sleep(20, 25), needs_root=True, is_long=True),
    Kind(
        "link: cable pulled",
        _pull_cable,
        needs_root=True,
        is_long=True,
        prepare=_make_namespace,
        clean_up=_remove_namespace,
    ),
)
