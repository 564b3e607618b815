"""Commands as values: what is quoted, what is masked, and that a real shell agrees."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.remote.command import Command, Raw, Secret, quote

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("plain", "plain"),
        ("/data/a-b_c.d:1,2@%+=", "/data/a-b_c.d:1,2@%+="),
        ("", "''"),
        ("two words", "'two words'"),
        ("it's", "'it'\\''s'"),
        ("$(id)", "'$(id)'"),
        ("~", "'~'"),
        ("a\nb", "'a\nb'"),
        ("é", "'é'"),
        ("٣", "'٣'"),
    ],
)
def test_words_are_quoted_only_where_a_shell_would_look(word: str, quoted: str) -> None:
    assert quote(word) == quoted


@pytest.mark.parametrize("word", ["a\0b", "\udc80"])
def test_what_no_argument_can_carry_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="shell word"):
        quote(word)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=6))
def test_a_shell_sees_the_very_words(words: list[str]) -> None:
    shell = Command("printf", "%s\\0", *words).reveal()
    printed = subprocess.run(["sh", "-c", shell], capture_output=True, check=True).stdout
    assert printed == "".join(f"{word}\0" for word in words).encode()


def test_a_secret_shows_nowhere_but_in_reveal() -> None:
    secret = Secret("pass word")
    command = Command("login", "--password", secret, Command("and", secret))
    for shown in (str(secret), repr(secret), f"{secret}", f"{secret:>30}", f"{secret!r}", str([secret])):
        assert "pass" not in shown
    assert str(command) == repr(command)[len("Command(") : -1] == "login --password <REDACTED> and <REDACTED>"
    assert command.reveal() == "login --password 'pass word' and 'pass word'"


def test_secrets_and_commands_are_values() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert Command("a", Secret("b")) == Command("a", Secret("b"))
    assert len({Command("a"), Command("a"), Command("b")}) == 2


def test_commands_are_joined_by_operators_a_shell_knows() -> None:
    one, two = Command("echo", "&&"), Command("wc", "-c")
    assert one.then(two).reveal() == "echo '&&' && wc -c"
    assert one.pipe(two).reveal() == "echo '&&' | wc -c"
    assert one.or_else(two).reveal() == "echo '&&' || wc -c"
    assert Command("ls", Raw(">/dev/null")).reveal() == "ls >/dev/null"
