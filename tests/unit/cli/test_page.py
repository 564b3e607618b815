"""The page about the command line is what the commands say, and `--check` notices when it is not."""

from pathlib import Path

import pytest

from app.cli.page import FILE, main, render


def test_the_page_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == render(), "run `python -m app.cli.page` and commit the page"


@pytest.mark.parametrize("command", ["up", "deploy", "context use", "database create", "import coolify"])
def test_every_kind_of_command_is_on_it(command: str) -> None:
    assert f"\n## shiplog {command}\n" in render()


def test_check_notices_a_stale_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cli.md"
    assert main(["--check", "--file", str(file)]) == 1
    assert main(["--file", str(file)]) == 0
    assert main(["--check", "--file", str(file)]) == 0
    file.write_text(f"{file.read_text()}more\n")
    assert main(["--check", "--file", str(file)]) == 1
    assert "run `python -m app.cli.page`" in capsys.readouterr().err
