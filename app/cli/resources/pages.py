"""The pages, opened in a browser that is signed in by a one-time link."""

import webbrowser

from app.cli.client import Api
from app.cli.output import Output


async def open_pages(api: Api, out: Output, *, in_browser: bool) -> None:
    """Print a link that signs one browser in, and open it where there is one."""
    made = await api.post("/sign-in-links")
    link = api.url + made["path"]
    if out.as_json:
        out.document({**made, "url": link})
        return
    out.say(link)
    if not (in_browser and webbrowser.open(link)):
        out.say("Open it in a browser: it is good once, for five minutes.")
