"""Secrets do not come through, in whatever form they are written; everything else does."""

import base64

import pytest

from app.deployments.log_search import without_ansi
from app.kit.redaction import MAX_MATCH, REDACTED, Redactor

NONE = Redactor([])


@pytest.mark.parametrize(
    ("secrets", "text", "expected"),
    [
        (["super-secret-value"], "Deploying with super-secret-value in logs", "Deploying with <REDACTED> in logs"),
        (["s3cret/+ pä"], "a s3cret%2F%2B%20p%C3%A4 b", "a <REDACTED> b"),
        (["s3cret/+ pä"], "a s3cret%2f%2b%20p%c3%a4 b", "a <REDACTED> b"),
        (["s3cret/+ pä"], "a s3cret%2F%2B+p%C3%A4 b", "a <REDACTED> b"),
        (["s3cret/+ pä"], "a s3cret/%2B%20p%C3%A4 b", "a <REDACTED> b"),
        (["it's hers"], "a 'it''s hers' b", "a '<REDACTED>' b"),
        (['say "hi"\\now'], 'x {"a":"say \\"hi\\"\\\\now"}', 'x {"a":"<REDACTED>"}'),
        (["pässword"], '{"a":"p\\u00e4ssword"}', '{"a":"<REDACTED>"}'),
        (["pass1234"], "is cGFzczEyMzQ= now", "is <REDACTED> now"),
        (["abcdef", "defghi"], "-abcdefghi-", "-<REDACTED>-"),
        (["abcdefghi", "defgh5"], "abcdefghi defgh5 abcdefg", "<REDACTED> <REDACTED> abcdefg"),
        (["abcdef"], "abcdefabcdef", "<REDACTED><REDACTED>"),
        (["hunter2hunter"], "\x1b[31mhunter2\x1b[0m\x1b[1mhunter\x1b[0m!", "\x1b[31m<REDACTED>\x1b[0m!"),
        (["hunter2"], "50%\rhun\rter2 x", "50%\r<REDACTED> x"),
        (["1abcdef"], "\x1b[1abcdef", "\x1b[<REDACTED>"),
        (["first line\nsecond line\n"], "first line\nsecond lin\nsecond line", "<REDACTED>\nsecond lin\n<REDACTED>"),
        (["first line\nsecond line"], "first line%0Asecond line", "<REDACTED>%0A<REDACTED>"),
        (["first=\nsecond="], "first%3D%0Asecond%3D", "<REDACTED>"),
        (["a", "12345", "true", "postgres"], "a cat is true to postgres 12345", "a cat is true to postgres 12345"),
        (["q\nlong enough"], "q long enough", "q <REDACTED>"),
        (["", "   ", "\n"], "nothing \n here   ", "nothing \n here   "),
        (["a.c*[("], "a.c*[( abc*[(", "<REDACTED> abc*[("),
        (["\N{SNOWMAN}\N{PILE OF POO}x1y2"], "😀\N{SNOWMAN}\N{PILE OF POO}x1y2😀", "😀<REDACTED>😀"),
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


@pytest.mark.parametrize(
    "code",
    ["\x1b[0m", "\x1b(B\x1b[m", "\x1b]0;title\x07", "\x1b]8;;https://x.example\x1b\\", "\x1bM", "\x1b7", "\x1b#8"],
    ids=["colour", "sgr0", "title", "link", "index", "cursor", "alignment"],
)
def test_a_secret_is_seen_through_every_escape_sequence_also_one_that_is_cut(code: str) -> None:
    redactor = Redactor(["hunter2hunter"])
    text = f"a hunter{code}2hunter b"
    assert redactor.redact(text) == "a <REDACTED> b"
    for end in range(len("a h"), len(text) - len(" b")):
        assert redactor.split(text[:end]) == ("a ", 2)
    assert without_ansi(redactor.redact(text)) == "a <REDACTED> b"


def test_an_escape_sequence_is_not_cut_in_two() -> None:
    redactor = Redactor(["mysecret", "5;196mother"])
    for code in ("\x1b[38;5;196m", "\x1b]0;m\x07"):
        for end in range(1, len(code) + 1):
            assert redactor.split(f"a {code[:end]}") in (("a ", 2), (f"a {code}", len(code) + 2))
    assert redactor.split("a \x1b[38;5;196mother") == ("a ", 2)


def test_what_is_no_escape_sequence_for_redaction_is_not_stripped() -> None:
    for text in (
        "hunter\x1b[" + "1" * 65 + "m2hunter",
        "hunter\x1b]" + "x" * 1025 + "\x072hunter",
        "hunter\x1b]2hunter",
    ):
        assert without_ansi(Redactor(["hunter2hunter"]).redact(text)) == text


def test_live_tail_is_what_may_become_a_match() -> None:
    redactor = Redactor(["hunter2hunter3"])
    assert redactor.live_tail("a hunter2h") == 8
    assert redactor.live_tail("a hun\x1b[1mter2\x1b[") == len("hun\x1b[1mter2\x1b[")
    assert redactor.live_tail("a hunted.") == 0
    assert redactor.live_tail("see redis://u:pw") == len("://u:pw")
    assert redactor.live_tail("see http:/") == 2
    assert redactor.live_tail("x Bearer abc") == len("bearer abc")
    assert redactor.live_tail("x \x1b[3") == 3
    assert redactor.live_tail("x \x1b]0;title\x1b") == len("\x1b]0;title\x1b")
    assert redactor.live_tail("") == 0


def test_split_never_cuts_a_match() -> None:
    redactor = Redactor(["hunter2hunter3", "aaaaaa"])
    assert redactor.split("ab hunter2hunter3 c.") == ("ab <REDACTED> c.", 20)
    assert redactor.split("ab hunter2hun") == ("ab ", 3)
    # Cut between matches that overlap: both sides hide their part.
    shown, length = redactor.split("x" + "a" * 50)
    assert shown == "x<REDACTED>"
    assert redactor.redact("a" * (51 - length) + "aab") == "<REDACTED>b"


def test_redacting_a_text_is_redacting_its_lines_and_no_line_is_lost() -> None:
    redactor = Redactor(["hunter2hunter", "one line\nanother line"])
    text = (
        "a hunter2\nhunter\n\x1b[1mhunter2hunter\x1b[0m\n\nhttp://u:p\n@h one line\nanother line\r\n50%\rhunter2hunter"
    )
    assert "\n".join(map(redactor.redact, text.split("\n"))) == redactor.redact(text)
    assert redactor.redact(text).count("\n") == text.count("\n")


def test_a_line_without_codes_is_no_part_of_a_match_in_those_around_it() -> None:
    redactor = Redactor(["hunter2hunter", "1abcdef"])
    text = "\x1b[1abcdef hun\nplain\nter2hunter \x1b[1m\nhunter2hunter\nx\x1b[1abcdef"
    assert redactor.redact(text) == "\x1b[<REDACTED> hun\nplain\nter2hunter \x1b[1m\n<REDACTED>\nx\x1b[<REDACTED>"


@pytest.mark.parametrize(
    "text",
    [
        "eyJ" * 100_000, "-----BEGIN PRIVATE KEY-----" * 10_000, "-----BEGIN PRIVATE KEY-----\n" * 10_000,
        "://a:" * 60_000, "bearer " * 40_000, "api_key" * 40_000, "api_key" + " " * 300_000, "\x1b[" * 150_000,
        "authorization" * 20_000, "github_pat_" * 30_000, "eyJaaaaaaaa." * 25_000, "hunter2hunte" * 25_000,
        "\x1b]" * 150_000,
    ],
    ids=lambda text: text[:12].strip().replace("\x1b", "ESC").replace("\n", ""),
)  # fmt: skip
def test_hostile_text_is_searched_at_all(text: str) -> None:
    # Without bounds each of these takes minutes, and the suite has a time limit.
    redactor = Redactor(["hunter2hunter"])
    assert redactor.redact(text).count("\n") == text.count("\n")
    assert 0 < redactor.split(text[:65536].replace("\n", " "))[1] <= 65536
