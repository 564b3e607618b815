"""Compares a settled deployment with what its script wrote: entry by entry, stream by stream, step by step."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.expectation import GOES_ON, LIMIT, WENT_BEFORE, Expected, expected_lines, split_steps

Entry = dict[str, Any]


@dataclass
class Findings:
    """What is wrong with a run; the texts say what, for a person."""

    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    wrong_status: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """True when nothing is wrong."""
        return not (self.lost or self.doubled or self.reordered or self.wrong_status)

    def wrong(self, note: str) -> None:
        """Count a wrong status, or anything else that is not about lines."""
        self.wrong_status += 1
        self.notes.append(note)


def check_log(
    findings: Findings,
    entries: Sequence[Entry],
    spools: dict[str, bytes],
    *,
    nonce: str,
    secrets: Sequence[str],
    steps: int,
    may_end_early: bool = False,
) -> None:
    """Compare the entries between the opening and the closing ones of Shiplog with the spools.

    With `may_end_early` the log may lack the end of a stream, as when the spools were deleted, but nothing before it.
    """
    if [entry["order"] for entry in entries] != list(range(1, len(entries) + 1)):
        findings.reordered += 1
        findings.notes.append("the numbers have a gap, stand twice or are out of order")
    stamps = [entry["timestamp"] for entry in entries]
    if stamps != sorted(stamps):
        findings.reordered += 1
        findings.notes.append("a timestamp goes back")
    by_step, top = _by_step(findings, entries, steps)
    for channel, spool in spools.items():
        parts = split_steps(spool, nonce)
        numbers = sorted({*parts, *(step for step, stream in by_step if stream == channel)})
        for step in numbers:
            stored = by_step.get((step, channel), [])
            expected = expected_lines(parts.get(step, b""), secrets)
            where = f"step {step}, {channel}"
            _compare(findings, where, stored, expected, may_end_early=may_end_early and step >= top)


def _by_step(findings: Findings, entries: Sequence[Entry], steps: int) -> tuple[dict[tuple[int, str], list[str]], int]:
    """Return the outputs by (step, channel), and how many steps were opened.

    What stands behind the opening of another step is out of order.
    """
    outputs: dict[tuple[int, str], list[str]] = {}
    step = 0
    for entry in entries:
        if entry.get("name") is not None:
            step += 1
            if (entry["name"], entry["batch"]) != (f"Step {step}", step) or step > steps:
                findings.reordered += 1
                findings.notes.append(f"the opening of {entry['name']} stands where that of Step {step} should")
            continue
        if entry["batch"] != max(step, 1):
            findings.reordered += 1
            findings.notes.append(f"entry {entry['order']} is of step {entry['batch']} and stands in step {step}")
        outputs.setdefault((entry["batch"] if step else 0, entry["type"]), []).append(entry["output"])
    return outputs, step


def _compare(
    findings: Findings,
    where: str,
    stored: Sequence[str],
    expected: Sequence[Expected],
    *,
    may_end_early: bool,
) -> None:
    lines = _joined(findings, where, stored, expected)
    wanted = [one.text for one in expected]
    if lines == wanted:
        return
    if may_end_early and lines == wanted[: len(lines)]:
        return
    if may_end_early and lines[:-1] == wanted[: len(lines) - 1] and _is_cut_off(lines[-1], wanted[len(lines) - 1]):
        return
    missing, surplus = Counter(wanted) - Counter(lines), Counter(lines) - Counter(wanted)
    findings.lost += missing.total()
    findings.doubled += surplus.total()
    if not missing and not surplus:
        findings.reordered += 1
    at = next(
        (at for at, (one, other) in enumerate(zip(lines, wanted, strict=False)) if one != other),
        min(len(lines), len(wanted)),
    )
    one, other = (repr(texts[at][:120]) if at < len(texts) else "nothing" for texts in (lines, wanted))
    findings.notes.append(
        f"{where}: line {at + 1} is {one}, should be {other} ({len(lines)} lines, {len(wanted)} written)"
    )


def _is_cut_off(line: str, whole: str) -> bool:
    return whole.startswith(line.rstrip("\ufffd"))


def _joined(findings: Findings, where: str, stored: Sequence[str], expected: Sequence[Expected]) -> list[str]:
    """Return the stored lines with the pieces of long ones put together."""
    lines: list[str] = []
    rest = list(reversed(stored))
    while rest:
        piece = rest.pop()
        is_cut = len(lines) < len(expected) and expected[len(lines)].is_cut
        if not is_cut:
            lines.append(piece)
            continue
        pieces = [piece]
        while pieces[-1].endswith(GOES_ON) and rest and rest[-1].startswith(WENT_BEFORE):
            pieces.append(rest.pop())
        if any(len(one.encode()) > 3 * LIMIT + 16 for one in pieces):
            findings.wrong(f"{where}: a piece of a long line is longer than the limit")
        lines.append(
            "".join(one.removeprefix(WENT_BEFORE if at else "").removesuffix(GOES_ON) for at, one in enumerate(pieces))
        )
    return lines


def check_owner(findings: Findings, journal: Sequence[dict[str, Any]]) -> None:
    """Find an append that began after another worker had taken over and still got in."""
    taken = [(note["epoch"], note["began"]) for note in journal if note["what"] == "run"]
    for note in journal:
        if note["what"] == "append" and any(epoch > note["epoch"] and began < note["began"] for epoch, began in taken):
            findings.wrong(f"worker {note['worker']} wrote entries {note['first']}… after its lease was taken over")
