"""One of the two spools of a run, as far as its bytes are here."""

from typing import Final

from app.deployments.batches import Channel

HELD_LIMIT: Final = 4 * 1024 * 1024
"""So many bytes are held beyond a marker that the other stream has not passed; what comes after is thrown away."""


class Gap(ValueError):
    """Bytes between the known position and those that were fed are missing."""


class Stream:
    """One spool as far as it was fed: `buffer` begins at offset `base`, `before` is the byte in front of it."""

    def __init__(self, channel: Channel, offset: int, step: int) -> None:
        self.channel: Channel = channel
        self.step = step
        self.before = b"" if offset else b"\n"
        self.base = offset
        self.buffer = bytearray()
        self.waiting = False  # the buffer begins with the marker of step + 1
        self.overfull = False
        self.fresh = False  # bytes came that were not looked at

    @property
    def position(self) -> int:
        """The offset of the next byte to feed."""
        return self.base + len(self.buffer) - (not self.before)

    @property
    def continued(self) -> bool:
        """Whether the buffer begins in the middle of a line; a function of the byte before it alone."""
        return self.before not in (b"\n", b"\r")

    def feed(self, offset: int, data: bytes) -> None:
        """Add bytes from `offset` on; what is known already is ignored. Raises Gap when some are missing before them."""
        if offset > self.position:
            if self.overfull:
                return
            raise Gap(f"{self.channel} is known up to byte {self.position}, the next bytes are from {offset} on.")
        data = data[self.position - offset :]
        if not self.before:
            self.before, data = data[:1], data[1:]
        if self.waiting and len(self.buffer) + len(data) > HELD_LIMIT:
            self.overfull = True
            data = data[: max(0, HELD_LIMIT - len(self.buffer))]
        self.buffer += data
        self.fresh = bool(data) or self.fresh

    def drop(self, size: int) -> bytes:
        """Take the first `size` bytes out of the buffer and return them."""
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        self.base += size
        self.before = taken[-1:] or self.before
        return taken
