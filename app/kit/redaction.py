"""Finds secrets in text, also encoded or broken by colour codes, and puts `<REDACTED>` in their place."""

import base64
import bisect
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple
from urllib.parse import quote, quote_plus

import ahocorasick

REDACTED: Final = "<REDACTED>"

MAX_MATCH: Final = 4096
"""No match is longer, in characters: a longer secret is searched for in pieces. It bounds `live_tail`."""

SHORTEST: Final = 4
"""Shorter secrets are searched for as whole words only, or a one-letter password would blank the log."""

# What a terminal does not show: colour and cursor codes, and the return of a progress line. The bounds
# keep a stray ESC [ from hiding a long stretch of text from the search.
_UNSEEN = re.compile(r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\r")
_OPEN_CODE = re.compile(r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8})?\Z")

# A password in a URL, of any scheme or none: `://user:HERE@`. First as the standard has it, up to the last @
# before the path; else one with a bare / ? or #, unless it looks like a port. Never over blanks, quotes or <>.
_URL = re.compile(
    r"://[^\s/?#:@\[\]\"<>`\\]{0,256}:"
    r"(?:(?!\d{1,5}')([^\s/?#\"<>`\\]{1,4000})|(?!\d{1,5}[/?#'])([^\s@\"<>`\\]{1,256}))@"
)
_TOKEN_USER = re.compile(r"(?:x-access-token|oauth2):([^\s@\"<>`\\]{1,4000})@")
_BEARER = re.compile(r"[Bb](?i:earer)[ \t]{1,8}([A-Za-z0-9._~+/=-]{1,4000})")
_TOKEN_LIKE = re.compile(r".{16}|[A-Za-z]*[0-9._~+/=-]+[A-Za-z0-9]")
_OPENERS = ("://", "x-access-token:", "oauth2:", "bearer ")
_RUN_BACKWARDS = re.compile(r"[^\s\"<>`\\]*")
_BEARER_TAIL = re.compile(r"bearer[ \t]{1,8}[a-z0-9._~+/=-]*\Z")


class _Match(NamedTuple):
    """Positions in the text: what was recognised, and the part of it that must not be seen."""

    start: int
    end: int
    hide_start: int
    hide_end: int


class Redactor:
    """Hides a set of secrets, and what looks like one, in any number of texts; immutable and safe to share.

    Searched for: every secret (a blank one is none) raw, percent-encoded, JSON-escaped and in base64 at its three
    alignments, each line of a multi-line one too; passwords in URLs, `x-access-token:…@`, `oauth2:…@`, `Bearer …`.
    The search is one pass (Aho-Corasick) whatever the number of secrets; it looks through colour codes and returns.
    No match spans a newline, so redacting a text is redacting its lines.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in set(secrets) for form in _forms(secret)}
        words = {form for form in forms if len(form) < SHORTEST}
        pieces = {piece for form in forms - words for piece in _pieces(form)}
        self._longest = max(map(len, pieces | words), default=0)
        self._words = re.compile(rf"(?<!\w)(?=({_alternatives(words)})(?!\w))") if words else None
        self._prefixes = ahocorasick.Automaton()
        for piece in pieces | words:
            self._prefixes.add_word(piece, len(piece))
        self._forms = ahocorasick.Automaton()
        for piece in pieces:
            self._forms.add_word(piece, len(piece))
        self._forms.make_automaton()
        self._has_forms = bool(pieces)

    def redact(self, text: str) -> str:
        """Return `text` with every match replaced by exactly `<REDACTED>`; the same object when there is none."""
        matches = list(self._matches(text))
        return _hide(text, len(text), matches) if matches else text

    def split(self, text: str) -> tuple[str, int]:
        """Cut a text that goes on but is too long to keep whole: its redacted beginning, and how much that stands for.

        The number is in characters of `text`, > 0 unless `text` is empty. What is left can be redacted together with
        what follows: no secret comes out because of the cut. (Only a secret strewn with so many colour codes that it
        fills the whole text is cut inside; both sides of it are less than the secret.)
        """
        matches = list(self._matches(text))
        cut = len(text) - self.live_tail(text)
        # Overlapping matches: cut where the one that reaches farthest begins. It is found again after the cut and
        # covers the ends of all that began before it; before the cut their beginnings are hidden.
        farthest = max((m for m in matches if m.start <= cut), key=lambda m: (m.end, m.start), default=None)
        if farthest is not None and farthest.end > cut:
            cut = farthest.start
        cut = cut or len(text)
        return _hide(text, cut, matches), cut

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where matches lie, as half-open ranges of `text` in order, overlapping ones joined."""
        return _joined((m.start, m.end) for m in self._matches(text))

    def live_tail(self, text: str) -> int:
        """Return the length of the longest end of `text` that what follows could turn into a match."""
        # A code that is not complete yet is looked through like a complete one, and also taken for text.
        code = _OPEN_CODE.search(text, max(0, len(text) - 80))
        end = code.start() if code else len(text)
        longest = len(text) - end
        for view in itertools.chain(_views(text[:end]), [_View(text, [], [])] if code else ()):
            live = max(self._live_form(view.text), _live_pattern(view.text))
            if live:
                longest = max(longest, len(text) - view.position(len(view.text) - live))
        return longest

    def _matches(self, text: str) -> Iterator[_Match]:
        for view in _views(text):
            for start, end, hide_start, hide_end in itertools.chain(self._secrets(view.text), _patterns(view.text)):
                if not view.starts:
                    yield _Match(start, end, hide_start, hide_end)
                else:
                    yield _Match(
                        view.position(start),
                        view.position(end - 1) + 1,
                        view.position(hide_start),
                        view.position(hide_end - 1) + 1,
                    )

    def _secrets(self, text: str) -> Iterator[_Match]:
        if self._has_forms:
            for last, length in self._forms.iter(text):
                yield _Match(last + 1 - length, last + 1, last + 1 - length, last + 1)
        if self._words:
            for word in self._words.finditer(text):
                yield _Match(*word.span(1), *word.span(1))

    def _live_form(self, text: str) -> int:
        for begin in range(max(0, len(text) - self._longest + 1), len(text)):
            if self._prefixes.match(text[begin:]):
                return len(text) - begin
        return 0


class _View(NamedTuple):
    """A text as it is searched, and how to get from its positions back to the text."""

    text: str
    starts: list[int]  # positions in the view before which something was left out
    shifts: list[int]  # how much was left out up to and at each of them

    def position(self, index: int) -> int:
        """Return where the view's character `index` stands in the text."""
        at = bisect.bisect_right(self.starts, index)
        return index + self.shifts[at - 1] if at else index


def _views(text: str) -> Iterator[_View]:
    # The text as it is comes first: what looks like a colour code may be part of a secret.
    yield _View(text, [], [])
    if "\x1b" not in text and "\r" not in text:
        return
    starts: list[int] = []
    shifts: list[int] = []
    gone = 0
    for code in _UNSEEN.finditer(text):
        starts.append(code.start() - gone)
        gone += len(code.group())
        shifts.append(gone)
    if gone:
        yield _View(_UNSEEN.sub("", text), starts, shifts)


def _patterns(text: str) -> Iterator[_Match]:
    if "://" in text:
        for found in _URL.finditer(text):
            yield _Match(*found.span(), *found.span(found.lastindex or 0))
    if "x-access-token:" in text or "oauth2:" in text:
        for found in _TOKEN_USER.finditer(text):
            yield _Match(*found.span(), *found.span(1))
    if "earer" in text or "EARER" in text:
        for found in _BEARER.finditer(text):
            # "the bearer of news" is no token; in a header everything is one.
            header = text[max(0, found.start() - 24) : found.start()].rstrip(" \t").lower().endswith("authorization:")
            if header or _TOKEN_LIKE.match(found[1]):
                yield _Match(*found.span(), *found.span(1))


def _live_pattern(text: str) -> int:
    """Return how much of the end of `text` may be the beginning of a pattern's match."""
    tail = text[-MAX_MATCH - 512 :].lower()
    run_length = _RUN_BACKWARDS.match(tail[::-1])
    run = tail[len(tail) - run_length.end() :] if run_length else ""
    begins = [len(run) - run.find(opener) for opener in _OPENERS[:3] if opener in run]
    begins += [size for opener in _OPENERS for size in range(1, len(opener)) if tail.endswith(opener[:size])]
    bearer = _BEARER_TAIL.search(tail)
    if bearer:
        begins.append(len(tail) - bearer.start())
    return max(begins, default=0)


def _hide(text: str, end: int, matches: Iterable[_Match]) -> str:
    """Return `text[:end]` with what the matches hide replaced; one that reaches over `end` hides up to it."""
    parts: list[str] = []
    shown = 0
    for start, stop in _joined((m.hide_start, m.hide_end) for m in matches):
        if start >= end:
            break
        parts += (text[shown:start], REDACTED)
        shown = min(stop, end)
    return "".join((*parts, text[shown:end]))


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


def _pieces(form: str) -> Iterator[str]:
    """Cut a very long form into pieces of about equal length, each short enough to be held back."""
    count = -(-len(form) // (MAX_MATCH - 1))
    size = -(-len(form) // count)
    for begin in range(0, len(form), size):
        yield form[begin : begin + size]


def _forms(secret: str) -> set[str]:
    """Return every text that gives `secret` away: each stands in one line and holds no colour code."""
    values = {secret, secret.strip()}
    lines = secret.splitlines()
    if len(lines) > 1:
        values = {value for value in (*values, *map(str.strip, lines)) if len(value) >= SHORTEST}
    forms: set[str] = set()
    for value in values:
        if "\n" not in value:
            forms.add(value)
        if len(value) >= SHORTEST:
            forms |= _percent_encoded(value) | _base64_encoded(value) | _json_escaped(value)
    seen = (_UNSEEN.sub("", form.replace("\0", "")) for form in forms)
    return {form for form in seen if form.strip() and "\n" not in form}


def _percent_encoded(value: str) -> set[str]:
    # Encoders differ in what they leave alone: none, Python's quote, JavaScript's two, Go's in a URL's user part.
    safe = ("", "/", "!'()*", "!'()*;,/?:@&=+$#", "$&+,;=", "!$&'()*+,;=:")
    data = value.encode("utf-8", "surrogatepass")
    encoded = {quote(data, safe=characters) for characters in safe} | {quote_plus(data)}
    return encoded | {re.sub("%..", lambda escape: escape[0].lower(), form) for form in encoded}


def _base64_encoded(value: str) -> set[str]:
    # Inside a longer encoded text the first and the last letters also depend on the neighbours: they are left out.
    data = value.encode("utf-8", "surrogatepass")
    forms: set[str] = set()
    for before, mixed in ((0, 0), (1, 2), (2, 3)):
        letters = base64.b64encode(b"\0" * before + data).decode()
        forms.add(letters[mixed : (before + len(data)) * 8 // 6])
    forms.add(base64.b64encode(data).decode())
    forms |= {form.translate(_URL_SAFE) for form in forms}
    return {form for form in forms if len(form) >= SHORTEST}


_URL_SAFE = str.maketrans("+/", "-_")


def _json_escaped(value: str) -> set[str]:
    return {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
