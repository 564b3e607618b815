"""Private keys that Shiplog logs in to servers with."""

from pathlib import Path

from app.cli.client import Api
from app.cli.finding import KEY, none_yet
from app.cli.output import Output, field
from app.cli.reading import read_secret


async def show_all(api: Api, out: Output) -> None:
    """List the keys without their private halves."""
    keys = await api.get(KEY.path)
    columns = {"Name": field("name"), "Uuid": field("uuid"), "Fingerprint": field("fingerprint")}
    out.items([{**key, "private_key": None} for key in keys], columns, empty=none_yet(KEY))


async def add(api: Api, out: Output, *, name: str, file: Path | None) -> None:
    """Add a key from a file or stdin."""
    text = read_secret(file, "Private key, in base64 when it is typed")
    made = await api.post(KEY.path, {"name": name, "private_key": text + "\n"})
    key = await api.get(f"{KEY.path}/{made['uuid']}")
    out.answer(
        made,
        f"The key {name} is there, {made['uuid']}. Servers have to let its public half in:",
        key["public_key"],
        f"Next: shiplog server add NAME --ip 192.0.2.10 --key {name}",
    )
