"""Our own log: structured, JSON on stderr, no value of a setting or a secret in it."""

import json
import logging
import sys
from collections.abc import Iterable, MutableMapping
from datetime import UTC, datetime
from typing import Any

import structlog

from app.kit.clock import to_text
from app.kit.redaction import Redactor


def configure_logging(level: str, secrets: Iterable[str] = ()) -> None:
    """Send structlog and the standard library's warnings to stderr as JSON lines.

    Both are redacted: `secrets` are the process's own, what nobody declared is known by its looks.
    """
    redactor = Redactor(secrets)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter(redactor))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            RedactingProcessor(redactor),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


class RedactingProcessor:
    """Redacts every text of an event, however deep it lies; stands after tracebacks have become text."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Return the event without secrets."""
        return {key: self._redacted(value) for key, value in event.items()}

    def _redacted(self, value: object) -> object:
        if isinstance(value, dict):
            return {self._redacted(key): self._redacted(one) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._redacted(one) for one in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        # What JSON does not know is printed as its repr.
        return self._redactor.redact(value if isinstance(value, str) else repr(value))


class _JsonFormatter(logging.Formatter):
    """Writes what a library says as our own events are written, with the ids of what runs."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redacting = RedactingProcessor(redactor)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, its traceback included, without secrets."""
        event = {
            **structlog.contextvars.get_contextvars(),
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": to_text(datetime.fromtimestamp(record.created, UTC)),
        }
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(self._redacting(record, record.levelname, event))
