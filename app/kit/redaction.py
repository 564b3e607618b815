"""Finds secrets in text, also encoded or broken by colour codes, and puts `<REDACTED>` in their place."""

import bisect
import itertools
import operator
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final, NamedTuple

import ahocorasick

from app.kit.redaction_filter import WordFilter
from app.kit.redaction_forms import CODES, LONGEST_CODE, OPEN_CODE, UNSEEN, forms_of
from app.kit.redaction_patterns import KEY_OPENER, PATTERNS, key_blocks, live_pattern

REDACTED: Final = "<REDACTED>"

MAX_MATCH: Final = 4096
"""No form is longer, in characters: a longer one is searched for in pieces. It bounds `live_tail`."""

PIECE: Final = 2048
"""A longer text is searched in detail only around what the filter finds in it, in pieces of about so many characters."""

_CODE_OR_RETURN = re.compile(r"\x1b|\r(?!\n)")
_FORM, _KEY = -1, len(PATTERNS)  # what a word of the automaton announces, beside the number of a pattern


class _Match(NamedTuple):
    """Positions in the text: what was recognised, and the part of it that must not be seen."""

    start: int
    end: int
    hide_start: int
    hide_end: int


class Redactor:
    """Hides a set of secrets, and what looks like one, in any number of texts; immutable and safe to share.

    Searched for: every secret that can be (`why_not_searched`) and each line of one that has several, as it is and in
    every form of `redaction_forms`; and what `redaction_patterns` knows by its looks. The search is one pass
    (Aho-Corasick) whatever the number of secrets; it looks through colour codes and returns. No match spans a newline
    but that of a private key, whose lines are hidden one by one: the lines stay as many as they were.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in set(secrets) for form in forms_of(secret)}
        words = {opener: number for number, pattern in enumerate(PATTERNS) for opener in pattern.openers}
        words |= {KEY_OPENER: _KEY}
        words |= {piece: _FORM for form in forms for piece in _pieces(form)}
        self._longest = max(map(len, words))
        self._words = ahocorasick.Automaton()
        for word, meaning in words.items():
            self._words.add_word(word, (meaning, len(word)))
        self._words.make_automaton()

    def redact(self, text: str) -> str:
        """Return `text` with every match replaced by exactly `<REDACTED>`; the same object when there is none."""
        if len(text) > PIECE:
            bare = UNSEEN.sub("", text) if "\x1b" in text or "\r" in text else text
            if not self._filter.may_find(bare) and (bare is text or not self._filter.may_find(text)):
                return text
            cut = text.rfind("\n", 0, len(text) // 2) + 1
            if cut and KEY_OPENER not in bare:  # only a private key goes over lines
                halves = text[:cut], text[cut:]
                redacted = self.redact(halves[0]), self.redact(halves[1])
                return text if all(map(operator.is_, redacted, halves)) else "".join(redacted)
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
        # A match that goes over this escape sequence reaches over the cut, so it is the farthest or covered by that.
        cut = _before_code(text, cut) or len(text)
        return _hide(text, cut, matches), cut

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where matches lie, as half-open ranges of `text` in order, overlapping ones joined."""
        return _joined((m.start, m.end) for m in self._matches(text))

    def live_tail(self, text: str) -> int:
        """Return the length of the longest end of `text`, a line that goes on, that may become a match."""
        # A code that is not complete yet is looked through like a complete one, and also taken for text.
        code = OPEN_CODE.search(text, max(0, len(text) - LONGEST_CODE))
        end = code.start() if code else len(text)
        longest = len(text) - end
        for view in itertools.chain(_views(text[:end]), [_View(text, [], [])] if code else ()):
            live = max(self._live_word(view.text), live_pattern(view.text))
            if live:
                longest = max(longest, len(text) - view.position(len(view.text) - live))
        return longest

    @cached_property
    def _filter(self) -> WordFilter:
        # Built when it is first of use: many a log is short.
        return WordFilter(self._words.keys())

    def _matches(self, text: str) -> Iterator[_Match]:
        for view in _views(text):
            for start, end, hide_start, hide_end in self._found(view):
                if not view.starts:
                    yield _Match(start, end, hide_start, hide_end)
                else:
                    yield _Match(
                        view.position(start),
                        view.position(end - 1) + 1,
                        view.position(hide_start),
                        view.position(hide_end - 1) + 1,
                    )

    def _found(self, view: "_View") -> Iterator[_Match]:
        text, announced = view.text, set()
        for last, (meaning, length) in self._words.iter(text):
            if meaning == _FORM:
                yield _Match(last + 1 - length, last + 1, last + 1 - length, last + 1)
            else:
                announced.add(meaning)
        for number in announced:
            if number != _KEY:
                pattern = PATTERNS[number]
                for found in pattern.expression.finditer(text):
                    if pattern.is_secret(text, found):
                        yield _Match(*found.span(), *found.span(found.lastindex or 0))
            elif view.is_whole:
                for block in key_blocks(text):
                    for span in block.hidden:
                        yield _Match(*span, *span)

    def _live_word(self, text: str) -> int:
        for begin in range(max(0, len(text) - self._longest + 1), len(text)):
            if self._words.match(text[begin:]):
                return len(text) - begin
        return 0


def key_stretches(text: str) -> list[tuple[int, int, bool]]:
    """Return the private keys of several lines in `text`, each with whether it may go on after the text.

    A stretch is a half-open range of line numbers from 0 on. `text` ends with a line's end.
    """
    if KEY_OPENER not in text:
        return []
    bare = UNSEEN.sub("", text)
    stretches: list[tuple[int, int, bool]] = []
    line, position = 0, 0
    for block in key_blocks(bare):
        line += bare.count("\n", position, block.start)
        position = block.start
        end = line + 1 + bare.count("\n", block.start, block.end)
        # One that begins in the last line of another belongs to it: a line is in one stretch.
        begin = stretches.pop()[0] if stretches and line < stretches[-1][1] else line
        stretches.append((begin, end, block.is_open))
    return stretches


class _View(NamedTuple):
    """A text as it is searched, and how to get from its positions back to the text."""

    text: str
    starts: list[int]  # positions in the view before which something was left out
    shifts: list[int]  # how much was left out up to and at each of them
    is_whole: bool = True

    def position(self, index: int) -> int:
        """Return where the view's character `index` stands in the text."""
        at = bisect.bisect_right(self.starts, index)
        return index + self.shifts[at - 1] if at else index


def _views(text: str) -> Iterator[_View]:
    if "\x1b" not in text and "\r" not in text:
        yield _View(text, [], [])
        return
    # What looks like a colour code may be part of a secret: lines with one are searched as they are, too.
    yield _without(text, _lines_without_codes(text), is_whole=False)
    yield _without(text, (code.span() for code in UNSEEN.finditer(text)), is_whole=True)


def _lines_without_codes(text: str) -> Iterator[tuple[int, int]]:
    position = 0
    while (code := _CODE_OR_RETURN.search(text, position)) is not None:
        yield position, max(position, text.rfind("\n", position, code.start()) + 1)
        end = text.find("\n", code.end()) + 1
        position = end or len(text)
    yield position, len(text)


def _without(text: str, gaps: Iterable[tuple[int, int]], *, is_whole: bool) -> _View:
    parts: list[str] = []
    starts: list[int] = []
    shifts: list[int] = []
    gone, position = 0, 0
    for start, end in gaps:
        if start < end:
            parts.append(text[position:start])
            starts.append(start - gone)
            gone += end - start
            shifts.append(gone)
            position = end
    return _View("".join((*parts, text[position:])), starts, shifts, is_whole)


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


def _before_code(text: str, cut: int) -> int:
    """Return where the escape sequence begins that a cut would be inside of; the cut itself when there is none."""
    for code in CODES.finditer(text, max(0, cut - LONGEST_CODE), cut + LONGEST_CODE):
        if code.end() > cut:
            return min(code.start(), cut)
    return cut


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _pieces(form: str) -> Iterator[str]:
    """Cut a very long form into pieces of about equal length, each short enough to be held back."""
    count = -(-len(form) // (MAX_MATCH - 1))
    size = -(-len(form) // count)
    for begin in range(0, len(form), size):
        yield form[begin : begin + size]
