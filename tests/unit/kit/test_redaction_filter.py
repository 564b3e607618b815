"""The filter may find too much, never too little."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import SchemaError

from app.kit import redaction, redaction_filter
from app.kit.redaction import Redactor
from app.kit.redaction_filter import WordFilter

WORDS = ["plain", "a.c*[(", "é😀", "tab\there", "-----BEGIN ", "\udcff", "]^-\\", "#& ~"]


@pytest.mark.parametrize("word", WORDS, ids=ascii)
def test_it_finds_each_word_wherever_it_stands(word: str) -> None:
    words = WordFilter(WORDS)
    assert all(words.may_find(text) for text in (word, f"x{word}", f"é{word}x", f"\n{word}\n", f"\udc80{word}"))
    assert not words.may_find("plai abc*[( é tab here -----BEGIN")


def test_it_says_maybe_when_it_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    assert WordFilter(["plain"]).may_find("no UTF-8: \udcff")

    def refuse(_schema: object) -> None:
        raise SchemaError("The pattern is too large.")

    monkeypatch.setattr(redaction_filter, "SchemaValidator", refuse)
    assert WordFilter(["plain"]).may_find("anything")


def test_it_shows_no_word() -> None:
    assert "plain" not in repr(WordFilter(["plain"]))


@given(
    st.lists(
        st.sampled_from(
            [
                "secret1",
                "sec",
                "ret1",
                "\n",
                "\n",
                "\x1b[1m",
                "\r",
                "://u:pw@",
                "é",
                "Bearer a1b2c3",
                "authorization:",
                "x",
            ]
        ),
        max_size=30,
    ).map("".join)
)
def test_a_long_text_is_redacted_as_its_lines_are(text: str) -> None:
    redactor = Redactor(["secret1"])
    lines = [redactor.redact(line) for line in text.split("\n")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, "PIECE", 4)
        assert redactor.redact(text).split("\n") == lines
