"""The lines of two spools: each once, in order, redacted, whatever the chunks, batches and restarts."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compose.marker import step_marker
from app.deployments import lines as lines_module
from app.deployments import private_keys, spool
from app.deployments.batches import Batch, Channel, Line, StepChange
from app.deployments.lines import LINE_LIMIT, SpoolReader
from app.deployments.spool import Gap
from app.kit.redaction import REDACTED, Redactor

NONCE = "abcdefghijklmnopqrstuvwx"
SECRET = "hunter2hunter"


def marker(number: int) -> bytes:
    return step_marker(NONCE, number)


def reader(
    stdout_offset: int = 0, stderr_offset: int = 0, step: int = 0, secrets: Sequence[str] = (SECRET,)
) -> SpoolReader:
    return SpoolReader(Redactor(secrets), NONCE, stdout_offset, stderr_offset, step)


def texts(batch: Batch, channel: Channel = "stdout") -> list[str]:
    return [line.text for line in batch.entries if line.channel == channel]


def one_by_one(batch: Batch) -> tuple[object, ...]:
    return (batch.entries, *batch[1:])


def read(data: bytes, channel: Channel = "stdout") -> list[str]:
    one = reader()
    one.feed(channel, 0, data)
    one.finish()
    batch = one.take(10**6)
    assert batch.stdout_offset + batch.stderr_offset == len(data)
    return texts(batch, channel)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"one\ntwo", ["one", "two"]),
        (b"\n\n", ["", ""]),
        (b"  a  \n\tb\t\n", ["  a  ", "\tb\t"]),
        (b"one\r\ntwo\r\n\r\n", ["one", "two", ""]),
        (b"10%\r50%\r100%\ndone\n", ["100%", "done"]),
        (b"10%\r50%\r  \r\x1b[K\nx\n", ["50%", "x"]),
        (b"a\x0bb\x0cc\xc2\x85d\xe2\x80\xa8e\n", ["a\x0bb\x0cc\x85d\u2028e"]),
        (b"\xffbad \xe2\x82\nok\n", ["\ufffdbad \ufffd", "ok"]),
        (b"n\0u\0l\n\0\n", ["nul", ""]),
        (b"\x1b[31mred\x1b[0m\n", ["\x1b[31mred\x1b[0m"]),
        (b"a hunter2hunter b\nhunter2\nhunter\n", ["a <REDACTED> b", "hunter2", "hunter"]),
        (b"hunter2\rhunter\nhun\0ter2hunter\n", ["<REDACTED>", "<REDACTED>"]),
    ],
)
def test_bytes_become_lines(data: bytes, expected: list[str]) -> None:
    assert read(data) == expected
    assert read(data, "stderr") == expected


def test_an_unfinished_line_is_neither_given_nor_acknowledged_before_the_end() -> None:
    one = reader()
    one.feed("stdout", 0, b"whole\npart")
    assert one_by_one(one.take()) == ((Line("stdout", "whole", 0, 6),), (), 6, 0, 0)
    one.feed("stdout", 10, b"ly")
    assert one_by_one(one.take()) == ((), (), 6, 0, 0)
    one.finish()
    assert one_by_one(one.take()) == ((Line("stdout", "partly", 0, 12),), (), 12, 0, 0)


def test_known_bytes_are_ignored_and_missing_ones_raise() -> None:
    one = reader()
    one.feed("stdout", 0, b"one\ntw")
    one.feed("stdout", 0, b"one\n")
    one.feed("stdout", 2, b"e\ntwo\n")
    assert texts(one.take()) == ["one", "two"]
    with pytest.raises(Gap, match="stdout is known up to byte 8"):
        one.feed("stdout", 9, b"x")


def test_a_batch_is_limited_and_acknowledges_only_what_it_holds() -> None:
    one = reader()
    one.feed("stdout", 0, b"1\n2\n3\n")
    one.feed("stderr", 0, b"e\n")
    assert one.pending == 4
    first, second, third = one.take(2), one.take(2), one.take(2)
    assert (texts(first), first.stdout_offset, first.stderr_offset) == (["1", "2"], 4, 0)
    assert (texts(second), texts(second, "stderr"), second.stdout_offset, second.stderr_offset) == (["3"], ["e"], 6, 2)
    assert third.entries == ()


def test_a_long_line_is_cut_into_marked_pieces() -> None:
    line = ("é" * LINE_LIMIT).encode()
    pieces = read(b"x" + line + b"\nnext\n")
    assert len(pieces) == 4
    assert pieces[0].startswith("xé")
    assert all(piece.endswith(" …") for piece in pieces[:2])
    assert all(piece.startswith("… ") for piece in pieces[1:3])
    assert "".join(piece.removeprefix("… ").removesuffix(" …") for piece in pieces[:3]) == "x" + line.decode()
    assert pieces[3] == "next"


def test_a_line_of_just_the_limit_is_whole() -> None:
    assert list(map(len, read(b"a" * LINE_LIMIT + b"\n" + b"b" * LINE_LIMIT))) == [LINE_LIMIT, LINE_LIMIT]


@pytest.mark.parametrize("place", range(LINE_LIMIT - 16, LINE_LIMIT + 2))
def test_a_long_line_is_never_cut_inside_a_secret(place: int) -> None:
    data = b"." * place + b"\x1b[1mhun\x1b[0mter2hunter\x1b[0m and more"
    one = reader()
    for begin in range(0, len(data), 1000):
        one.feed("stdout", begin, data[begin : begin + 1000])
    one.finish()
    pieces = texts(one.take())
    assert pieces == read(data)
    assert "".join(pieces).count(REDACTED) == 1
    assert "hun" not in "".join(pieces)
    assert "\x1b[1m<" in "".join(pieces).replace(" …… ", "")


def test_replaced_states_of_an_endless_progress_line_are_dropped_and_acknowledged() -> None:
    states = [b"%d%%\r" % number for number in range(30_000)]
    data = b"".join(states)
    one = reader()
    one.feed("stdout", 0, data)
    batch = one.take()
    assert batch.entries == ()
    assert len(data) - LINE_LIMIT - 64 < batch.stdout_offset < len(data)
    assert data[batch.stdout_offset - 1 : batch.stdout_offset] == b"\r"
    again = reader(batch.stdout_offset)
    again.feed("stdout", again.position("stdout"), data[again.position("stdout") :] + b"\n")
    assert texts(again.take()) == ["29999%"]


def test_a_secret_over_the_return_that_is_dropped_stays_hidden() -> None:
    data = b"hunter2\rhunter" + b"." * LINE_LIMIT + b"\n"
    assert not any("hunter" in text for text in read(data))


def test_markers_open_steps_at_any_byte_and_hold_the_other_stream_back() -> None:
    one = reader()
    one.feed("stdout", 0, b"before" + marker(1) + b"one\n" + marker(2) + b"two\n")
    assert one_by_one(one.take()) == ((Line("stdout", "before", 0, 6),), (), 6, 0, 0)
    assert one.lagging == "stderr"
    assert one.held("stdout") == 4 + 4 + 2 * len(marker(1))
    for offset, byte in enumerate(marker(1)):
        one.feed("stderr", offset, bytes([byte]))
    size = len(marker(1))
    end = 6 + size + 4
    assert one_by_one(one.take()) == ((Line("stdout", "one", 1, end),), (StepChange(0, 1),), end, size, 1)
    one.feed("stderr", size, b"error\nlast" + marker(2))
    batch = one.take()
    assert [(line.text, line.step) for line in batch.entries] == [("error", 1), ("last", 1), ("two", 2)]
    assert batch.step_changes == (StepChange(2, 2),)
    assert one.lagging is None


def test_a_step_change_and_its_offsets_move_together() -> None:
    one = reader()
    one.feed("stdout", 0, marker(1) + b"x\n")
    one.feed("stderr", 0, b"e\n" + marker(1))
    first = one.take(1)
    assert (len(first.entries), first.step, first.stdout_offset, first.stderr_offset) == (1, 0, 0, 2)
    second = one.take(1)
    assert (second.entries, second.step_changes, second.step) == ((), (StepChange(0, 1),), 1)
    assert (second.stdout_offset, second.stderr_offset) == (len(marker(1)), 2 + len(marker(1)))
    assert texts(one.take(1)) == ["x"]


@pytest.mark.parametrize(
    "forged", [marker(2), marker(0), marker(1)[:-1] + b"x\n", step_marker("b" * 24, 1), marker(1).replace(b":", b";")]
)
def test_any_other_marker_is_text(forged: bytes) -> None:
    assert read(b"a" + forged + b"b\n") == ["a" + forged.decode().rstrip("\n"), "b"]


def test_a_repeated_marker_is_text() -> None:
    assert read(marker(1) + b"a\n" + marker(1)) == ["a", marker(1).decode().rstrip("\n")]


def test_the_end_drops_the_barrier_and_old_lines_come_first() -> None:
    one = reader()
    one.feed("stdout", 0, marker(1) + b"one\n" + marker(2) + b"two")
    one.feed("stderr", 0, b"late")
    one.finish()
    batch = one.take()
    assert [(line.text, line.step) for line in batch.entries] == [("late", 0), ("one", 1), ("two", 2)]
    assert batch.step == 2


def test_a_stream_left_behind_keeps_its_step_until_its_own_marker() -> None:
    one = reader()
    one.feed("stdout", 0, marker(1) + b"one\n" + marker(2) + b"two\n")
    one.drop_barrier()
    assert [(line.text, line.step) for line in one.take().entries] == [("one", 1), ("two", 2)]
    assert one.lagging is None
    one.feed("stderr", 0, b"e0\n" + marker(1) + b"e1\n" + marker(2) + b"e2\n" + marker(3) + b"e3\n")
    batch = one.take()
    assert [(line.text, line.step) for line in batch.entries] == [("e0", 0), ("e1", 1), ("e2", 2)]
    assert batch.step_changes == ()
    assert one.lagging == "stdout"


def test_what_is_held_beyond_a_marker_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "HELD_LIMIT", 1000)
    data = marker(1) + b"".join(b"line %d\n" % number for number in range(500)) + marker(2)
    one = reader()
    for begin in range(0, len(data), 100):
        one.feed("stdout", begin, data[begin : begin + 100])
    assert one.overfull
    assert one.held("stdout") == one.position("stdout") == 1000
    assert one.lagging == "stderr"
    with pytest.raises(ValueError, match="thrown away"):
        one.finish()
    one.feed("stderr", 0, marker(1) + marker(2))
    assert not one.overfull
    one.feed("stdout", one.position("stdout"), data[one.position("stdout") :])
    one.finish()
    batch = one.take(1000)
    assert texts(batch) == [f"line {number}" for number in range(500)]
    assert (batch.stdout_offset, batch.step) == (len(data), 2)


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *(b"\n", b"\n", b"\n", b"\r", b"\r\n", b"\0", b"  ", b"\x1b[31m", b"\x1b[", b"\xff", "é😀".encode()),
                *(b"hunter2hunter", b"hunter2", b"hunter", b"://u:pw@h", b"Bearer a1b2c3", b"ordinary", b"." * 90),
                *(b"\x1e", marker(7), marker(1)[:9], b"12%\r" * 40),
            ]
        ),
        st.binary(max_size=3),
    ),
    max_size=12,
)
STREAM = st.lists(PIECES.map(b"".join), min_size=3, max_size=3)


def stream_bytes(steps: list[bytes], marked: int) -> bytes:
    return b"".join(part + (marker(number) if number <= marked else b"") for number, part in enumerate(steps, 1))


def per_stream(batches: Sequence[Batch]) -> dict[str, list[Line]]:
    return {c: [line for b in batches for line in b.entries if line.channel == c] for c in ("stdout", "stderr")}


@settings(max_examples=500, deadline=None)
@given(STREAM, STREAM, st.integers(0, 2), st.integers(0, 2), st.randoms(use_true_random=False))
def test_any_chunks_batches_and_restarts_give_each_line_once(
    out: list[bytes], err: list[bytes], out_marked: int, err_marked: int, chance: random.Random
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "LINE_LIMIT", 100)
        data: dict[Channel, bytes] = {"stdout": stream_bytes(out, out_marked), "stderr": stream_bytes(err, err_marked)}
        at_once = reader()
        for channel, content in data.items():
            at_once.feed(channel, 0, content)
        at_once.finish()
        expected = at_once.take(10**6)
        assert (expected.stdout_offset, expected.stderr_offset) == (len(data["stdout"]), len(data["stderr"]))

        batches = [Batch((), (), 0, 0, 0)]
        one = reader()
        while True:
            open_ends = [c for c in data if one.position(c) < len(data[c])]
            if not open_ends:
                break
            channel = chance.choice(open_ends)
            begin = max(0, one.position(channel) - chance.choice([0, 0, 3]))
            one.feed(channel, begin, data[channel][begin : begin + chance.choice([1, 2, 7, 50, 500])])
            if chance.random() < 0.3:
                batches.append(one.take(chance.choice([1, 2, 500])))
            if chance.random() < 0.1:
                one = reader(batches[-1].stdout_offset, batches[-1].stderr_offset, batches[-1].step)
        one.finish()
        while batches[-1] != (last := one.take(chance.choice([1, 3, 500]))):
            batches.append(last)
        assert per_stream(batches) == per_stream([expected])
        assert batches[-1][2:] == expected[2:]
        changes = [change.step for batch in batches for change in batch.step_changes]
        assert changes == [change.step for change in expected.step_changes] == sorted(set(changes))


KEY = ["-----BEGIN PRIVATE KEY-----", "A" * 64, "B" * 64, "C" * 20, "-----END PRIVATE KEY-----"]
KEY_BYTES = "".join(f"{line}\n" for line in KEY).encode()


def test_the_lines_of_a_private_key_are_held_until_it_ends_and_stored_together() -> None:
    one = reader()
    one.feed("stderr", 0, b"before\n" + KEY_BYTES[:100])
    assert texts(one.take(), "stderr") == ["before"]
    one.feed("stderr", 107, KEY_BYTES[100:-3])
    assert one.take().entries == ()
    one.feed("stderr", 7 + len(KEY_BYTES) - 3, KEY_BYTES[-3:] + b"after\n")
    batch = one.take(2)
    assert texts(batch, "stderr") == [REDACTED] * len(KEY)
    assert batch.stderr_offset == 7 + len(KEY_BYTES)
    assert texts(one.take(2), "stderr") == ["after"]


@pytest.mark.parametrize("what", ["ends", "looks like none", "is a long line"])
def test_what_begins_like_a_private_key_is_shown_once_it(what: str) -> None:
    one = reader()
    one.feed("stdout", 0, KEY_BYTES[:93])
    assert one.take().entries == ()
    if what == "ends":
        one.finish()
    else:
        one.feed("stdout", 93, b"no key, this\n" if what == "looks like none" else b"." * LINE_LIMIT)
    shown = texts(one.take())
    assert shown[:2] == [REDACTED, REDACTED]
    assert shown[2:] == (["no key, this"] if what == "looks like none" else [])


def test_a_private_key_is_hidden_whatever_the_chunks_batches_and_restarts() -> None:
    data = b"one\n" + KEY_BYTES + b"two\n" + KEY_BYTES[:-26] + b"three\n" + KEY_BYTES
    expected = read(data)
    assert [text for text in expected if text != REDACTED] == ["one", "two", "three"]
    assert len(expected) == data.count(b"\n")
    chance = random.Random(3)
    for _ in range(100):
        shown: list[str] = []
        one, stored = reader(), 0
        while one.position("stdout") < len(data):
            begin = one.position("stdout")
            one.feed("stdout", begin, data[begin : begin + chance.choice([1, 9, 70, 200])])
            batch = one.take(chance.choice([1, 2, 500]))
            shown += texts(batch)
            stored = batch.stdout_offset
            if chance.random() < 0.2:
                one = reader(stored)
        one.finish()
        assert shown + texts(one.take(10**6)) == expected


IN_ONE_LINE = "\\n".join(KEY).encode()
CHAINED = KEY_BYTES.rstrip(b"\n") + KEY_BYTES


@pytest.mark.parametrize("chunk", [10**6, 7])
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"1\n" + IN_ONE_LINE + b" " + IN_ONE_LINE + b"\n2\n", ["1", f"{REDACTED} {REDACTED}", "2"]),
        (b"1\n" + CHAINED + b"2\n", ["1", *[REDACTED] * 4, REDACTED * 2, *[REDACTED] * 4, "2"]),
    ],
    ids=["two in one line", "one begins where the other ends"],
)
def test_private_keys_that_share_a_line_give_it_once(data: bytes, expected: list[str], chunk: int) -> None:
    one = reader()
    for begin in range(0, len(data), chunk):
        one.feed("stdout", begin, data[begin : begin + chunk])
    one.finish()
    batch = one.take()
    assert texts(batch) == expected
    ends = [line.end for line in batch.entries]
    assert ends == sorted(set(ends))


def test_a_private_key_far_inside_its_lines_keeps_them_whole() -> None:
    prefix = "€".encode() * 1000
    lines = [KEY[0], *["A" * 64] * 27, KEY[-1]]
    data = b"".join(prefix + line.encode() + b"\n" for line in lines)
    assert len(data) > LINE_LIMIT + 16 * 1024
    one = reader()
    for begin in range(0, len(data), 1000):
        one.feed("stdout", begin, data[begin : begin + 1000])
    one.finish()
    shown = texts(one.take())
    assert shown == read(data)
    assert len(shown) == len(lines)


def test_what_is_held_for_a_private_key_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_keys, "KEY_SIZE_LIMIT", 1000)
    one = reader()
    link = KEY_BYTES.rstrip(b"\n")  # each begins where the one before ends: the whole is a key that goes on
    for number in range(50):
        one.feed("stdout", number * len(link), link)
        one.take()
        assert len(one._stdout.buffer) < 1000 + len(link)
