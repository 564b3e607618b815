"""The fenced blocks of the pages in docs/, for the tests that hold the pages to what is there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One block: its language, the file that it is to be written to if any, and its text."""

    language: str
    title: str
    text: str

    def commands(self) -> list[tuple[str, list[str]]]:
        """Return each command of a `console` block with the lines below it: what it is said to print."""
        found: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
        return found


def blocks(page: str) -> Iterator[Block]:
    """Yield the blocks of a page in their order."""
    for match in _FENCE.finditer(page):
        yield Block(match[1], match[2] or "", match[3])
