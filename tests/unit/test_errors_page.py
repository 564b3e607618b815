"""The page about errors is what the classes say, each error says its own, and `--check` notices a stale page."""

from pathlib import Path

import pytest

from app.errors import AppError
from app.errors_page import FILE, main, render


def test_the_page_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == render(), "run `python -m app.errors_page` and commit the page"


@pytest.mark.parametrize("error", AppError.__subclasses__(), ids=lambda error: str(error.__name__))
def test_every_error_has_a_cause_and_a_remedy_of_its_own(error: type[AppError]) -> None:
    assert {"cause", "remedy", "status_code"} <= vars(error).keys()
    assert f": {error.__name__}\n\n- Cause: {error.cause}\n- What to do: {error.remedy}\n" in render()


def test_check_notices_a_stale_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "errors.md"
    assert main(["--check", "--file", str(file)]) == 1
    assert main(["--file", str(file)]) == 0
    assert main(["--check", "--file", str(file)]) == 0
    file.write_text(f"{file.read_text()}more\n")
    assert main(["--check", "--file", str(file)]) == 1
    assert "run `python -m app.errors_page`" in capsys.readouterr().err
