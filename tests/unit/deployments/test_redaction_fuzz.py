"""The fuzz of redaction finds nothing in the engine, and finds what is taken out of it."""

import base64
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import pytest

from app.kit import redaction, redaction_forms
from app.kit.redaction import Redactor
from tests.unit.deployments.fuzz_redaction import fuzz

CASES = 300


def test_no_secret_is_seen_in_any_disguise_wherever_it_is_cut() -> None:
    assert fuzz(CASES) == CASES


def without_alignment(before: int, original: Callable[[str], set[str]], value: str) -> set[str]:
    data = value.encode()
    letters = base64.b64encode(b"\0" * before + data).decode()[(0, 2, 3)[before] : (before + len(data)) * 8 // 6]
    whole = base64.b64encode(data).decode()
    return {form for form in original(value) if not letters.startswith(form.replace("-", "+").replace("_", "/"))} - (
        {whole} if before == 0 else set()
    )


@pytest.mark.parametrize("before", range(3))
def test_it_finds_a_dropped_alignment(before: int, monkeypatch: pytest.MonkeyPatch) -> None:
    original = redaction_forms._base64_encoded
    monkeypatch.setattr(redaction_forms, "_base64_encoded", partial(without_alignment, before, original))
    with pytest.raises(AssertionError, match="can be seen"):
        fuzz(CASES)


@pytest.mark.parametrize(
    "name", ["_shell_quoted", "_json_escaped", "_xml_escaped", "_as_literal", "_percent_encoded", "_base64_encoded"]
)
def test_it_finds_a_missing_disguise(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction_forms, name, lambda _value: set())
    with pytest.raises(AssertionError, match="can be seen"):
        fuzz(CASES)


def test_it_finds_a_missing_carry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Redactor, "live_tail", lambda _self, _text: 0)
    with pytest.raises(AssertionError, match="can be seen"):
        fuzz(CASES)


def without_overlaps(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept


def test_it_finds_matches_that_are_not_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_joined", without_overlaps)
    with pytest.raises(AssertionError, match="can be seen"):
        fuzz(CASES)


def test_it_finds_a_search_that_colour_codes_hide_from(monkeypatch: pytest.MonkeyPatch) -> None:
    def as_it_is(text: str) -> Iterator[redaction._View]:
        yield redaction._View(text, [], [])

    monkeypatch.setattr(redaction, "_views", as_it_is)
    with pytest.raises(AssertionError, match="can be seen"):
        fuzz(CASES)


def test_it_finds_what_is_hidden_in_excess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "forms_of", lambda secret: {secret.strip(), "··"})
    with pytest.raises(AssertionError):
        fuzz(CASES)
