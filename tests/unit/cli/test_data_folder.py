"""What a data folder keeps from one start to the next."""

from pathlib import Path

import pytest

from app.cli.data_folder import DataFolder
from app.cli.problem import Problem


def test_encryption_keys_are_made_once(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.prepare()
    keys = folder.encryption_keys.read_text()
    folder.prepare()
    assert folder.encryption_keys.read_text() == keys
    assert folder.encryption_keys.stat().st_mode & 0o777 == 0o600


def test_lost_encryption_keys_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    folder = DataFolder(tmp_path)
    with pytest.raises(Problem, match="put it back"):
        folder.prepare()
    assert not folder.encryption_keys.exists()


def test_a_port_is_remembered(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    assert folder.port("api") is None
    folder.keep_port("api", 8123)
    assert folder.port("api") == 8123
    (tmp_path / "api.port").write_text("rubbish")
    assert folder.port("api") is None
