"""Finding entries forwards and backwards, and entries as text."""

from typing import Any

import pytest

from app.deployments import log_search
from app.deployments.log_search import Choice, Interrupted, TextStyle, find_behind, find_last, stream_text, without_ansi
from app.deployments.reading import LogPage
from app.kit.clock import utcnow
from app.models.log_entry import log_entry


def a_log(count: int, **every: Any) -> list[dict[str, Any]]:
    """Return entries of which each third goes to stderr and each fifth is hidden."""
    return [
        log_entry(
            f"line {order}",
            timestamp=utcnow(),
            order=order,
            type="stderr" if order % 3 == 0 else "stdout",
            hidden=order % 5 == 0,
        )
        | every
        for order in range(1, count + 1)
    ]


class Stored:
    """A log that is read in pieces of seven entries."""

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self.entries = entries
        self.reads = 0

    async def behind(self, after: int) -> LogPage | None:
        return await self.part(after, 7)

    async def part(self, after: int, limit: int) -> LogPage | None:
        self.reads += 1
        found = [entry for entry in self.entries if after < entry["order"] <= after + limit]
        return LogPage("finished", len(self.entries), 0, None, found)


def orders(entries: list[dict[str, Any]]) -> list[int]:
    return [entry["order"] for entry in entries]


CHOICES = {
    "all": Choice(include_hidden=True),
    "shown": Choice(),
    "stderr": Choice(type="stderr"),
    "text": Choice(q="LINE 1"),
    "nothing": Choice(q="no such line"),
}
by_choice = pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)


@by_choice
async def test_pages_one_behind_the_other_find_each_wanted_entry_once(choice: Choice) -> None:
    stored = Stored(a_log(100))
    wanted = orders([entry for entry in stored.entries if choice.takes(entry)])
    for limit in (1, 6, 7, 8, 1000):
        found, after = [], 0
        while after < 100:
            page = await find_behind(stored.behind, choice, after=after, limit=limit)
            assert page is not None
            assert len(page.entries) <= limit
            assert (page.status, page.log_count) == ("finished", 100)
            found += orders(page.entries)
            after = page.next_after
        assert found == wanted


@by_choice
async def test_the_last_ones_are_found_from_the_end(choice: Choice) -> None:
    stored = Stored(a_log(2000))
    for after, tail in ((0, 1), (0, 20), (0, 5000), (1990, 20)):
        wanted = [order for order in orders(list(filter(choice.takes, stored.entries))) if order > after][-tail:]
        assert orders(await find_last(stored.part, choice, after=after, count=2000, tail=tail)) == wanted
    stored.reads = 0
    await find_last(stored.part, Choice(), after=0, count=2000, tail=20)
    assert stored.reads == 1


async def test_one_answer_looks_at_a_bounded_number_of_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "MOST_EXAMINED", 20)
    page = await find_behind(Stored(a_log(100)).behind, CHOICES["nothing"], after=0, limit=10)
    assert page is not None
    assert (page.entries, page.next_after) == ([], 21)


@pytest.mark.parametrize(
    ("q", "output", "is_found"),
    [
        ("ERROR", "an error", True),
        ("STRASSE", "straße", True),
        (".*", "anything", False),
        ("a%b_", "A%B_", True),
        ("red hot", "\x1b[31mred\x1b[0m hot", True),
        ("31m", "\x1b[31mred\x1b[0m", False),
    ],
    ids=["case", "fold", "no pattern", "no wildcards", "across colours", "not colours"],
)
def test_a_text_is_literal_and_without_case(q: str, output: str, is_found: bool) -> None:
    (entry,) = a_log(1, output=output)
    assert Choice(q=q).takes(entry) is is_found


async def test_text_is_the_whole_log_with_or_without_times_and_colours() -> None:
    entries = a_log(20, hidden=False, timestamp="2026-01-01T00:00:00.000000Z")
    entries[0] |= {"name": "Pull", "output": "Pull", "command": "docker pull \x1b[1mx\x1b[0m"}
    entries[1] |= {"output": "two\nlines"}
    stored = Stored(entries)

    async def text(style: TextStyle, **how: Any) -> str:
        parts = stream_text(stored.behind, Choice(), style, **{"after": 0, "until": 20, "limit": None, **how})
        return b"".join([part async for part in parts]).decode()

    rest = [f"line {order}" for order in range(3, 21)]
    head = ["── Pull", "$ docker pull \x1b[1mx\x1b[0m", "two", "lines"]
    assert (await text(TextStyle())).split("\n") == [*head, *rest, ""]
    assert (await text(TextStyle(ansi=False))).split("\n")[1] == "$ docker pull x"
    stamped = (await text(TextStyle(timestamps=True))).splitlines()
    assert stamped == [f"2026-01-01T00:00:00.000000Z {line}" for line in [*head, *rest]]
    assert await text(TextStyle(), after=2, limit=3) == "line 3\nline 4\nline 5\n"
    assert await text(TextStyle(), after=17, until=19) == "line 18\nline 19\n"
    del entries[10]
    with pytest.raises(Interrupted):
        await text(TextStyle(), until=19)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b[38;5;208mx\x1b[K", "x"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;https://x.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("[31m is text", "[31m is text"),
    ],
    ids=["colour", "256", "title", "link", "plain"],
)
def test_escape_sequences_are_taken_out(text: str, plain: str) -> None:
    assert without_ansi(text) == plain
