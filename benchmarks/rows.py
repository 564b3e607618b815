"""The rows of RESULTS.md: what each is to reach, and where its last line says how far it came."""

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from benchmarks.measuring import ROOT

_RELATIONS = {"<": operator.lt, "≤": operator.le, "≥": operator.ge}


@dataclass(frozen=True)
class Row:
    """A script of this folder. `limits` are patterns of a figure in its last line, each with what the figure must be."""

    target: str
    limits: tuple[tuple[str, str, float], ...] = ()
    sizes: Mapping[str, str] = field(default_factory=dict)
    """What is set in its environment beside its own defaults; whoever runs it has the last word."""

    def verdict(self, figures: str) -> str:
        """Return whether the last line of a run says that the target was reached."""
        missed = []
        for pattern, relation, bound in self.limits:
            found = re.search(pattern, figures)
            if found is None:
                missed.append(f"no figure for {pattern}")
            elif not _RELATIONS[relation](float(found[1].replace(",", "")), bound):
                missed.append(f"{found[0]}, not {relation} {bound:g}")
        return "no: " + "; ".join(missed) if missed else "yes" if self.limits else ""


ROWS: Final[dict[str, Row]] = {
    "append": Row(
        "≥ 80x at 200 and ≥ 500x at 3,000 the plan's algorithm; a line at 100,000 costs ≤ 1.2 of one at 200",
        ((r"([\d,.]+)x at 200", "≥", 80), (r"([\d,.]+)x at 3000", "≥", 500), (r"flat ([\d.]+)", "≤", 1.2)),
    ),
    "ingest": Row(
        "≥ 60 % of COPY, ≥ 30 % with 50 secrets",
        ((r"([\d.]+) % of COPY", "≥", 60), (r"([\d.]+) % with 50 secrets", "≥", 30)),
    ),
    "redaction": Row("no target of its own: what a line costs with 1, 50 and 500 secrets"),
    "stream": Row(
        "50 deployments x 20 lines/s: p50 < 150 ms, p99 < 400 ms, nothing lost",
        ((r"p50 ([\d.]+) ms", "<", 150), (r"p99 ([\d.]+) ms", "<", 400)),
        {"DEPLOYMENTS": "50", "LINES": "400"},
    ),
    "first_line": Row(
        "≤ 3x OpenSSH with a ControlMaster; faster than Ansible and pyinfra",
        ((r"([\d.]+)x of OpenSSH", "≤", 3), (r"([\d.]+)x of Ansible", "<", 1), (r"([\d.]+)x of pyinfra", "<", 1)),
    ),
    "queries": Row(
        "p99 ≤ 1/2/5 ms, flat ≤ 1.5, last page ≤ 1.5 of the first",
        (
            (r"p99 ([\d.]+)/", "≤", 1),
            (r"p99 [\d.]+/([\d.]+)/", "≤", 2),
            (r"p99 [\d.]+/[\d.]+/([\d.]+)", "≤", 5),
            (r"flat ([\d.]+)", "≤", 1.5),
            (r"page ([\d.]+) of", "≤", 1.5),
        ),
        {"PLANS": str(ROOT / "docs" / "performance.md")},
    ),
    "requests": Row("≥ 40 % of a bare route", ((r"([\d.]+) ?% of a bare route", "≥", 40),)),
    "many": Row(
        "200 at once: all finish, nothing lost, < 400 MiB, loop lag p99 < 100 ms",
        (
            (r"(\d+) of \d+ finished", "≥", 200),
            (r"(\d+) whole logs", "≥", 200),
            (r"(\d+) MiB \(", "<", 400),
            (r"p99 ([\d.]+) ms", "<", 100),
        ),
    ),
    "long_log": Row(
        "1,000,000 lines: worker and API < 150 MiB over idle",
        ((r"worker (-?\d+) MiB", "<", 150), (r"API (-?\d+) MiB", "<", 150)),
    ),
    "start": Row("< 3 s at the second start", ((r"^([\d.]+) s", "<", 3),)),
    "retention": Row(
        "1,000,000 old deployments with logs go, no lock longer than 100 ms, their room is used again",
        ((r"no lock longer than ([\d.]+) ms", "≤", 100),),
    ),
    "statistics": Row("< 50 ms at 1,000,000 deployments", ((r"questions ([\d.]+) ms", "<", 50),)),
    "scale": Row(
        "no target of its own: 1, 4 and 16 workers beside 4 APIs, with 10,000 queued, without and with PgBouncer"
    ),
    "pages": Row(
        "first paint < 1 s; over 100,000 lines p95 frame ≤ 32 ms and < 2,000 elements",
        (
            (r"first paint ([\d.]+) ms", "<", 1000),
            (r"p95 frame ([\d.]+) ms", "≤", 32),
            (r"([\d,]+) elements", "<", 2000),
        ),
    ),
}
"""In the order in which they are run."""
