"""Secrets that nobody declared, known by their looks: passwords in URLs, tokens of well-known makers, private keys.

Every repetition is bounded and no pattern begins inside its own run, so that hostile text costs linear time.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

KEY_LIMIT: Final = 32 * 1024
"""A private key has no more characters than this, of any kind known."""

REACH: Final = 4608
"""No other match is longer, in characters."""


class Pattern(NamedTuple):
    """What matches is recognised, its last group (or all of it) is hidden; a text without an opener has no match."""

    openers: tuple[str, ...]
    expression: re.Pattern[str]
    is_secret: Callable[[str, re.Match[str]], bool] = lambda _text, _found: True
    tail: re.Pattern[str] | None = None
    """The end of a text that may become a match, where a match may hold blanks or quotes."""


def _cases(*words: str) -> tuple[str, ...]:
    return tuple(form for word in words for form in dict.fromkeys((word, word.upper(), word.capitalize())))


def _is_bearer_token(text: str, found: re.Match[str]) -> bool:
    # "the bearer of news" is no token; in a header everything is one.
    header = text[max(0, found.start() - 24) : found.start()].rstrip(" \t\"'").lower().endswith("authorization:")
    return header or bool(_TOKEN_LIKE.match(found[1]))


_TOKEN_LIKE = re.compile(r".{16}|[A-Za-z]*[0-9._~+/=-]+[A-Za-z0-9]")
_KEY_NAME = r"(?i:access[_-]?key|api[_-]?key|api[_-]?secret|secret[_-]?key|client[_-]?secret)"
_ASSIGNED = r"""\\?["']?[ \t]{0,8}(?:[=:]|=>)[ \t]{0,8}\\?["']?"""

_ASSIGNED_TAIL = r"""\\?["']?[ \t]{0,8}(?:(?:=>?|:)[ \t]{0,8}\\?["']?)?"""

PATTERNS: Final = (
    # A password in a URL, of any scheme or none: `://user:HERE@`. First as the standard has it, up to the last @ before
    # the path; else one with a bare / ? or #, unless it looks like a port. Never over blanks, quotes or <>.
    Pattern(
        ("://",),
        re.compile(
            r"://[^\s/?#:@\[\]\"<>`\\]{0,256}:"
            r"(?:(?!\d{1,5}')([^\s/?#\"<>`\\]{1,4000})|(?!\d{1,5}[/?#'])([^\s@\"<>`\\]{1,256}))@"
        ),
    ),
    Pattern(
        ("x-access-token:", "oauth2:"), re.compile(r"(?:x-access-token|oauth2):([^\s@\"<>`\\]{1,4000})@")
    ),
    Pattern(
        _cases("bearer "),
        re.compile(r"(?i:bearer)[ \t]{1,8}([A-Za-z0-9._~+/=-]{1,4000})"),
        _is_bearer_token,
        re.compile(r"(?i:bearer)[ \t]{1,8}[A-Za-z0-9._~+/=-]*\Z"),
    ),
    Pattern(
        _cases("authorization"),
        re.compile(rf"(?i:authorization){_ASSIGNED}(?i:basic|token)[ \t]{{1,8}}([A-Za-z0-9._~+/=-]{{1,4000}})"),
        tail=re.compile(rf"(?i:authorization){_ASSIGNED_TAIL}[A-Za-z]{{0,5}}[ \t]{{0,8}}[A-Za-z0-9._~+/=-]*\Z"),
    ),
    Pattern(
        _cases("access_key", "access-key", "accesskey", "api_key", "api-key", "apikey", "api_secret", "api-secret")
        + _cases("apisecret", "secret_key", "secret-key", "secretkey", "client_secret", "client-secret", "clientsecret")
        + ("AccessKey", "apiKey", "ApiKey", "apiSecret", "ApiSecret", "secretKey", "SecretKey", "lientSecret"),
        re.compile(rf"{_KEY_NAME}{_ASSIGNED}(?![./~])([A-Za-z0-9_+/.~=-]{{16,4000}})"),
        tail=re.compile(rf"{_KEY_NAME}{_ASSIGNED_TAIL}[A-Za-z0-9_+/.~=-]*\Z"),
    ),
    Pattern(("eyJ",), re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,2000}(?:\.[A-Za-z0-9_-]{0,2000}){2,4}")),
    Pattern(
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}"),
    ),
    Pattern(
        tuple(f"gl{kind}-" for kind in ["pat", "cbt", "rt", "dt", "ptt", "ft", "agent", "soat", "oas", "imt"]),
        re.compile(r"gl(?:pat|cbt|rt|dt|ptt|ft|agent|soat|oas|imt)-[A-Za-z0-9_.-]{20,255}"),
    ),
    Pattern(
        ("AKIA", "ASIA", "ABIA", "ACCA"),
        re.compile(r"(?<![A-Za-z0-9])A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ),
    Pattern(
        (*(f"xox{kind}-" for kind in "abeoprs"), "xapp-", "hooks.slack.com/services/"),
        re.compile(r"(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,255}|hooks\.slack\.com/services/([A-Za-z0-9_/-]{10,255})"),
    ),
    Pattern(("dckr_pat_",), re.compile(r"dckr_pat_[A-Za-z0-9_-]{20,255}")),
)  # fmt: skip

KEY_OPENER: Final = "-----BEGIN "
_KEY = r" (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_BEGIN = re.compile("-----BEGIN" + _KEY)
_END = re.compile("-----END" + _KEY)
_BEFORE_END = re.compile(r"[A-Za-z0-9+/=]{0,128}\Z")
_REST_OF_LINE = re.compile(r"(?:(?:\\{1,4}[nr]|[ \t]){0,8}[A-Za-z0-9+/=]{24,8192}){0,600}")
_BODY = re.compile(r"[ \t]{0,256}([A-Za-z0-9+/=]{1,128})[ \t\r]{0,256}")
_HEADER = re.compile(r"[ \t]{0,256}((?:[A-Z][A-Za-z-]{1,31}: [^\n]{0,128})?)[ \t\r]{0,256}")
_RUN_BACKWARDS = re.compile(r"[^\s\"<>`\\]*")


class KeyBlock(NamedTuple):
    """A private key in PEM: where its first line begins, what to hide in each line, and whether it may go on."""

    start: int
    end: int
    hidden: tuple[tuple[int, int], ...]
    is_open: bool


def key_blocks(text: str) -> Iterator[KeyBlock]:
    """Yield the private keys in a text, over lines or in one; a block without its end stops where it looks like none."""
    position, line = 0, (0, -1)
    while (begin := _BEGIN.search(text, position)) is not None:
        if begin.start() > line[1]:
            line = (text.rfind("\n", position, begin.start()) + 1, _line_end(text, begin.start()))
        block = _key_in_line(text, begin, *line) or _key_in_lines(text, begin, *line)
        yield block
        position = block.end


def _key_in_line(text: str, begin: re.Match[str], start: int, line_end: int) -> KeyBlock | None:
    """Return the key that ends in the line that it begins in, or is broken off in it; None when it may go on below."""
    limit = min(line_end, begin.start() + KEY_LIMIT)
    another = text.find(KEY_OPENER, begin.end(), limit)
    stop = _end_of_key(text, begin.end(), limit if another < 0 else another)
    if stop is None:
        stop = _hidden_to(text, begin, line_end)
        if not text[stop : min(line_end, stop + 64)].strip(" \t\r\\nr"):
            return None
    return KeyBlock(start, stop, ((begin.start(), stop),), is_open=False)


def _key_in_lines(text: str, begin: re.Match[str], start: int, line_end: int) -> KeyBlock:
    hidden = [(begin.start(), _hidden_to(text, begin, line_end))]
    # What a log's writer puts before each line has the same width before all of them.
    width, limit = min(begin.start() - start, 1024), begin.start() + KEY_LIMIT
    first, is_short = 0, False
    while line_end + 1 < len(text) and line_end < limit:
        line, next_end = line_end + 1, _line_end(text, line_end + 1)
        at = min(line + width, next_end)
        if (end := _end_of_key(text, line, min(next_end, line + 1024))) is not None:
            before = _BEFORE_END.search(text, max(line, end - 256), text.rfind("-----END", line, end))
            hidden.append((before.start() if before else line, end))
            return KeyBlock(start, end, tuple(hidden), is_open=False)
        body = _BODY.fullmatch(text, line, next_end) or _BODY.fullmatch(text, at, next_end)
        if body is not None and is_short and not body[1].startswith("="):
            body = None
        elif body is not None:
            first = first or len(body[1])
            is_short = is_short or len(body[1]) < max(first, 32)
        elif not first:
            body = _HEADER.fullmatch(text, at, next_end)
        if body is None:
            return KeyBlock(start, line_end, tuple(hidden), is_open=False)
        if body[1]:
            hidden.append(body.span(1))
        line_end = next_end
    return KeyBlock(start, min(line_end, len(text)), tuple(hidden), is_open=line_end < limit)


def _end_of_key(text: str, start: int, stop: int) -> int | None:
    end = _END.search(text, start, stop)
    return end.end() if end else None


def _hidden_to(text: str, begin: re.Match[str], line_end: int) -> int:
    rest = _REST_OF_LINE.match(text, begin.end(), line_end)
    return rest.end() if rest else begin.end()


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def live_pattern(text: str) -> int:
    """Return how much of the end of `text`, a line that goes on, begins with an opener and may become a match."""
    begins = [0]
    key = text.rfind(KEY_OPENER, max(0, len(text) - KEY_LIMIT))
    if key >= 0 and _END.search(text, key) is None:
        begins.append(len(text) - key)
    tail = text[-REACH:]
    found = _RUN_BACKWARDS.match(tail[::-1])
    run = tail[len(tail) - found.end() :] if found else ""
    begins += [len(run) - run.find(opener) for one in PATTERNS for opener in one.openers if opener in run]
    tails = (one.tail.search(tail) for one in PATTERNS if one.tail is not None)
    begins += [len(tail) - match.start() for match in tails if match]
    return max(begins)
