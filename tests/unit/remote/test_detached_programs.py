"""The sh programs of a run are clean, and a shell of each kind understands them."""

import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

FOLDER = Path(str(files("app.remote") / "sh"))
PROGRAMS = sorted(path.name for path in FOLDER.glob("*.sh"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_shellcheck_has_nothing_to_say(name: str) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(["shellcheck", FOLDER / name], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_shell_can_read_it(name: str, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    command = [shell, *(["sh"] if shell == "busybox" else []), "-n", str(FOLDER / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", sorted(set(PROGRAMS) - {"run.sh", "processes.sh"}))
def test_nothing_runs_before_the_last_line(name: str) -> None:
    lines = (FOLDER / name).read_text().splitlines()
    assert lines[-1] == "main; exit"
    outside = [line for line in lines[:-1] if line and not line.startswith((" ", "#", "}", ")"))]
    assert all(line.endswith(("() {", "() (")) for line in outside), outside
