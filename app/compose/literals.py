"""The plain values in a Compose text by their names, to find the secrets among them."""

import re
from collections.abc import Iterator

import yaml

from app.kit.secret_names import passwords_in_urls

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)=(.*)", re.DOTALL)
_REFERENCE = re.compile(r"\$\{?[A-Za-z_][A-Za-z0-9_]*\}?")
_WITH_DEFAULT = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*:?[-+]([^${}]*)\}")


def compose_literals(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each `name: value` and `- name=value`, and other items of lists under an empty name.

    A value that is only a reference (`${X}`) is none, of `${X:-value}` it is the default. A text that is not YAML yields
    what comes before its error. Works on events: neither depth nor aliases cost anything.
    """
    keys: list[str | None] = []  # of each open collection: the key whose value comes next; None: a key, "-": a list
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.CollectionEndEvent):
                keys.pop()
            elif isinstance(event, yaml.CollectionStartEvent):
                _take_key(keys)
                keys.append("-" if isinstance(event, yaml.SequenceStartEvent) else None)
            elif isinstance(event, yaml.AliasEvent):
                _take_key(keys)
            elif isinstance(event, yaml.ScalarEvent) and keys:
                if keys[-1] is None:
                    keys[-1] = f":{event.value}"
                else:
                    yield from _literal(_take_key(keys), event.value)
    except (yaml.YAMLError, ValueError):
        return


def secret_literals(text: str, secret_names: str) -> Iterator[str]:
    """Yield the values under a name in which the regular expression finds something, and the passwords within URLs."""
    names = re.compile(secret_names)
    for name, value in compose_literals(text):
        if names.search(name):
            yield value
        yield from passwords_in_urls(value)


def _take_key(keys: list[str | None]) -> str:
    """Return the name of the value that comes now; after it, a mapping has a key."""
    if not keys or keys[-1] is None:
        return ""
    key = keys[-1]
    if key == "-":
        return ""
    keys[-1] = None
    return key[1:]


def _literal(name: str, value: str) -> Iterator[tuple[str, str]]:
    if not name and (assignment := _ASSIGNMENT.fullmatch(value)):
        name, value = assignment[1], assignment[2]
    if default := _WITH_DEFAULT.fullmatch(value):
        value = default[1]
    if value and not _REFERENCE.fullmatch(value):
        # Compose writes a dollar as two.
        yield name, value.replace("$$", "$")
