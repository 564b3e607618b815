"""Our own log shows no secret: neither the process's own nor one that is known by its looks."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from app.logs import configure_logging
from app.settings import Settings


@pytest.fixture
def configured() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    configure_logging("INFO", ["own-secret-1"])
    yield
    structlog.reset_defaults()
    logging.root.handlers[:], logging.root.level = handlers, level


@pytest.mark.usefixtures("configured")
def test_events_are_redacted_however_deep(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", ["own-secret-1"])
    try:
        raise ValueError("redis://:hidden@cache own-secret-1")
    except ValueError as error:
        structlog.get_logger().exception(
            "own-secret-1 is out",
            count=3,
            is_it=True,
            none=None,
            error=error,
            more={"own-secret-1": ["x own-secret-1"]},
        )
    line = capsys.readouterr().err
    assert "own-secret-1" not in line
    assert "hidden" not in line
    event = json.loads(line)
    assert event["event"] == "<REDACTED> is out"
    assert event["more"] == {"<REDACTED>": ["x <REDACTED>"]}
    assert (event["count"], event["is_it"], event["none"]) == (3, True, None)
    assert "redis://:<REDACTED>@cache <REDACTED>" in event["exception"]


@pytest.mark.usefixtures("configured")
def test_warnings_of_libraries_are_redacted(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", ["own-secret-1"])
    logging.getLogger("library").warning("lost %s", "amqp://u:hidden@h own-secret-1")
    event = json.loads(capsys.readouterr().err)
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "lost amqp://u:<REDACTED>@h <REDACTED>", "level": "warning", "logger": "library"}


def test_the_process_s_own_secrets_are_known() -> None:
    settings = Settings(database_url="postgresql://u:data-pw@h/x", redis_url="redis://h")
    assert settings.secrets() == ["data-pw", "u:data-pw"]


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="SHIPLOG_SECRET_NAME_PATTERN is not a regular expression"):
        Settings(secret_name_pattern="(")
