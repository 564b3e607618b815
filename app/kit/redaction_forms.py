"""Every text that gives a secret away: as it is, quoted, escaped and encoded, each in one line."""

import base64
import html
import json
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

SHORTEST: Final = 6
"""A shorter secret is not searched for: it would blank half of the log."""

COMMON: Final = frozenset({
    "absent", "administrator", "clickhouse", "container", "database", "default", "docker", "dragonfly",
    "enabled", "disabled", "example", "latest", "localhost", "mariadb", "mongodb", "mysqld", "nobody",
    "password", "postgres", "postgresql", "private", "production", "public", "removed", "running", "secret",
    "server", "service", "shiplog", "started", "stopped", "success", "system", "testing", "unknown", "valkey",
    "volume", "warning",
})  # fmt: skip
"""Words of any log, in lower case, none shorter than `SHORTEST`: hiding them hides nothing and spoils the log."""

_CODE = (
    r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]"  # colour, cursor
    r"|\][^\x07\x1b\n]{0,1024}(?:\x07|\x1b\\)"  # title, link
    r"|[ -/]{1,8}[0-~]|[0-Z\\^-~])"  # character set, as `tput sgr0` prints it, and the short ones
)
CODES: Final = re.compile(_CODE)
"""Escape sequences. The bounds keep a stray ESC [ from hiding a long stretch of text from the search.

What is stripped from a log is this and nothing more: else what redaction did not see as one would become one.
"""
UNSEEN: Final = re.compile(rf"{_CODE}|\r")
"""What a terminal does not show: escape sequences, and the return of a progress line."""
OPEN_CODE: Final = re.compile(r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}|\][^\x07\x1b\n]{0,1024}\x1b?|[ -/]{1,8})?\Z")
"""The end of a text that may become an escape sequence, of at most `LONGEST_CODE` characters."""
LONGEST_CODE: Final = 1100

_NOT_BARE_IN_SHELL = re.compile(r"([^A-Za-z0-9_/.,:=@%^+-])")
_ESCAPED_CODE = re.compile(r"%[0-9A-F]{2}")
_UNICODE_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)(\\u[0-9a-f]{4})")
_URL_SAFE = str.maketrans("+/", "-_")


def why_not_searched(secret: str) -> str | None:
    """Return why a secret cannot be looked for in a log, as the end of a sentence; None when it can."""
    bare = secret.strip()
    if len(bare) < SHORTEST:
        return f"it has fewer than {SHORTEST} characters"
    if bare.lower() in COMMON:
        return "it is a word that logs contain anyway"
    return None


def forms_of(secret: str) -> set[str]:
    """Return what to look for: no form holds a newline or a colour code, none is shorter than `SHORTEST`."""
    forms = {form for value in _values(secret) for form in _disguises(value)}
    seen = {UNSEEN.sub("", form.replace("\0", "")) for form in forms}
    return {form for form in seen if "\n" not in form and why_not_searched(form) is None}


def _values(secret: str) -> set[str]:
    """Return the secret, with and without the blanks around it, and each line of one that has several."""
    lines = map(str.strip, secret.splitlines())
    return {value for value in (secret, secret.strip(), *lines) if why_not_searched(value) is None}


def _disguises(value: str) -> Iterator[str]:
    yield value
    yield from _shell_quoted(value)
    yield from _json_escaped(value)
    yield from _xml_escaped(value)
    yield from _as_literal(value)
    yield from _percent_encoded(value)
    yield from _base64_encoded(value)
    digits = _bytes(value).hex()
    yield from (digits, digits.upper())


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def _shell_quoted(value: str) -> set[str]:
    """Within single quotes, double quotes or none, and doubled as YAML, SQL and CSV have them, Compose its dollar."""
    in_double = re.sub(r'([\\"$`])', r"\\\1", value)
    return {
        value.replace("'", "'\"'\"'"),
        value.replace("'", "'\\''"),
        in_double,
        _NOT_BARE_IN_SHELL.sub(r"\\\1", value),
        *(value.replace(one, one * 2) for one in "$'\""),
    }


def _json_escaped(value: str) -> set[str]:
    """As Python, Go (which escapes what HTML knows) and PHP (which escapes the slash) write it; and once more within."""
    plain = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    for form in tuple(plain):
        for_html = form
        for character in "<>&":
            for_html = for_html.replace(character, f"\\u{ord(character):04x}")
        plain |= {for_html, form.replace("/", "\\/")}
    plain |= {_UNICODE_ESCAPE.sub(lambda found: found[1] + "\\u" + found[2][2:].upper(), form) for form in plain}
    return plain | {json.dumps(form, ensure_ascii=False)[1:-1] for form in plain}


def _xml_escaped(value: str) -> set[str]:
    numbered = html.escape(value, quote=False).replace('"', "&#34;").replace("'", "&#39;")
    named = escape(value, {'"': "&quot;", "'": "&apos;"})
    return {escape(value), escape(value, {'"': "&quot;"}), html.escape(value), named, numbered}


def _as_literal(value: str) -> set[str]:
    """As Python's `repr`, `ascii` and bytes and Go's `%q` and `%+q` print it."""
    printed = {repr(value)[1:-1], ascii(value)[1:-1], repr(_bytes(value))[2:-1]}
    printed |= {form.replace("\\'", "'") for form in printed}
    forms = {form.replace("'", "\\'") for form in printed} | {form.replace('"', '\\"') for form in printed} | printed
    go = json.dumps(value, ensure_ascii=False)[1:-1]
    go = re.sub(r"\\u00([01][0-9a-f])", lambda found: _GO_ESCAPES.get(found[1], f"\\x{found[1]}"), go)
    wide = re.sub(r"[^\x00-\x7f]", lambda found: _go_escape(ord(found[0])), go)
    return forms | {go, wide}


_GO_ESCAPES = {"07": "\\a", "0b": "\\v"}


def _go_escape(character: int) -> str:
    return f"\\u{character:04x}" if character < 0x10000 else f"\\U{character:08x}"


def _percent_encoded(value: str) -> set[str]:
    # Encoders differ in what they leave alone: none, Python's quote, JavaScript's two, Go's in a URL's user part.
    data = _bytes(value)
    encoded = {quote(data, safe=safe) for safe in ("", "/", "!'()*", "!'()*;,/?:@&=+$#", "$&+,;=", "!$&'()*+,;=:")}
    encoded |= {quote_plus(data), quote_plus(data, safe="*").replace("~", "%7E")}
    return encoded | {_ESCAPED_CODE.sub(lambda code: code[0].lower(), form) for form in encoded}


def _base64_encoded(value: str) -> set[str]:
    # Inside a longer encoded text the first and the last letters also depend on the neighbours: they are left out.
    data = _bytes(value)
    whole = base64.b64encode(data).decode()
    forms = {whole}
    for before, mixed in ((0, 0), (1, 2), (2, 3)):
        letters = base64.b64encode(b"\0" * before + data).decode()
        forms.add(letters[mixed : (before + len(data)) * 8 // 6])
    # As `base64` and PEM wrap it: no match spans lines.
    certain = whole[: len(data) * 8 // 6]
    forms |= {certain[at : at + width] for width in (76, 64) for at in range(0, len(certain), width)}
    forms |= {form.translate(_URL_SAFE) for form in forms}
    return forms | {quote(form, safe="") for form in forms}
