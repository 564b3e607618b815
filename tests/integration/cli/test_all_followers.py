"""The command line, curl and a browser follow one deployment through restarts of the API and of the worker.

All end with the same text, each line once, and it is the text that the download has.
"""

import asyncio
import json
import shutil
import socket
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import unquote

import httpx

from app.deployments.log_search import TextStyle
from app.postgres import Sessions
from tests.fixtures.api import MadeToken, MakeToken
from tests.integration.cli.running import environment, start
from tests.integration.deployments.running import SECRET, running_bench
from tests.wire import wire_to

SCRIPT = r"""
until_there() { while ! [ -e "FOLDER/$1" ]; do sleep 0.05; done; }
printf '\033[31mred\033[0m\n'
until_there restarted
printf 'while nobody \342\200\250 serves and nobody works\n'
until_there broken
echo "after a broken connection" >&2
echo SECRET
until_there last
printf 'without an end'
"""
PAGE = """<script>
const source = new EventSource(URL);
source.onmessage = (event) => console.log("entry " + encodeURIComponent(event.data));
source.addEventListener("end", (event) => { source.close(); console.log("end "); });
</script>"""
BROWSER = "chromium"


class Follower:
    """The lines of a log as one who follows it has got them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.last = 0

    def take(self, data: str) -> None:
        """Add an entry."""
        entry = json.loads(data)
        self.last = entry["order"]
        self.lines += TextStyle(ansi=False).render(entry).removesuffix("\n").split("\n")

    async def has(self, line: str) -> None:
        """Return when a line has come."""
        async with asyncio.timeout(60):
            while line not in self.lines:
                await asyncio.sleep(0.02)


async def follow_with_the_cli(follower: Follower, uuid: str, env: dict[str, str]) -> None:
    """Run the command to its end, which is a success."""
    process = await start("logs", uuid, "--follow", env=env)
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            follower.lines.append(line.decode().removesuffix("\n"))
        assert await process.wait() == 0
        assert follower.lines.pop() == f"Deployment {uuid}: finished"
    finally:
        await end(process)


async def follow_with_curl(follower: Follower, url: str, header: Path) -> None:
    """Run the command of the documentation, and again behind the last entry when the connection breaks."""
    has_ended = False
    while not has_ended:
        curl = await asyncio.create_subprocess_exec(
            *("curl", "-sN", "-H", f"@{header}", f"{url}/logs/stream?after={follower.last}"), stdin=DEVNULL, stdout=PIPE
        )
        assert curl.stdout is not None
        try:
            name = ""
            async for line in curl.stdout:
                field, _, value = line.decode().removesuffix("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data" and not name and line.endswith(b"\n"):
                    follower.take(value)
                elif not field:
                    has_ended, name = has_ended or name == "end", ""
            await asyncio.sleep(0.1)
        finally:
            await end(curl)


async def follow_with_a_browser(follower: Follower, url: str, folder: Path) -> None:
    """Show a page whose `EventSource` comes back by itself."""
    page = folder / "page.html"
    page.write_text(PAGE.replace("URL", json.dumps(url)))
    browser = await asyncio.create_subprocess_exec(
        *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-web-security", "--no-proxy-server"),
        *("--disable-dev-shm-usage", "--remote-debugging-port=0", "--enable-logging=stderr"),
        *(f"--user-data-dir={folder / 'profile'}", page.as_uri()),
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
    )
    assert browser.stderr is not None
    try:
        async for line in browser.stderr:
            printed = line.decode().partition("CONSOLE")[2].partition('"')[2].partition('"')[0]
            name, _, value = printed.partition(" ")
            if name == "entry":
                follower.take(unquote(value))
            elif name == "end":
                return
    finally:
        await end(browser)


async def end(process: Process) -> None:
    """End a process that may be over."""
    if process.returncode is None:
        process.terminate()
    await process.communicate()


async def test_all_who_follow_end_with_the_same_text_through_restarts_of_api_and_worker(
    configured: dict[str, str], sessions: Sessions, make_token: MakeToken, tmp_path: Path
) -> None:
    script = SCRIPT.replace("FOLDER", str(tmp_path)).replace("SECRET", SECRET)
    async with (
        running_bench(sessions, tmp_path / "server") as bench,
        AsyncExitStack() as stack,
    ):
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        proxy = await stack.enter_async_context(wire_to(listener.getsockname()[1]))
        first = await start("api", "--fd", "0", stdin=listener.fileno(), env=configured)
        stack.push_async_callback(end, first)
        token = await make_token(["read:sensitive"], team_id=bench.place.team.id)
        row = await bench.ask()
        worker = asyncio.create_task(bench.run(await bench.claim(script)))
        url = f"http://127.0.0.1:{proxy.port}"
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"{url}/api/v1/deployments/", headers=token.headers, timeout=60, trust_env=False)
        )
        followers = await _start_all(stack, client, url, row.deployment_uuid, token, tmp_path)

        async def all_have(line: str) -> None:
            await asyncio.gather(*(follower.has(line) for follower, _ in followers))

        await all_have("red")
        first.terminate()  # in order: the streams end at once, nobody waits for their end
        _, stderr = await asyncio.wait_for(first.communicate(), 60)
        assert b"Cancel" not in stderr
        assert b"Traceback" not in stderr
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        (tmp_path / "restarted").touch()
        stack.push_async_callback(end, await start("api", "--fd", "0", stdin=listener.fileno(), env=configured))
        worker = asyncio.create_task(bench.run(await bench.take_over(script)))
        await all_have("while nobody \u2028 serves and nobody works")
        proxy.take_down()
        (tmp_path / "broken").touch()
        await bench.until_logged(row, "<REDACTED>")
        proxy.bring_up()
        await all_have("<REDACTED>")
        (tmp_path / "last").touch()
        await worker
        await asyncio.wait_for(asyncio.gather(*(following for _, following in followers)), 60)

        headers = {"Accept": "text/plain"}
        text = (await client.get(f"{row.deployment_uuid}/logs?ansi=strip", headers=headers)).text
        assert [line for line in text.split("\n") if line.startswith(("while", "after", "without"))] != []
        for follower, _ in followers:
            assert follower.lines == text.removesuffix("\n").split("\n")


async def _start_all(
    stack: AsyncExitStack, client: httpx.AsyncClient, url: str, uuid: str, token: MadeToken, folder: Path
) -> Sequence[tuple[Follower, asyncio.Task[None]]]:
    """Start whoever follows; a browser where there is one."""
    file, header = folder / "token", folder / "header"
    file.write_text(token.plain)
    header.write_text(f"Authorization: {token.headers['Authorization']}\n")
    cli, curl, browser = Follower(), Follower(), Follower()
    env = environment(SHIPLOG_URL=url, SHIPLOG_TOKEN_FILE=str(file))
    work = [
        (cli, follow_with_the_cli(cli, uuid, env)),
        (curl, follow_with_curl(curl, f"{client.base_url}{uuid}", header)),
    ]
    if shutil.which(BROWSER):
        ticket = (await client.post(f"{uuid}/logs/ticket")).json()
        work.append((browser, follow_with_a_browser(browser, url + ticket["url"], folder)))
    started = [(follower, asyncio.create_task(following)) for follower, following in work]

    async def end_all() -> None:
        for _, task in started:
            task.cancel()
        await asyncio.gather(*(task for _, task in started), return_exceptions=True)

    stack.push_async_callback(end_all)
    return started
