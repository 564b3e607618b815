"""The plain values in a Compose text by their names, to find the secrets among them."""

import re
from collections.abc import Callable, Iterator

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
    for name, event in _scalars(text):
        yield from _literal(name, event.value)


def mask_literals(text: str, is_secret: Callable[[str, str], bool], mask: str) -> str:
    """Return the text with `mask` in place of each literal that `is_secret(name, value)`; it stays YAML."""
    bare = text.removeprefix("\ufeff")  # the reader leaves it out, and counts without it
    parts, shown = [text[: len(text) - len(bare)]], 0
    for name, event in _scalars(bare):
        literals = [(word, value) for word, value in _literal(name, event.value) if is_secret(word, value)]
        if literals and event.start_mark and event.end_mark:
            start, end = event.start_mark.index, event.end_mark.index
            anchor = f"&{event.anchor} " if event.anchor else ""
            key = f"{literals[0][0]}=" if not name else ""
            # The mark behind a text of several lines stands in the next one.
            parts += [bare[shown:start], anchor, key, mask, "\n" if bare[start:end].endswith("\n") else ""]
            shown = end
    return "".join((*parts, bare[shown:]))


def _scalars(text: str) -> Iterator[tuple[str, yaml.ScalarEvent]]:
    """Yield each value with the key it stands under, "" within a list."""
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
                    yield _take_key(keys), event
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
