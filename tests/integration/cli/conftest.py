"""Settings of a production process, as files: the way README and compose.yaml have it."""

from pathlib import Path

import pytest

from app.kit import private_file
from tests.fixtures.sessions import KEY
from tests.integration.cli.running import environment


@pytest.fixture
def configured(postgres_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation that is migrated and empty."""
    return environment(**files(tmp_path, DATABASE_URL=postgres_url, REDIS_URL=redis_url, ENCRYPTION_KEYS=KEY))


def files(folder: Path, **secrets: str) -> dict[str, str]:
    """Write each secret to a file and return the settings that name the files."""
    for name, secret in secrets.items():
        private_file.write(folder / name.lower(), secret)
    return {f"SHIPLOG_{name}_FILE": str(folder / name.lower()) for name in secrets}
