"""Channels that are told what happens, and their deliveries."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.cli.client import Api
from app.cli.finding import Noun, find, none_yet
from app.cli.output import Item, Output, field
from app.cli.problem import Problem
from app.cli.reading import read_secret

CHANNEL = Noun("channel", "/notifications/channels", "shiplog notify add NAME --file url")

_PATIENCE_SECONDS = 90
_BETWEEN_SECONDS = 0.5


async def show_all(api: Api, out: Output) -> None:
    """List the channels without their URLs."""
    channels = await api.get(CHANNEL.path)
    columns = {
        "Name": field("name"),
        "Uuid": field("uuid"),
        "Type": lambda channel: f"{channel['type']} ({channel['scheme']})",
        "On": field("is_enabled"),
        "Log": field("includes_log"),
        "Told": _told,
    }
    out.items([{**channel, "url": None, "secret": None} for channel in channels], columns, empty=none_yet(CHANNEL))


async def add(api: Api, out: Output, *, name: str, file: Path | None, type_: str, events: Sequence[str]) -> None:
    """Add a channel whose URL comes from a file or stdin."""
    body: dict[str, Any] = {"name": name, "type": type_, "url": read_secret(file, "URL").strip()}
    made = await api.post(CHANNEL.path, {**body, "rules": [{"events": list(events)}] if events else []})
    out.answer(made, f"The channel {name} is there, {made['uuid']}.", f"Next: shiplog notify test {name}")


async def test(api: Api, out: Output, *, channel: str) -> int:
    """Send a test and wait for what comes of it; 1 when it was not delivered."""
    path = await _deliveries(api, channel)
    begun = await api.post(f"{path.removesuffix('/deliveries')}/test")
    return await _until_ended(api, out, f"{path}/{begun['uuid']}")


async def show_deliveries(api: Api, out: Output, *, channel: str, take: int) -> None:
    """List what a channel was told, newest first."""
    deliveries = await api.get(await _deliveries(api, channel), take=take)
    columns = {
        "Uuid": field("uuid"),
        "Event": field("event"),
        "Message": lambda delivery: delivery["payload"]["message"],
        "Status": field("status"),
        "Attempts": field("attempts"),
        "Made": field("created_at"),
        "Error": field("error"),
    }
    out.items(deliveries, columns, empty=f"Nothing was told yet. Try it: shiplog notify test {channel}")


async def resend(api: Api, out: Output, *, channel: str, delivery: str) -> int:
    """Send a delivery again and wait for what comes of the first attempt; 1 when it was not delivered."""
    path = await _deliveries(api, channel)
    begun = await api.post(f"{path}/{delivery}/resend")
    return await _until_ended(api, out, f"{path}/{begun['uuid']}")


async def _deliveries(api: Api, channel: str) -> str:
    return f"{CHANNEL.path}/{(await find(api, CHANNEL, channel))['uuid']}/deliveries"


async def _until_ended(api: Api, out: Output, path: str) -> int:
    """Say what came of a delivery's first attempt."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            delivery = await _attempted(api, path)
    except TimeoutError:
        raise Problem("No worker has sent it yet. Is one running? `shiplog doctor` says.") from None
    if delivery["status"] == "delivered":
        out.answer(delivery, "Delivered.")
        return 0
    later = " It is tried again." if delivery["status"] == "pending" else ""
    out.answer(delivery, f"Not delivered. {delivery['error']}{later}")
    return 1


async def _attempted(api: Api, path: str) -> Item:
    while True:
        delivery: Item = await api.get(path)
        if delivery["status"] != "pending" or delivery["error"] is not None:
            return delivery
        await asyncio.sleep(_BETWEEN_SECONDS)


def _told(channel: Item) -> str:
    events = {event for rule in channel["rules"] for event in rule["events"] or ["everything"]}
    return ", ".join(sorted(events)) or "everything"
