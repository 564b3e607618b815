"""The page about databases is what the definitions say, and `--check` notices when it is not."""

from pathlib import Path

import pytest

from app.databases.page import FILE, main, render
from app.databases.registry import DEFINITIONS


def test_the_page_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == render(), "run `python -m app.databases.page` and commit the page"


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_type_is_on_it(name: str) -> None:
    definition = DEFINITIONS[name]
    text = render()
    wanted = [f"\n## {definition.title}\n", definition.default_image, str(definition.port), *definition.secret_columns]
    assert [one for one in wanted if one not in text] == []


def test_check_notices_a_stale_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "databases.md"
    assert main(["--check", "--file", str(file)]) == 1
    assert main(["--file", str(file)]) == 0
    assert main(["--check", "--file", str(file)]) == 0
    file.write_text(f"{file.read_text()}more\n")
    assert main(["--check", "--file", str(file)]) == 1
    assert "run `python -m app.databases.page`" in capsys.readouterr().err
