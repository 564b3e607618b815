"""Each disguise of a secret by name, and which secrets are not searched for."""

import base64

import pytest

from app.kit.redaction import REDACTED, Redactor
from app.kit.redaction_forms import COMMON, SHORTEST, forms_of, why_not_searched

SECRET = 'it\'s "5" <$> & é/\\'


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(SECRET, id="raw"),
        pytest.param('it\'"\'"\'s "5" <$> & é/\\', id="shell-single-quoted"),
        pytest.param("it'\\''s \"5\" <$> & é/\\", id="shell-single-quoted-closed"),
        pytest.param('it\'s \\"5\\" <\\$> & é/\\\\', id="shell-double-quoted"),
        pytest.param('it\\\'s\\ \\"5\\"\\ \\<\\$\\>\\ \\&\\ \\é/\\\\', id="shell-unquoted"),
        pytest.param('it\'s "5" <$$> & é/\\', id="compose-dollar"),
        pytest.param('it\'s \\"5\\" <$> & \\u00e9/\\\\', id="json-ascii"),
        pytest.param('it\'s \\"5\\" <$> & \\u00E9/\\\\', id="json-ascii-upper"),
        pytest.param('it\'s \\"5\\" <$> & é/\\\\', id="json-utf8"),
        pytest.param('it\'s \\"5\\" \\u003c$\\u003e \\u0026 é/\\\\', id="json-go"),
        pytest.param('it\'s \\"5\\" <$> & \\u00e9\\/\\\\', id="json-php"),
        pytest.param('it\'s \\\\\\"5\\\\\\" <$> & é/\\\\\\\\', id="json-in-json"),
        pytest.param('it\'s "5" &lt;$&gt; &amp; é/\\', id="xml-text"),
        pytest.param("it's &quot;5&quot; &lt;$&gt; &amp; é/\\", id="xml-attribute"),
        pytest.param("it&apos;s &quot;5&quot; &lt;$&gt; &amp; é/\\", id="xml-named"),
        pytest.param("it&#x27;s &quot;5&quot; &lt;$&gt; &amp; é/\\", id="html-python"),
        pytest.param("it&#39;s &#34;5&#34; &lt;$&gt; &amp; é/\\", id="html-go"),
        pytest.param("it%27s%20%225%22%20%3C%24%3E%20%26%20%C3%A9%2F%5C", id="percent-upper"),
        pytest.param("it%27s%20%225%22%20%3c%24%3e%20%26%20%c3%a9%2f%5c", id="percent-lower"),
        pytest.param("it's%20%225%22%20%3C%24%3E%20%26%20%C3%A9%2F%5C", id="percent-javascript"),
        pytest.param("it%27s+%225%22+%3C%24%3E+%26+%C3%A9%2F%5C", id="percent-plus"),
        pytest.param("aXQncyAiNSIgPCQ+ICYgw6kvXA==", id="base64"),
        pytest.param("aXQncyAiNSIgPCQ-ICYgw6kvXA==", id="base64url"),
        pytest.param("aXQncyAiNSIgPCQ%2BICYgw6kvXA%3D%3D", id="base64-percent"),
        pytest.param("6974277320223522203c243e202620c3a92f5c", id="hex-lower"),
        pytest.param("6974277320223522203C243E202620C3A92F5C", id="hex-upper"),
        pytest.param('it\\\'s "5" <$> & é/\\\\', id="python-repr"),
        pytest.param('it\\\'s "5" <$> & \\xe9/\\\\', id="python-ascii"),
        pytest.param('it\\\'s "5" <$> & \\xc3\\xa9/\\\\', id="python-bytes"),
        pytest.param('it\'s \\"5\\" <$> & \\u00e9/\\\\', id="go-quoted-ascii"),
    ],
)
def test_a_secret_is_known_in_each_disguise(written: str) -> None:
    assert written in forms_of(SECRET)
    assert Redactor([SECRET]).redact(f"a={written};") == f"a={REDACTED};"


def test_go_writes_controls_and_wide_characters_its_own_way() -> None:
    assert "a\\a\\v\\x01\\U0001f4a9\\n end" in forms_of("a\a\v\x01\N{PILE OF POO}\n end")


def test_base64_that_is_wrapped_is_hidden_line_by_line() -> None:
    secret = "".join(chr(33 + number % 90) for number in range(200))
    letters = base64.b64encode(secret.encode() + b"\n").decode()
    for width in (76, 64):
        lines = [letters[at : at + width] for at in range(0, len(letters), width)]
        shown = Redactor([secret]).redact("\n".join(lines)).split("\n")
        assert shown[:-1] == [REDACTED] * (len(lines) - 1)
        assert shown[-1].startswith(REDACTED)


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        pytest.param("12345", f"it has fewer than {SHORTEST} characters", id="short"),
        pytest.param("  123  ", f"it has fewer than {SHORTEST} characters", id="short-in-blanks"),
        pytest.param("postgres", "it is a word that logs contain anyway", id="postgres"),
        pytest.param("Password", "it is a word that logs contain anyway", id="password"),
        pytest.param("123456", None, id="long-enough"),
        pytest.param("postgres1", None, id="more-than-a-word"),
    ],
)
def test_what_would_spoil_the_log_is_not_searched_for(secret: str, reason: str | None) -> None:
    assert why_not_searched(secret) == reason
    assert (Redactor([secret]).redact(f"a {secret} b") == f"a {secret} b") == (reason is not None)


def test_common_words_are_written_as_they_are_compared() -> None:
    assert {word for word in COMMON if word != word.lower() or len(word) < SHORTEST} == set()


def test_lines_of_a_secret_that_would_spoil_the_log_are_left_out() -> None:
    redactor = Redactor(["{\npostgres\nlong enough\n}"])
    assert redactor.redact("{ postgres long enough }") == f"{{ postgres {REDACTED} }}"
