"""`shiplog keys`: which encryption key wrote what, and a rotation, in the database itself."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer

from app.cli.options import AsJson
from app.cli.output import Output, field
from app.cli.postgres_problems import postgres_problems

keys = typer.Typer(help="The encryption keys of stored secrets.", no_args_is_help=True)


@keys.command("list", epilog="A key that has written nothing any more can be taken out of the file.")
def list_keys(as_json: AsJson = False) -> None:
    """Show which encryption key wrote how many values, and name the rows whose key is lost."""
    uses = _run(rotate=False)["keys"]
    columns = {
        "Key": field("key_id"),
        "State": field("state"),
        "Column": field("column"),
        "Values": field("count"),
        "Rows": lambda use: _names(use["rows"], use["count"]),
    }
    Output(as_json=as_json).items(uses, columns, empty="Nothing is encrypted yet.")
    if any(use["state"] == "lost" for use in uses):
        raise typer.Exit(1)


@keys.command("rotate", epilog="Exit code 1 when a value could not be written anew; what could be is.")
def rotate_keys(as_json: AsJson = False) -> None:
    """Write every stored secret anew with the first key of SHIPLOG_ENCRYPTION_KEYS_FILE, while everything runs."""
    answer = _run(rotate=True)
    output = Output(as_json=as_json)
    output.document(answer)
    written: dict[str, int] = answer["written"]
    output.say(*(f"{column}: {count} written anew" for column, count in written.items()))
    first = answer["first"]
    unread = [use for use in answer["keys"] if use["state"] == "lost"]
    for use in unread:
        output.say(
            f"{use['column']}: {use['count']} written with the key {use['key_id']}, which is not in the file: "
            f"{_names(use['rows'], use['count'])}"
        )
    for column, rows in answer["damaged"].items():
        output.say(f"{column}: damaged, cannot be decrypted: {_names(rows, len(rows))}")
    if unread or answer["damaged"]:
        output.say(
            "Put the missing key back as a further line of the file and run this again, or set those values anew."
        )
        raise typer.Exit(1)
    output.say(f"Everything is written with the key {first}: the other keys can be taken out of the file.")


def _names(rows: Sequence[str], count: int) -> str:
    more = count - len(rows)
    return ", ".join(rows) + (f" and {more} more" if rows and more > 0 else "")


def _run(*, rotate: bool) -> dict[str, Any]:
    from app.cli.configuration import read_settings
    from app.encryption_keys.rotation import key_uses
    from app.encryption_keys.rotation import rotate as rotate_all
    from app.kit.encryption import Keyring
    from app.postgres import create_engine, create_sessions

    settings = read_settings()
    keyring = Keyring(settings.encryption_keys())

    async def work() -> dict[str, Any]:
        engine = create_engine(settings)
        try:
            sessions = create_sessions(engine)
            rotated = await rotate_all(sessions, keyring) if rotate else None
            return {
                "first": keyring.first,
                "keys": [asdict(use) for use in await key_uses(sessions, keyring)],
                **({} if rotated is None else asdict(rotated)),
            }
        finally:
            await engine.dispose()

    with postgres_problems():
        return asyncio.run(work())
