"""What nobody declared is hidden by its looks, in linear time; what only resembles it stays."""

import pytest

from app.kit.redaction import REDACTED, Redactor, key_stretches

NONE = Redactor([])
BODY = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj", "x" * 64, "shorttail=="]
KEY = ["-----BEGIN RSA PRIVATE KEY-----", *BODY, "-----END RSA PRIVATE KEY-----"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"push ghp_{'a1' * 18}.", f"push {REDACTED}.", id="github"),
        pytest.param(f"push github_pat_{'a1_' * 10}.", f"push {REDACTED}.", id="github-fine-grained"),
        pytest.param(f"push glpat-{'a1-_' * 5} x", f"push {REDACTED} x", id="gitlab"),
        pytest.param("id AKIAIOSFODNN7EXAMPLE.", f"id {REDACTED}.", id="aws-key-id"),
        pytest.param(f"aws_secret_access_key = {'a/B+' * 10}", f"aws_secret_access_key = {REDACTED}", id="aws-secret"),
        pytest.param(f'"SecretAccessKey": "{"a/B+" * 10}"', f'"SecretAccessKey": "{REDACTED}"', id="aws-json"),
        pytest.param("api_key=0123456789abcdef", f"api_key={REDACTED}", id="api-key"),
        pytest.param('{"apiKey": "0123456789abcdef"}', f'{{"apiKey": "{REDACTED}"}}', id="api-key-json"),
        pytest.param("API-SECRET: 0123456789abcdef", f"API-SECRET: {REDACTED}", id="api-secret"),
        pytest.param("SECRET_KEY='0123456789abcdef'", f"SECRET_KEY='{REDACTED}'", id="secret-key"),
        pytest.param("xoxb-123456789012-abcDEF", REDACTED, id="slack"),
        pytest.param("at hooks.slack.com/services/T0/B0/xyz1", f"at hooks.slack.com/services/{REDACTED}", id="slack-hook"),
        pytest.param(f"dckr_pat_{'a1-_' * 6}", REDACTED, id="docker"),
        pytest.param("jwt=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x_-A;", f"jwt={REDACTED};", id="jwt"),
        pytest.param("eyJhbGciOiJ\x1b[1mIUzI1NiJ9.eyJzdWIiOiIxIn0.x", REDACTED, id="jwt-coloured"),
        pytest.param("Authorization: Basic dXNlcjpwYXNz", f"Authorization: Basic {REDACTED}", id="basic"),
        pytest.param('"authorization": "token abc"', f'"authorization": "token {REDACTED}"', id="token"),
    ],
)  # fmt: skip
def test_tokens_are_hidden(text: str, expected: str) -> None:
    assert NONE.redact(text) == expected
    assert NONE.redact(expected) == expected
    for cut in range(1, len(text)):
        left, length = NONE.split(text[:cut])
        if length < cut or not NONE.live_tail(text[:cut]):
            assert left + NONE.redact(text[length:]) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("mail a.person@example.com", id="e-mail"),
        pytest.param("secret_key: /run/secrets/the_secret_key", id="path"),
        pytest.param("api_key = short", id="short-value"),
        pytest.param("api_key\n=0123456789abcdef", id="newline"),
        pytest.param("MAKIAIOSFODNN7EXAMPLE", id="within-a-word"),
        pytest.param("sha256:" + "0123456789abcdef" * 4, id="digest"),
        pytest.param("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", id="certificate"),
        pytest.param("basic authorization is required", id="words"),
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert NONE.redact(text) is text


PREFIXES = {"bare": "", "indented": "    ", "compose": "web-1  | ", "coloured": "\x1b[36mweb-1  | \x1b[0m"}


@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES)
def test_a_private_key_is_hidden_line_by_line(prefix: str) -> None:
    text = "".join(f"{prefix}{line}\n" for line in ("before", *KEY, "after"))
    shown = NONE.redact(text)
    assert shown == "".join(f"{prefix}{line}\n" for line in ("before", *[REDACTED] * len(KEY), "after"))
    assert key_stretches(text) == [(1, 1 + len(KEY), False)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("x " + "\\n".join(KEY), f"x {REDACTED}", id="one-line"),
        pytest.param("\n".join(KEY[:-1]) + "\nnot a key\n", (REDACTED + "\n") * 4 + "not a key\n", id="no-end"),
        pytest.param("say -----BEGIN PRIVATE KEY----- first\nx\n", f"say {REDACTED} first\nx\n", id="mentioned"),
        pytest.param(
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n" + "\n".join(KEY[1:]),
            f"{REDACTED}\n{REDACTED}\n\n" + "\n".join([REDACTED] * 4),
            id="headers",
        ),
        pytest.param(f'KEY="{KEY[0]}\n' + "\n".join(KEY[1:]), f'KEY="{REDACTED}\n' + "\n".join([REDACTED] * 4), id="quoted"),
        pytest.param("\r\n".join(KEY), "\r\n".join([REDACTED] * 5), id="windows"),
    ],
)  # fmt: skip
def test_a_private_key_has_many_shapes(text: str, expected: str) -> None:
    assert NONE.redact(text) == expected


def test_a_private_key_may_go_on_as_long_as_it_looks_like_one() -> None:
    lines = [line + "\n" for line in KEY]
    for count in range(1, len(lines)):
        assert key_stretches("x\n" + "".join(lines[:count])) == [(1, 1 + count, True)]
    assert key_stretches("".join(lines[:2]) + "-- no --\n") == [(0, 2, False)]


def test_a_private_key_in_a_line_that_goes_on_is_held_back() -> None:
    text = "key: " + "\\n".join(KEY)
    assert NONE.live_tail(text[:-1]) == len(text) - len("key: ") - 1
    assert NONE.split("key: " + KEY[0] + "\\n" + BODY[0]) == ("key: ", 5)
