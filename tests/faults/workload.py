"""Scripts that write numbered lines in every way a program may, and the bytes that they write; all from one seed."""

import base64
import json
import math
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from urllib.parse import quote

CHANNELS = ("stdout", "stderr")

WORDS = ("pulling", "layer", "größe", "naïve", "コンテナ", "ready", "🚢", "volume", "Ω", "healthy", "step", "exit")
BROKEN = (b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x9a", b"\xed\xa0\x80", b"\xc0\xaf")
COLOURS = ("\x1b[31m", "\x1b[0m", "\x1b[1;32m", "\x1b[K")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,:=_/+-")

EXITS = ((0, "exit 0"), (7, "exit 7"), (255, "exit 255"), (137, "kill -KILL $$"), (143, "kill -TERM $$"))
EXIT_WEIGHTS = (60, 12, 10, 10, 8)


@dataclass(frozen=True)
class Workload:
    """What a deployment runs: a script a step, what these write, and how they end."""

    scripts: tuple[str, ...]
    written: dict[tuple[int, str], bytes]
    """Bytes by (step, channel), steps from 1."""
    secrets: tuple[str, ...]
    exit_code: int
    lines: int
    seconds: float
    """How long the script pauses in all: it takes at least this long from its first byte to its last."""

    def compose(self) -> str:
        """Return the text that the suite's worker reads the scripts from."""
        return json.dumps({"steps": self.scripts})


@dataclass
class _Step:
    """A step while it is written."""

    sh: list[str] = field(default_factory=list)
    written: defaultdict[str, bytearray] = field(default_factory=lambda: defaultdict(bytearray))

    def literal(self, channel: str, data: bytes) -> None:
        """Write bytes with one `printf`, a builtin."""
        if data:
            shown = "".join(chr(one) if one in _PLAIN else f"\\{one:03o}" for one in data)
            self.sh.append(f"printf '{shown}'{_to(channel)}")
            self.written[channel] += data

    def repeated(self, channel: str, data: bytes, times: int) -> None:
        """Write the same bytes many times, one write each."""
        shown = "".join(chr(one) if one in _PLAIN else f"\\{one:03o}" for one in data)
        self.sh.append(f"i=0; while [ $i -lt {times} ]; do printf '{shown}'; i=$((i + 1)); done{_to(channel)}")
        self.written[channel] += data * times

    def counted(self, channel: str, text: str, first: int, count: int) -> None:
        """Write numbered lines at once, by `seq`."""
        last = first + count - 1
        self.sh.append(f"seq -f '{text} %.0f' {first} {last}{_to(channel)}")
        self.written[channel] += "".join(f"{text} {number}\n" for number in range(first, last + 1)).encode()

    def alternating(self, text: str, first: int, count: int) -> None:
        """Write numbered lines in turn on both streams, a write each."""
        last = first + count - 1
        self.sh.append(
            f'i={first}; while [ $i -le {last} ]; do echo "{text} $i"; i=$((i + 1)); '
            f'[ $i -gt {last} ] || echo "{text} $i" >&2; i=$((i + 1)); done'
        )
        for number in range(first, last + 1):
            channel = CHANNELS[(number - first) % 2]
            self.written[channel] += f"{text} {number}\n".encode()

    def pause(self) -> None:
        """Mark where time may pass."""
        self.sh.append(_PAUSE)


_PAUSE = "PAUSE"


def _to(channel: str) -> str:
    return " >&2" if channel == "stderr" else ""


def make_workload(random: Random, side: str, *, before: str = "", hold: str = "", largest: int = 100_000) -> Workload:
    """Return a workload of a seed.

    The script counts its runs in `{side}/count` and touches `{side}/first` after its first byte and `{side}/last` after
    its last one. `before` is run at its start, `hold` after its last byte. No more than `largest` lines are written.
    """
    return _Maker(random, largest).make(side, before, hold)


class _Maker:
    def __init__(self, random: Random, largest: int) -> None:
        self._random = random
        self._largest = largest
        self._number = 1
        self._secrets = self._make_secrets()

    def make(self, side: str, before: str, hold: str) -> Workload:
        random = self._random
        lines = min(self._line_count(), self._largest)
        step_count = random.choice((1, 2, 2, 3, 4))
        shares = self._shares(lines, step_count)
        steps = [self._step(share) for share in shares]
        exit_code, how = random.choices(EXITS, EXIT_WEIGHTS)[0]
        seconds = random.uniform(1.0, 2.2)
        self._spread(steps, seconds)
        self._mark(steps, side)
        steps[0].sh[0:0] = [f"side='{side}'", 'echo x >>"$side/count"', *([before] if before else [])]
        steps[-1].sh += ['true >"$side/last"', *([hold] if hold else []), how]
        scripts = ["\n".join(step.sh) for step in steps]
        if exit_code and random.random() < 0.3:
            scripts.append("echo never reached")
        written = {
            (number, channel): bytes(step.written[channel])
            for number, step in enumerate(steps, start=1)
            for channel in CHANNELS
        }
        return Workload(tuple(scripts), written, self._secrets, exit_code, lines, seconds)

    def _line_count(self) -> int:
        chance = self._random.random()
        if chance < 0.01:
            return 0
        if chance < 0.04:
            return self._random.randint(1, 5)
        if chance < 0.19:
            return round(math.exp(self._random.uniform(math.log(10_000), math.log(100_000))))
        return self._random.randint(50, 2000)

    def _shares(self, lines: int, parts: int) -> list[int]:
        cuts = sorted(self._random.randint(0, lines) for _ in range(parts - 1))
        return [end - begin for begin, end in zip([0, *cuts], [*cuts, lines], strict=True)]

    def _make_secrets(self) -> tuple[str, ...]:
        letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
        plain = "".join(self._random.choices(letters, k=self._random.randint(10, 40)))
        special = "".join(self._random.choices(letters + "!$/+&'\"\\%@é~", k=self._random.randint(12, 24)))
        many = "\n".join("".join(self._random.choices(letters, k=16)) for _ in range(3))
        return plain, f"p{special}s", many

    def _step(self, lines: int) -> _Step:
        step = _Step()
        for share in self._shares(lines, max(1, min(lines, self._random.randint(3, 9)))):
            if share:
                self._segment(step, share)
                step.pause()
        if lines and self._random.random() < 0.5:
            step.literal(self._channel(), f"no newline at the end {self._next()}".encode())
        return step

    def _segment(self, step: _Step, lines: int) -> None:
        special = self._random.choice(
            (self._mixed, self._partial, self._long, self._progress, self._secret, self._split_secret, self._blank)
        )
        if self._random.random() < 0.75:
            special(step)
            lines -= 1
        word = self._random.choice(WORDS)
        if lines > 40 or self._random.random() < 0.5:
            if self._random.random() < 0.6:
                step.counted(self._channel(), f"{word} line", self._next(lines), lines)
            elif lines > 0:
                step.alternating(f"{word} both", self._next(lines), lines)
        else:
            for _ in range(lines):
                self._mixed(step)

    def _channel(self) -> str:
        return self._random.choice(CHANNELS)

    def _next(self, count: int = 1) -> int:
        number = self._number
        self._number += count
        return number

    def _mixed(self, step: _Step) -> None:
        """Write a line of words, some broken, some coloured, some with NUL."""
        parts = [f"{self._next()}".encode()]
        for _ in range(self._random.randint(0, 8)):
            parts.append(self._random.choice(WORDS).encode())
            if self._random.random() < 0.1:
                parts.append(self._random.choice(BROKEN))
            if self._random.random() < 0.1:
                parts.append(b"a\0b")
            if self._random.random() < 0.15:
                parts.append(self._random.choice(COLOURS).encode() + b"colour")
        step.literal(self._channel(), b" ".join(parts) + b"\n")

    def _partial(self, step: _Step) -> None:
        """Write a line in pieces, cut anywhere: inside characters too."""
        channel = self._channel()
        data = f"{self._next()} in pieces {' '.join(self._random.choices(WORDS, k=6))}\n".encode()
        self._in_pieces(step, channel, data)

    def _in_pieces(self, step: _Step, channel: str, data: bytes) -> None:
        cuts = sorted(self._random.randint(1, len(data) - 1) for _ in range(self._random.randint(1, 3)))
        for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            step.literal(channel, data[begin:end])
            step.pause()

    def _long(self, step: _Step) -> None:
        """Write a line around the limit of 64 KiB or far beyond, with secrets strewn in."""
        channel = self._channel()
        step.literal(channel, f"{self._next()} ".encode())
        if self._random.random() < 0.3:
            head = len(str(self._number - 1)) + 1
            step.repeated(channel, b"x", 65536 - head + self._random.randint(-1, 1))
            step.literal(channel, b"\n")
            return
        unit = f"{' '.join(self._random.choices(WORDS, k=12))} {self._random.choice(self._secrets[:1])} "
        size = len(unit.encode())
        times = self._random.randint(66_000 // size, 260_000 // size)
        half = times // 2
        step.repeated(channel, unit.encode(), half)
        step.pause()
        step.repeated(channel, unit.encode(), times - half)
        step.literal(channel, b"end\n")

    def _progress(self, step: _Step) -> None:
        """Write a line that is written over and over, now and then for more than 64 KiB."""
        channel = self._channel()
        number = self._next()
        if self._random.random() < 0.15:
            step.repeated(channel, b"downloading, downloading\r", self._random.randint(2700, 6000))
        for percent in range(0, 101, self._random.choice((5, 20, 50))):
            step.literal(channel, f"{number} {percent} percent\r".encode())
        step.pause()
        step.literal(channel, self._random.choice((f"{number} done\n", f"{number} done\r\n", "\n")).encode())

    def _secret(self, step: _Step) -> None:
        """Write a secret, raw or encoded, or what looks like one."""
        secret = self._random.choice(self._secrets)
        number = self._next()
        word = self._random.choice(("abc", "password=", "x"))
        around = f"{word}{secret}{word}".encode()
        shown = self._random.choice(
            (
                f"key {secret} key",
                f"{secret}{secret}",
                f"64 {base64.b64encode(secret.encode()).decode()} end",
                f"64 {base64.b64encode(around).decode()} end",
                f"64 {base64.urlsafe_b64encode(around).decode()} end",
                f"url?key={quote(secret, safe='')}.",
                f'{{"key": {json.dumps(secret)}}}',
                f"https://user{number}:Pw{number}x@host.example/path",
                f"Authorization: Bearer tok{number}.en/v+al=",
                f"\x1b[31m{secret[:4]}\x1b[0m{secret[4:]}\x1b[1m",
            )
        )
        step.literal(self._channel(), f"{number} {shown}\n".encode())

    def _split_secret(self, step: _Step) -> None:
        """Write a secret in pieces with time between them."""
        data = f"{self._next()} split {self._random.choice(self._secrets[:2])} secret\n".encode()
        self._in_pieces(step, self._channel(), data)

    def _blank(self, step: _Step) -> None:
        """Write lines of nothing, of blanks, and one that begins like a title of our own."""
        number = self._next()
        step.literal(self._channel(), f"\n   \n\t{number}  \n╔ {number} ╗\n\r\n".encode())

    def _spread(self, steps: list[_Step], seconds: float) -> None:
        """Turn the marks into pauses; without any place for one, between the first and the last byte."""
        places = [(step, at) for step in steps for at, line in enumerate(step.sh) if line is _PAUSE]
        chosen = places if len(places) <= 40 else self._random.sample(places, 40)
        weights = [self._random.expovariate(1) + 0.05 for _ in chosen]
        for step, at in places:
            step.sh[at] = ""
        for (step, at), weight in zip(chosen, weights, strict=True):
            step.sh[at] = f"sleep {max(0.01, weight / sum(weights) * seconds):.3f}"

    def _mark(self, steps: list[_Step], side: str) -> None:
        """Touch `first` after the first byte; have the last byte written after the last pause."""
        writes = [
            (step, at) for step in steps for at, line in enumerate(step.sh) if line and not line.startswith("sleep")
        ]
        if not writes:
            steps[0].sh.append("sleep 1")
            return
        step, at = writes[0]
        step.sh[at] += '\ntrue >"$side/first"'
        ending = steps[-1]
        ending.literal(self._channel(), f"last {self._next()}\n".encode())
