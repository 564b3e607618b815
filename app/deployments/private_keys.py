"""Private keys in the output of a run: their lines are held until they end and stay together."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from app.deployments.batches import Lines
from app.kit.redaction import key_stretches

KEY_LINE_LIMIT: Final = 16 * 1024
"""No line within a private key has so many bytes: once this much of one is there, the key is over."""
KEY_SIZE_LIMIT: Final = 256 * 1024
"""No private key has so many bytes, whatever stands before its lines: more are not held for one."""


def keys_together(lines: Lines, stretches: Iterable[tuple[int, int, bool]]) -> Iterator[Lines]:
    """Yield the lines, those of each private key as one."""
    first = 0
    for begin, stop, _ in stretches:
        if begin > first:
            before, lines = lines.cut(begin - first)
            yield before
        if stop - begin >= lines.count:
            yield replace(lines, is_one=True)
            return
        key, lines = lines.cut(stop - begin)
        yield replace(key, is_one=True)
        first = stop
    yield lines


def size_without_open_key(data: bytearray) -> int:
    """Return how many bytes of `data` are whole lines, those of a private key left out that may go on after them."""
    size = data.rfind(b"\n") + 1
    begin = data.find(b"-----BEGIN")
    # What follows is no line of a key when it is that long already.
    if not 0 <= begin < size or len(data) - size >= KEY_LINE_LIMIT:
        return size
    text = bytes(data[:size]).replace(b"\0", b"").decode("utf-8", "replace")
    stretches = key_stretches(text)
    if not stretches or not stretches[-1][2]:
        return size
    lines = bytes(data[:size]).split(b"\n")[: stretches[-1][0]]
    begin = sum(map(len, lines)) + len(lines)
    return begin if size - begin < KEY_SIZE_LIMIT else size
