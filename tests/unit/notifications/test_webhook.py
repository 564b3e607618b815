"""The signature is what the programs of the documentation take for good."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.notifications.webhook import sign
from tests.programs import program

DOCS = Path(__file__).parents[3] / "docs" / "notifications.md"
BODY = '{"event":"test","message":"Grüße","delivery_id":"d1"}'.encode()
SECRET = "a secret of sixteen"


def _documented(language: str) -> str:
    found = re.search(rf"```{language}\n(# verify.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("language", ["python", "sh"])
@pytest.mark.parametrize(("body", "is_good"), [(BODY, True), (BODY + b" ", False)], ids=["good", "changed"])
def test_the_documented_programs_verify(tmp_path: Path, language: str, body: bytes, is_good: bool) -> None:
    timestamp = int(time.time())
    (tmp_path / "body.json").write_bytes(body)
    (tmp_path / "verify").write_text(_documented(language), encoding="utf-8")
    if language == "sh":
        program("openssl")
    runner = sys.executable if language == "python" else program("sh")
    command = [runner, "verify", "body.json", str(timestamp), sign(SECRET, timestamp, BODY)]
    done = subprocess.run(command, cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "SECRET": SECRET}, check=False)
    assert (done.returncode == 0) is is_good


def test_an_old_timestamp_is_refused_by_the_documented_program(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_bytes(BODY)
    (tmp_path / "verify").write_text(_documented("python"), encoding="utf-8")
    command = [sys.executable, "verify", "body.json", "1000", sign(SECRET, 1000, BODY)]
    done = subprocess.run(command, cwd=tmp_path, env={"PATH": "/usr/bin", "SECRET": SECRET}, check=False)
    assert done.returncode != 0
