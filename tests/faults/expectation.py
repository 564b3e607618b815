"""What a log must hold, said a second time: the rules of lines and redaction, written for simplicity and not for speed.

Nothing here comes from the product. It works on whole spools, so it knows nothing of cuts, offsets, batches or buffers.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

LIMIT = 65536
SHORTEST = 6
HIDDEN = "<REDACTED>"
GOES_ON, WENT_BEFORE = " …", "… "

_CODE_OR_RETURN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
_PASSWORD_IN_URL = re.compile(r"://[^\s/:@]*:([^\s/@]+)@")
_BEARER = re.compile(r"Authorization: Bearer ([A-Za-z0-9._~+/=-]+)")


@dataclass(frozen=True)
class Expected:
    """A line as it must be stored: as one entry, or as marked pieces that make up `text` when it is longer than 64 KiB."""

    text: str
    is_cut: bool = False


def split_steps(spool: bytes, nonce: str) -> dict[int, bytes]:
    """Return what a spool holds by step; a step begins with its marker, which counts up from 1."""
    parts: dict[int, bytes] = {}
    step, begin = 0, 0
    while True:
        marker = b"\x1e" + nonce.encode() + b":" + str(step + 1).encode() + b"\x1e\n"
        at = spool.find(marker, begin)
        if at < 0:
            parts[step] = spool[begin:]
            return parts
        parts[step] = spool[begin:at]
        step, begin = step + 1, at + len(marker)


def expected_lines(data: bytes, secrets: Sequence[str]) -> list[Expected]:
    """Return the lines of what a step wrote to one stream."""
    forms = _forms_of_all(secrets)
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [_expected(line, forms) for line in lines]


def redact(text: str, secrets: Sequence[str]) -> str:
    """Return a line without what must not be seen."""
    return _redact(text, _forms_of_all(secrets))


def _expected(line: bytes, forms: Sequence[str]) -> Expected:
    text = _redact(line.replace(b"\0", b"").decode("utf-8", "replace"), forms)
    is_progress = "\r" in text
    if is_progress:
        text = _last_state(text)
    return Expected(text, is_cut=len(line) > LIMIT and not is_progress)


def _last_state(text: str) -> str:
    states = text.split("\r")
    for state in reversed(states):
        if _CODE_OR_RETURN.sub("", state).strip():
            return state
    return next((state for state in reversed(states) if state), "")


def _redact(text: str, forms: Sequence[str]) -> str:
    bare, places = _bare(text)
    hidden: list[tuple[int, int]] = []
    for begin, end in _found(text, forms):
        hidden.append((begin, end))
    if bare != text:
        hidden += [(places[begin], places[end - 1] + 1) for begin, end in _found(bare, forms)]
    if not hidden:
        return text
    result, shown = "", 0
    for begin, end in _without_overlaps(hidden):
        result += text[shown:begin] + HIDDEN
        shown = end
    return result + text[shown:]


def _found(text: str, forms: Sequence[str]) -> Iterable[tuple[int, int]]:
    for form in forms:
        at = text.find(form)
        while at >= 0:
            yield at, at + len(form)
            at = text.find(form, at + 1)
    for pattern in (_PASSWORD_IN_URL, _BEARER):
        for match in pattern.finditer(text):
            yield match.span(1)


def _without_overlaps(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(ranges):
        if merged and begin < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _bare(text: str) -> tuple[str, list[int]]:
    """Return a text without colour codes and returns, and where each of its characters stood."""
    hidden = {at for code in _CODE_OR_RETURN.finditer(text) for at in range(*code.span())}
    if not hidden:
        return text, []
    places = [at for at in range(len(text)) if at not in hidden]
    return "".join(text[at] for at in places), places


def _forms_of_all(secrets: Sequence[str]) -> list[str]:
    return sorted({form for secret in secrets for form in _forms(secret)})


def _forms(secret: str) -> set[str]:
    """Return the texts that give a secret away; one of several lines is looked for line by line."""
    lines = secret.split("\n")
    forms = set(lines)
    for value in {secret, *(line.strip() for line in lines)}:
        forms |= {quote(value, safe=safe) for safe in ("", "/", "!'()*", "!'()*;,/?:@&=+$#", "$&+,;=", "!$&'()*+,;=:")}
        forms |= {value, quote_plus(value), json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
        forms |= _base64_forms(value.encode()) if len(value) >= SHORTEST else set()
        forms |= {
            value.encode().hex(),
            value.encode().hex().upper(),
            html.escape(value),
            html.escape(value, quote=False),
        }
        forms |= {repr(value)[1:-1], ascii(value)[1:-1], value.replace("'", "'\"'\"'"), value.replace("'", "'\\''")}
    forms |= {re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in forms if "%" in form}
    return {form for form in forms if len(form.strip()) >= SHORTEST and "\n" not in form}


def _base64_forms(value: bytes) -> set[str]:
    """Return the letters that do not depend on what stands around the value, at each of the three alignments."""
    forms = {base64.b64encode(value).decode()}
    for before in range(3):
        texts = [
            base64.b64encode(neighbour * before + value + neighbour * 3).decode()
            for neighbour in (b"\0", b"\xff", b"a")
        ]
        same = [len(set(letters)) == 1 for letters in zip(*texts, strict=True)]
        first = (before * 8 + 5) // 6
        last = (before + len(value)) * 8 // 6
        assert all(same[first:last])
        forms.add(texts[0][first:last])
    return forms | {form.replace("+", "-").replace("/", "_") for form in forms}
