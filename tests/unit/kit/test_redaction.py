"""Secrets do not come through, in whatever form they are written; everything else does."""

import base64
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.kit.redaction import MAX_MATCH, REDACTED, Redactor

NONE = Redactor([])


def strip_codes(text: str) -> str:
    return re.sub(r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\r", "", text)


@pytest.mark.parametrize(
    ("secrets", "text", "expected"),
    [
        (["super-secret-value"], "Deploying with super-secret-value in logs", "Deploying with <REDACTED> in logs"),
        (["s3cret/+ pä"], "a s3cret%2F%2B%20p%C3%A4 b", "a <REDACTED> b"),
        (["s3cret/+ pä"], "a s3cret%2f%2b%20p%c3%a4 b", "a <REDACTED> b"),
        (["s3cret/+ pä"], "a s3cret%2F%2B+p%C3%A4 b", "a <REDACTED> b"),
        (["s3cret/+ pä"], "a s3cret/%2B%20p%C3%A4 b", "a <REDACTED> b"),
        (['say "hi"\\now'], 'x {"a":"say \\"hi\\"\\\\now"}', 'x {"a":"<REDACTED>"}'),
        (["pässword"], '{"a":"p\\u00e4ssword"}', '{"a":"<REDACTED>"}'),
        (["pass1234"], "is cGFzczEyMzQ= now", "is <REDACTED> now"),
        (["abcdef", "defghi"], "-abcdefghi-", "-<REDACTED>-"),
        (["abcdefghi", "def5"], "abcdefghi def5 abcdef", "<REDACTED> <REDACTED> abcdef"),
        (["abcd"], "abcdabcd", "<REDACTED><REDACTED>"),
        (["hunter2hunter"], "\x1b[31mhunter2\x1b[0m\x1b[1mhunter\x1b[0m!", "\x1b[31m<REDACTED>\x1b[0m!"),
        (["hunter2"], "50%\rhun\rter2 x", "50%\r<REDACTED> x"),
        (["1abcdef"], "\x1b[1abcdef", "\x1b[<REDACTED>"),
        (["first line\nsecond line\n"], "first line\nsecond lin\nsecond line", "<REDACTED>\nsecond lin\n<REDACTED>"),
        (["first line\nsecond line"], "first line%0Asecond line", "<REDACTED>%0A<REDACTED>"),
        (["first=\nsecond="], "first%3D%0Asecond%3D", "<REDACTED>"),
        (["a"], "a cat, a-b abc", "<REDACTED> cat, <REDACTED>-b abc"),
        (["q\nlong enough"], "q long enough", "q <REDACTED>"),
        (["", "   ", "\n"], "nothing \n here   ", "nothing \n here   "),
        (["a.c*[("], "a.c*[( abc*[(", "<REDACTED> abc*[("),
        (["\N{SNOWMAN}\N{PILE OF POO}x1"], "😀\N{SNOWMAN}\N{PILE OF POO}x1😀", "😀<REDACTED>😀"),
        (["abcd\x1b[1mefgh"], "abcdefgh abcd\x1b[1mefgh", "<REDACTED> <REDACTED>"),
    ],
)
def test_a_secret_is_replaced_by_exactly_the_mask(secrets: list[str], text: str, expected: str) -> None:
    assert Redactor(secrets).redact(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://app:pw@db:5432/app", "postgres://app:<REDACTED>@db:5432/app"),
        ("postgresql+asyncpg://app:p%40w@db/app", "postgresql+asyncpg://app:<REDACTED>@db/app"),
        ("redis://:pw@cache:6379/0", "redis://:<REDACTED>@cache:6379/0"),
        ("clickhouse://u:pw@ch:9000", "clickhouse://u:<REDACTED>@ch:9000"),
        ("mongodb+srv://u:pw@a,b/db?x=1", "mongodb+srv://u:<REDACTED>@a,b/db?x=1"),
        ("mongodb://u:pw@a:27017,b:27017/db", "mongodb://u:<REDACTED>@a:27017,b:27017/db"),
        ("odd://u:p@ss@host/x@y", "odd://u:<REDACTED>@host/x@y"),
        ("odd://u:p/a?s#s@host", "odd://u:<REDACTED>@host"),
        ("https://h/ ftp://u:a@h1 ftp://u:b@h2", "https://h/ ftp://u:<REDACTED>@h1 ftp://u:<REDACTED>@h2"),
        ("rediss://:p\x1b[1mw@h", "rediss://:<REDACTED>@h"),
        ("git clone https://x-access-token:ghs_1@x.y/z", "git clone https://x-access-token:<REDACTED>@x.y/z"),
        ("x-access-token:ghs_1@x oauth2:t@y", "x-access-token:<REDACTED>@x oauth2:<REDACTED>@y"),
        ("Authorization: Bearer abc", "Authorization: Bearer <REDACTED>"),
        ("-H 'authorization:bearer  abc.def'", "-H 'authorization:bearer  <REDACTED>'"),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.e30.x_-A", "Bearer <REDACTED>"),
    ],
)
def test_passwords_that_nobody_declared_are_hidden(text: str, expected: str) -> None:
    assert NONE.redact(text) == expected
    assert NONE.redact(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "http://host/a b: c foo@x",
        "http://host:8080/path/foo@x",
        "http://host:8080?mail=foo@x",
        "http://host:\nfoo@x",
        "http://[::1]:8080/a@b",
        '{"url":"http://host:80","mail":"a@b.c"}',
        "['http://host:80','a@b.c']",
        "<a href=http://h:80>a@b.c</a>",
        "https://user@host/",
        "a: b@c, mailto:a@b.c",
        "the bearer of bad news",
        "Bearer\nabc.def.ghi",
    ],
)
def test_what_holds_no_password_stays(text: str) -> None:
    assert NONE.redact(text) is text


def test_a_text_without_a_match_is_the_same_object() -> None:
    text = "\x1b[32mready\x1b[0m in 5 s\r\n" * 3
    assert Redactor(["secret-1", "x9"]).redact(text) is text


def test_base64_of_a_secret_inside_a_longer_text_is_hidden_at_every_alignment() -> None:
    secret = "correct horse battery"
    for before in range(4):
        for after in range(4):
            encoded = base64.b64encode(b"?" * before + secret.encode() + b">" * after).decode()
            hidden = Redactor([secret]).redact(f"<{encoded}>")
            assert REDACTED in hidden
            assert len(hidden) <= len(REDACTED) + 2 + 12


def test_a_secret_longer_than_any_match_is_hidden_in_pieces() -> None:
    secret = "".join(chr(97 + (i * i) % 26) + str(i) for i in range(3 * MAX_MATCH))
    assert set(Redactor([secret]).redact(f"-{secret}-").split(REDACTED)) == {"-", ""}


def test_live_tail_is_what_may_become_a_match() -> None:
    redactor = Redactor(["hunter2hunter3"])
    assert redactor.live_tail("a hunter2h") == 8
    assert redactor.live_tail("a hun\x1b[1mter2\x1b[") == len("hun\x1b[1mter2\x1b[")
    assert redactor.live_tail("a hunted") == 0
    assert redactor.live_tail("see redis://u:pw") == len("://u:pw")
    assert redactor.live_tail("see http:/") == 2
    assert redactor.live_tail("x Bearer abc") == len("bearer abc")
    assert redactor.live_tail("x \x1b[3") == 3
    assert redactor.live_tail("") == 0


def test_split_never_cuts_a_match() -> None:
    redactor = Redactor(["hunter2hunter3", "aaaa"])
    assert redactor.split("ab hunter2hunter3 cd") == ("ab <REDACTED> cd", 20)
    assert redactor.split("ab hunter2hun") == ("ab ", 3)
    # Cut between matches that overlap: both sides hide their part.
    shown, length = redactor.split("x" + "a" * 50)
    assert shown == "x<REDACTED>"
    assert redactor.redact("a" * (51 - length) + "aab") == "<REDACTED>b"


SECRETS = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x1b\r"), min_size=4, max_size=24),
        st.text("ab", min_size=4, max_size=8),
        st.text("a\"'\\%+/ =ä\n.*[$", min_size=4, max_size=16),
    ),
    min_size=1,
    max_size=5,
)
CODES = st.sampled_from(["", "", "\x1b[0m", "\x1b[1;31m", "\x1b[K", "\r", "\x1b[38;5;196m"])


@st.composite
def disguised(draw: st.DrawFn) -> tuple[list[str], str]:
    """Secrets, and a text that holds some of them: encoded, nested, with codes in between, among other text."""
    secrets = draw(SECRETS)
    if draw(st.booleans()):
        secrets.append(secrets[0] + draw(st.text("xyz01", max_size=4)) + secrets[-1])  # one inside another
    parts: list[str] = []
    for _ in range(draw(st.integers(1, 5))):
        secret = draw(st.sampled_from(secrets))
        form = draw(st.sampled_from(["raw", "quote", "lower", "plus", "json", "base64", "urlsafe"]))
        before = draw(st.binary(max_size=4))
        encoded = {
            "raw": secret,
            "quote": quote(secret, safe=""),
            "lower": re.sub("%..", lambda found: found[0].lower(), quote(secret)),
            "plus": quote_plus(secret),
            "json": json.dumps(secret)[1:-1],
            "base64": base64.b64encode(before + secret.encode() + b"!").decode(),
            "urlsafe": base64.urlsafe_b64encode(before + secret.encode()).decode(),
        }[form]
        parts.append(draw(st.text("ab :/@\n", max_size=5)))
        step = draw(st.integers(1, 9))
        parts += [encoded[i : i + step] + draw(CODES) for i in range(0, len(encoded), step)]
    return secrets, "".join(parts)


def forms_of(secret: str) -> list[str]:
    """What must not be seen, written down again and apart from the engine."""
    lines = [line.strip() for line in secret.splitlines()] if len(secret.splitlines()) > 1 else [secret]
    found: list[str] = []
    for line in (line for line in lines if len(line) >= 4):
        found += [line, quote(line, safe=""), quote_plus(line), quote(line), json.dumps(line)[1:-1]]
        data = line.encode()
        found.append(base64.b64encode(data[: len(data) // 3 * 3]).decode())
        found.append(base64.b64encode(data[2 : 2 + (len(data) - 2) // 3 * 3]).decode() if len(data) > 10 else "")
        found.append(base64.b64encode(data[1 : 1 + (len(data) - 1) // 3 * 3]).decode() if len(data) > 10 else "")
    return [form for form in found if len(form) >= 4 and form.strip() and "\n" not in form]


@settings(max_examples=400, deadline=None)
@given(disguised())
@example((["abab", "baba"], "ababa"))
def test_no_secret_survives(case: tuple[list[str], str]) -> None:
    secrets, text = case
    redactor = Redactor(secrets)
    shown = redactor.redact(text)
    for stretch in strip_codes(shown).split(REDACTED):
        for secret in secrets:
            for form in forms_of(secret):
                assert form not in stretch
    assert shown.count("\n") == text.count("\n")
    assert "\n".join(map(redactor.redact, text.split("\n"))) == shown


@settings(max_examples=400, deadline=None)
@given(disguised(), st.data())
def test_no_secret_survives_a_cut(case: tuple[list[str], str], data: st.DataObject) -> None:
    secrets, text = case
    text = "0" * 8 + text.replace("\n", "") + "0"
    redactor = Redactor(secrets)
    seen = data.draw(st.integers(1, len(text)))
    left, length = redactor.split(text[:seen])
    assert 0 < length <= seen
    if length == seen and redactor.live_tail(text[:seen]):
        return  # all of it may be one match: a real window is many times longer than any match
    right = redactor.redact(text[length:])
    for stretch in (*strip_codes(left).split(REDACTED), *strip_codes(right).split(REDACTED)):
        for secret in secrets:
            assert not any(form in stretch for form in forms_of(secret))
    # What either side shows, the whole shows too: a cut brings nothing to light.
    whole = strip_codes(redactor.redact(text))
    for side in (left, right):
        for stretch in strip_codes(side).split(REDACTED):
            assert stretch in whole
