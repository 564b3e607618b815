"""The newest revision, read without Alembic."""

from pathlib import Path

from alembic.script import ScriptDirectory

from app.cli.migrating import newest_revisions


def test_it_is_what_alembic_says() -> None:
    folder = Path(__file__).parents[3] / "migrations"
    assert newest_revisions() == set(ScriptDirectory(str(folder)).get_heads())
