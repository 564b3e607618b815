"""Things by their names or uuids, wherever only one can be meant."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.cli.client import Api
from app.cli.output import Item
from app.cli.problem import Problem

_UUID = re.compile(r"[a-z0-9]{24}")


@dataclass(frozen=True)
class Noun:
    """A kind of thing: its word, where the API lists it, and the command that makes the first one."""

    word: str
    path: str
    create: str


KEY = Noun("key", "/security/keys", "shiplog key add NAME --file ~/.ssh/id_ed25519")
SERVER = Noun("server", "/servers", "shiplog server add NAME --ip 192.0.2.10")
PROJECT = Noun("project", "/projects", "shiplog project create NAME")
SERVICE = Noun("service", "/services", "shiplog service create NAME --file compose.yaml")
DATABASE = Noun("database", "/databases", "shiplog database create postgresql NAME")


@dataclass(frozen=True)
class Resource:
    """A service or a database."""

    kind: Noun
    uuid: str
    name: str
    item: Item

    @property
    def path(self) -> str:
        """Where the API has it."""
        return f"{self.kind.path}/{self.uuid}"


def is_uuid(word: str) -> bool:
    """Return whether a word has the form of a uuid."""
    return _UUID.fullmatch(word) is not None


def none_yet(noun: Noun) -> str:
    """Return the sentence of an empty list, with the command that makes the first one."""
    return f"No {noun.word} yet. Make one: {noun.create}"


async def find(api: Api, noun: Noun, word: str) -> Item:
    """Return the thing with this uuid, else the one with this name; raise Problem when there is none or several."""
    return pick(await api.get(noun.path), noun.word, word)


async def find_or_only(api: Api, noun: Noun, word: str | None) -> Item:
    """Return the thing that is named; where none is, the only one there is."""
    if word is not None:
        return await find(api, noun, word)
    items: list[Item] = await api.get(noun.path)
    if not items:
        raise Problem(none_yet(noun))
    if len(items) > 1:
        names = ", ".join(sorted(item["name"] for item in items))
        raise Problem(f"There are several: choose one with --{noun.word}. There are: {names}.", exit_code=2)
    return items[0]


async def find_resource(api: Api, word: str) -> Resource:
    """Return the service or database with this uuid or name."""
    resources = await list_resources(api)
    item = pick([resource.item for resource in resources], "service or database", word)
    return next(resource for resource in resources if resource.item is item)


async def list_resources(api: Api) -> list[Resource]:
    """Return every service and every database."""
    return [
        Resource(kind, item["uuid"], item["name"], item)
        for kind in (SERVICE, DATABASE)
        for item in await api.get(kind.path)
    ]


def pick(items: Sequence[Item], noun: str, word: str) -> Item:
    """Return the one item that a word means."""
    found = [item for item in items if item["uuid"] == word] or [item for item in items if item["name"] == word]
    if not found:
        names = ", ".join(sorted(item["name"] for item in items))
        raise Problem(f"There is no {noun} {word}." + (f" There are: {names}." if names else ""))
    if len(found) > 1:
        uuids = ", ".join(item["uuid"] for item in found)
        raise Problem(f"Several are called {word}: name one by its uuid, {uuids}.", exit_code=2)
    return found[0]
