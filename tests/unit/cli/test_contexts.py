"""The file of logins: nobody else's to read, and clear about what is not in it."""

import stat
from pathlib import Path

import pytest

from app.cli import contexts
from app.cli.contexts import Context, Contexts
from app.cli.problem import Problem

WORK = Context("https://work.example", "1|secret")
HOME = Context("https://home.example", "2|secret")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the file is."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "shiplog"


def test_what_was_saved_is_loaded_and_only_the_user_can_read_it(folder: Path) -> None:
    assert contexts.load() == Contexts(None, {})
    contexts.save(Contexts(None, {}).with_one("home", HOME).with_one("work", WORK))
    assert contexts.load() == Contexts("work", {"home": HOME, "work": WORK})
    assert stat.S_IMODE((folder / "contexts.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_no_text_form_has_the_token() -> None:
    assert "secret" not in repr(Contexts("work", {"work": WORK}))


def test_the_current_one_is_chosen_and_forgotten() -> None:
    both = Contexts(None, {}).with_one("home", HOME).with_one("work", WORK)
    assert both.using("home").current == "home"
    assert both.without("work") == Contexts(None, {"home": HOME})
    assert both.without("home") == Contexts("work", {"work": WORK})


@pytest.mark.parametrize("change", ["using", "without"])
def test_an_unknown_name_is_refused_with_those_there_are(change: str) -> None:
    both = Contexts(None, {}).with_one("home", HOME).with_one("work", WORK)
    with pytest.raises(Problem, match="No context is called yard, there are: home, work") as caught:
        getattr(both, change)("yard")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["{", "[]", '{"current": null}', '{"current": "a", "contexts": {"a": {}}}'])
def test_a_damaged_file_is_named(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / "contexts.json").write_text(text)
    with pytest.raises(Problem, match=r"contexts\.json is damaged"):
        contexts.load()
