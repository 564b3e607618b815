"""The settings of a production process, checked before it starts: what is wrong is told in one line, no value in it."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from app.cli.problem import Problem
from app.kit.encryption import Keyring
from app.settings import Settings, get_settings

_REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


def read_settings(*, database_only: bool = False) -> Settings:
    """Return the settings; raise Problem, exit code 2, that names every one that is missing or wrong."""
    try:
        settings = get_settings()
    except ValidationError as error:  # its own text quotes the values
        raise Problem(" ".join(map(_described, error.errors())), exit_code=2) from None
    wrong = []
    for check in [_check_database_url] if database_only else [_check_database_url, _check_redis_url, _check_keys]:
        try:
            check(settings)
        except OSError as error:
            wrong.append(f"{error.filename}: {error.strerror}.")
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        raise Problem(" ".join(wrong), exit_code=2)
    return settings


def _check_database_url(settings: Settings) -> None:
    text = settings.database()
    try:
        driver = make_url(text).drivername
    except (ArgumentError, ValueError):
        driver = None
    if driver != "postgresql+asyncpg":
        raise ValueError("The database URL should look like postgresql://user:password@host:5432/name.")


def _check_redis_url(settings: Settings) -> None:
    if not settings.redis().startswith(_REDIS_SCHEMES):
        raise ValueError("The Redis URL should look like redis://:password@host:6379/0.")


def _check_keys(settings: Settings) -> None:
    keys = settings.encryption_keys()
    try:
        Keyring(keys)
    except ValueError as error:
        raise ValueError(f"{settings.encryption_keys_file}: {error}") from None


def _described(error: ErrorDetails) -> str:
    names = "".join(f"SHIPLOG_{name}: ".upper() for name in error["loc"])
    return f"{names}{error['msg'].removeprefix('Value error, ').rstrip('.')}."
