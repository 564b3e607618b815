"""Redaction and line reading: how long 1, 50 and 500 secrets take on a long log, against a search with `re`.

Run as `python -m benchmarks.redaction`; the last line is the row's figures.
"""

import random
import re
import statistics
import string
import time
from collections.abc import Callable
from functools import partial

from app.deployments.lines import SpoolReader
from app.kit.redaction import Redactor
from app.kit.redaction_forms import forms_of

LINES = 20_000
CHUNK = 32 * 1024
ROUNDS = 5


def median(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    times = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times)


def every(work: Callable[[str], object], texts: list[str]) -> None:
    """Do `work` with each text."""
    for text in texts:
        work(text)


def made_log(chance: random.Random) -> list[str]:
    """Lines of about 100 characters, every fifth one coloured."""
    words = ["".join(chance.choices(string.ascii_lowercase, k=chance.randint(2, 9))) for _ in range(500)]
    lines = []
    for number in range(LINES):
        text = f"2026-01-02T03:04:05Z INFO [{chance.choice(words)}] {' '.join(chance.choices(words, k=11))}"
        lines.append(text if number % 5 else f"\x1b[32m{text}\x1b[0m")
    return lines


def read(data: bytes, redactor: Redactor) -> int:
    """Lines that a reader gives for a spool, in chunks and batches as a worker takes them."""
    reader, count = SpoolReader(redactor, "abcdefghijklmnopqrstuvwx"), 0
    for begin in range(0, len(data), CHUNK):
        reader.feed("stdout", begin, data[begin : begin + CHUNK])
        while entries := reader.take(500).entries:
            count += len(entries)
    return count


def main() -> None:
    """Print a table, then the row."""
    chance = random.Random(1)
    lines = made_log(chance)
    text = "\n".join(lines) + "\n"
    data = text.encode()
    blocks = [text[begin : begin + CHUNK] for begin in range(0, len(text), CHUNK)]
    figures = []
    for count in (1, 50, 500):
        secrets = ["".join(chance.choices(string.ascii_letters + string.digits, k=32)) for _ in range(count)]
        built = median(partial(Redactor, secrets)) * 1e3
        redactor = Redactor(secrets)
        forms = sorted({form for secret in secrets for form in forms_of(secret)}, key=len, reverse=True)
        sample = blocks[: max(1, len(blocks) * 5 // len(forms))]
        by_re = median(partial(every, re.compile("|".join(map(re.escape, forms))).search, sample))
        per_line = 1e6 / LINES
        by_block = median(partial(every, redactor.redact, blocks)) * per_line
        by_line = median(partial(every, redactor.redact, lines)) * per_line
        reading = median(partial(read, data, redactor))
        print(
            f"{count:4} secrets, {len(forms):5} forms, built in {built:5.1f} ms; a line of {len(text) // LINES} "
            f"characters: {by_block:.2f} us in blocks, {by_line:.2f} us alone, "
            f"{by_re * per_line * len(blocks) / len(sample):.2f} us by re, {reading * per_line:.2f} us read and redacted"
        )
        figures.append(f"{LINES / reading / 1e3:.0f}k lines/s with {count}")
    print("redaction: " + ", ".join(figures))


if __name__ == "__main__":
    main()
