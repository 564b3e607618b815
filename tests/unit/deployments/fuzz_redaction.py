"""Fuzz of redaction: secrets × disguises × cut points × nesting, judged by an oracle that knows nothing of the engine.

Run as `python -m tests.unit.deployments.fuzz_redaction --examples 100000`; the count is printed.
"""

import argparse
import base64
import html
import json
import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.deployments import lines as lines_module
from app.deployments.lines import SpoolReader
from app.kit.redaction import Redactor

MASK = "<REDACTED>"
FILLER = "·¦ "
"""Stands between what is planted: in no secret, in no encoding of one, in no match."""
WINDOW = 4096
CODES = [
    *["", "", "", "\x1b[0m", "\x1b[1;31m", "\x1b[K", "\r", "\x1b[38;5;196m"],
    *["\x1b(B\x1b[m", "\x1b]0;title\x07", "\x1b]8;;https://x.example\x07", "\x1b7"],
]


@dataclass(frozen=True)
class Case:
    """Secrets, a text with some of them in disguise, what of it must not be seen, and where it is cut into reads.

    `rest` is how many characters of what is planted may be seen: short lines, letters that their neighbours decide.
    """

    secrets: tuple[str, ...]
    text: str
    forbidden: tuple[str, ...]
    rest: int
    cuts: tuple[int, ...]


def lower_escapes(text: str) -> str:
    return "".join(part.lower() if number % 2 else part for number, part in enumerate(re.split("(%..)", text)))


def html_safe_json(text: str) -> str:
    return "".join(f"\\u{ord(one):04x}" if one in "<>&" else one for one in json.dumps(text, ensure_ascii=False)[1:-1])


BY_LINE: dict[str, Callable[[str], str]] = {
    "raw": str,
    "shell": lambda secret: shlex.quote(f"' {secret}")[len("''\"'\"' ") : -1],
    "shell-closed": lambda secret: secret.replace("'", "'\\''"),
    "shell-double": lambda secret: "".join(f"\\{one}" if one in '\\"$`' else one for one in secret),
    "compose": lambda secret: secret.replace("$", "$$"),
    "yaml": lambda secret: secret.replace("'", "''"),
    "csv": lambda secret: secret.replace('"', '""'),
    "xml": escape,
    "html": html.escape,
}
WHOLE: dict[str, Callable[[str], str]] = {
    "json": lambda secret: json.dumps(secret)[1:-1],
    "json-utf8": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "json-go": html_safe_json,
    "json-in-json": lambda secret: json.dumps(json.dumps(secret))[3:-3],
    "percent": lambda secret: quote(secret, safe=""),
    "percent-lower": lambda secret: lower_escapes(quote(secret)),
    "percent-plus": quote_plus,
    "hex": lambda secret: secret.encode().hex(),
    "hex-upper": lambda secret: secret.encode().hex().upper(),
    "repr": lambda secret: repr(secret)[1:-1],
    "ascii": lambda secret: ascii(secret)[1:-1],
    "bytes": lambda secret: repr(secret.encode())[2:-1],
}
BASE64 = [f"{kind}-{number}" for kind in ("base64", "base64url") for number in range(3)]
DISGUISES = [*BY_LINE, *WHOLE, *BASE64]


def disguise(name: str, secret: str) -> tuple[str, list[str], int]:
    """Return a secret in disguise, the parts of that which give it away, and how many characters do not."""
    if name in BY_LINE:
        lines = [(BY_LINE[name](line), len(line.strip()) < 6) for line in secret.split("\n")]
        short = sum(len(line) for line, is_short in lines if is_short)
        return BY_LINE[name](secret), [line for line, is_short in lines if not is_short], short
    if name in WHOLE:
        text = WHOLE[name](secret)
        return text, [text], 0
    kind, before = name.split("-")
    encode = base64.b64encode if kind == "base64" else base64.urlsafe_b64encode
    around = [encode(one * int(before) + secret.encode() + one * 3).decode() for one in (b"\0", b"\xff", b"a")]
    same = [len(set(letters)) == 1 for letters in zip(*around, strict=True)]
    first = same.index(True) if int(before) else 0
    last = first + (same[first:].index(False) if False in same[first:] else len(same[first:]))
    return around[2], [around[2][first:last]], len(around[2]) - (last - first)


_ANY = st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters=FILLER + "@\u0085")
SECRETS = st.lists(
    st.one_of(
        # Words are left to the tests of what is not searched for; hypothesis knows those of the source.
        st.text(_ANY, min_size=6, max_size=12).filter(lambda text: not text.isalpha()),
        st.text("ab", min_size=6, max_size=9),
        st.text("a\"'\\%+/=ä\n.*[$<&`-", min_size=6, max_size=14),
        st.text("Zz09~!#", min_size=6, max_size=20),
    ).filter(lambda text: len(text.strip()) >= 6),
    min_size=1,
    max_size=4,
)  # fmt: skip


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a case; in some, the text is as long as a line may be before it is cut."""
    secrets = draw(SECRETS)
    if draw(st.booleans()):
        secrets.append(secrets[0] + draw(st.text("xyz01", max_size=4)) + secrets[-1])  # one inside another
    # Up to just before the place where a long line is cut, which depends on some more bytes after it.
    before = draw(st.one_of(st.just(0), st.integers(WINDOW // 2 - 60, WINDOW // 2 - 1)))
    parts = ["·" * before]
    forbidden: list[str] = []
    rest = 0
    for _ in range(draw(st.integers(1, 5))):
        text, parts_of_it, more = disguise(draw(st.sampled_from(DISGUISES)), draw(st.sampled_from(secrets)))
        forbidden += parts_of_it
        rest += more
        step = draw(st.integers(4, 40))
        parts += [text[at : at + step] + draw(st.sampled_from(CODES)) for at in range(0, len(text), step)]
        parts.append(draw(st.text(FILLER + ("" if before else "\n"), max_size=6)))
    whole = "".join((*parts, "·" * 20 if before else ""))
    cuts = draw(st.lists(st.integers(0, len(whole.encode())), max_size=6))
    return Case(tuple(secrets), whole, tuple(forbidden), rest, tuple(sorted(cuts)))


def check(case: Case) -> None:
    """Raise AssertionError when a secret can be seen, or when something else is gone."""
    redactor = Redactor(case.secrets)
    shown = redactor.redact(case.text)
    _see_nothing(shown, case)
    assert _filler(shown) == _filler(case.text), "what is no secret is gone"
    lines = read(redactor, case.text.encode(), case.cuts)
    _see_nothing("\n".join(line.removesuffix(" …").removeprefix("… ") for line in lines), case)
    assert lines == read(redactor, case.text.encode(), ()), "where it is cut can be seen"
    if "\r" not in case.text:
        joined = "".join(line.removesuffix(" …").removeprefix("… ") for line in lines)
        assert _filler(joined) == _filler(case.text.replace("\n", "")), "what is no secret is gone"


def read(redactor: Redactor, data: bytes, cuts: tuple[int, ...]) -> list[str]:
    """Return the lines that a reader makes of what a program wrote to stderr in pieces."""
    reader = SpoolReader(redactor, "abcdefghijklmnopqrstuvwx")
    for begin, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        reader.feed("stderr", begin, data[begin:end])
    reader.finish()
    return [line.text for line in reader.take(10**6).entries]


def _see_nothing(text: str, case: Case) -> None:
    stretches = re.sub(r"\x1b\[[0-9;]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b\(B|\x1b7|\r", "", text).split(MASK)
    for secret in case.forbidden:
        assert not any(secret in stretch for stretch in stretches), f"{secret!r} can be seen"
    left = re.sub(f"[{FILLER}\n]", "", "".join(stretches))
    assert len(left) <= case.rest, f"too much can be seen: {left!r}"


def _filler(text: str) -> str:
    return "".join(one for one in text if one in FILLER)


def fuzz(examples: int, *, is_random: bool = False) -> int:
    """Check so many cases, the same ones each time unless `is_random`; return how many."""
    count = 0

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=not is_random,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases())
    def run(case: Case) -> None:
        nonlocal count
        count += 1
        check(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "LINE_LIMIT", WINDOW)
        run()
    return count


def main() -> None:
    """Fuzz, then print the count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100_000)
    examples = parser.parse_args().examples
    done = 0
    while done < examples:
        done += fuzz(min(10_000, examples - done), is_random=True)
        sys.stdout.write(f"{done} cases, no secret was seen\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
