"""The release before this one, built from its recorded sources, to run beside the version under test."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "docs" / "released" / "shiplog-0.1.0.tar.xz"
"""`git archive COMMIT app pyproject.toml README.md LICENSE | xz -9e`; docs/upgrades.md says when another takes its place."""


def unpacked_wheel(folder: Path) -> Path:
    """Build the release's wheel and return a folder to import it from. The dependencies are those of this version."""
    with tarfile.open(SOURCES) as tar:  # missing sources are an error, not a reason to skip
        tar.extractall(folder / "sources", filter="data")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "."],
        cwd=folder / "sources",
        check=True,
        timeout=100,
    )
    (wheel,) = (folder / "sources").glob("shiplog-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "wheel")
    return folder / "wheel"
