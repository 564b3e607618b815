"""Judges a run that is settled: its status and reason, its log, how often its script ran, what it left behind."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.models import ServiceDeploymentQueue
from tests.faults.check import check_log, check_owner
from tests.faults.workload import CHANNELS

if TYPE_CHECKING:
    from tests.faults.run import Run

SEAL_SECONDS = 90.0
"""Who is killed between the settle and the sealing leaves it to the next look at the server, which comes each minute."""
SIGNALS = {137: "SIGKILL", 143: "SIGTERM"}


@dataclass(frozen=True)
class Expected:
    """How a run has to end, where it is not as its script does."""

    status: str = "failed"
    exit_code: int | None = None
    reason: str | None = None
    """What the failure reason must hold."""


async def judge(run: "Run", row: ServiceDeploymentQueue) -> None:
    """Note everything that is wrong with a settled run: status, reason, log, number of runs, what was left behind."""
    findings = run.findings
    _check_status(run, row)
    runs = (run.side / "count").read_text().count("x") if (run.side / "count").exists() else 0
    if runs != 1:
        findings.doubled += runs > 1
        findings.wrong_status += runs == 0
        findings.notes.append(f"the script ran {runs} times")
    entries = await run.cell.entries(run.id)
    body = _without_own(run, entries)
    spools = {channel: path.read_bytes() for channel, path in run.spools.items()}
    nonce = await run.cell.nonce(run.id)
    if run.kind.is_whole:
        _check_spools(run, spools, nonce)
    check_log(
        findings, body, spools, nonce=nonce, secrets=run.workload.secrets, steps=len(run.workload.scripts),
        may_end_early=run.kind.may_end_early,
    )  # fmt: skip
    if row.log_count != len(entries):
        findings.wrong(f"the row counts {row.log_count} entries, there are {len(entries)}")
    check_owner(findings, run.cell.journal(run.id))
    if run.kind.row not in {"server", "postgres"} and findings.is_clean:
        await _check_sealed(run)


async def _check_sealed(run: "Run") -> None:
    """The unredacted spools are gone soon after the end, where nothing was in the way."""
    for _ in range(int(SEAL_SECONDS / 0.05)):
        if not (run.folder / "out").exists():
            return
        await asyncio.sleep(0.05)
    run.findings.wrong(f"the spools are still on the server {SEAL_SECONDS:.0f} s after the end")


def _check_status(run: "Run", row: ServiceDeploymentQueue) -> None:
    code = run.workload.exit_code
    expected = run.expected
    if expected is None:
        step = max(step for step, _ in run.workload.written)
        reason = None if code == 0 else f"Step {step} failed"
        expected = Expected("finished" if code == 0 else "failed", code, reason)
        if SIGNALS.get(code, "") not in (row.failure_reason or ""):
            run.findings.wrong(f"the reason is {row.failure_reason!r}, should name {SIGNALS[code]}")
    if row.status != expected.status or (expected.exit_code is not None and row.exit_code != expected.exit_code):
        run.findings.wrong(
            f"it is {row.status} with exit code {row.exit_code} ({row.failure_reason}), "
            f"should be {expected.status} with {expected.exit_code}"
        )
    if expected.reason is not None and expected.reason not in (row.failure_reason or ""):
        run.findings.wrong(f"the reason is {row.failure_reason!r}, should hold {expected.reason!r}")


def _without_own(run: "Run", entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries with the texts of Shiplog's own that open and close the log taken out, numbers left as they are."""
    findings = run.findings
    if not entries or entries[0]["output"] != "Deploying shop to server.":
        findings.wrong("the log does not begin with Shiplog's own entry")
        return entries
    last = entries[-1]["output"]
    if not last.startswith(("Deployment finished.", "Deployment failed: ", "Deployment cancelled by user.")):
        findings.wrong(f"the log ends with {last[:80]!r}")
        return entries
    end = len(entries) - 1
    while end > 1 and entries[end - 1]["output"].startswith(("NAMES ", "A cancel was asked for, but")):
        end -= 1
    # The numbers are checked over all of them.
    orders = [entry["order"] for entry in entries]
    if orders != list(range(1, len(entries) + 1)):
        findings.reordered += 1
        findings.notes.append("the numbers of the entries are not 1, 2, 3, …")
    return [{**entry, "order": entry["order"] - 1} for entry in entries[1:end]]


def _check_spools(run: "Run", spools: dict[str, bytes], nonce: str) -> None:
    """Be sure of the suite itself: the script wrote what its maker says."""
    for channel in CHANNELS:
        steps = sorted({step for step, _ in run.workload.written})
        parts = (f"\x1e{nonce}:{step}\x1e\n".encode() + run.workload.written[step, channel] for step in steps)
        if spools.get(channel) != b"".join(parts):
            run.findings.wrong(f"the script did not write to {channel} what it should: the suite is wrong")
