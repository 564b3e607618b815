"""Times every statement by the function that asked for it, and logs the slow ones, without their parameters."""

import sys
import time
from types import FrameType
from typing import Any

import structlog
from greenlet import getcurrent  # type: ignore[import-untyped]
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine

from app.metrics.instruments import QUERY_SECONDS, SLOW_QUERIES

log = structlog.get_logger(__name__)

SLOW_SECONDS = 0.1
MOST_SHOWN = 2000
"""Characters of a slow statement that are logged."""

_OURS = "app."
_BETWEEN = frozenset({"app.kit.repository", "app.kit.after_commit", "app.postgres", "app.lookups", __name__})
"""Modules that run what others ask for."""


def observe_queries(engine: AsyncEngine) -> None:
    """Time the statements of an engine."""

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def begin(_connection: Any, _cursor: Any, _sql: str, _parameters: Any, context: Any, _many: bool) -> None:
        context.shiplog_began = time.perf_counter()

    @event.listens_for(engine.sync_engine, "after_cursor_execute")
    def end(_connection: Any, _cursor: Any, sql: str, _parameters: Any, context: Any, _many: bool) -> None:
        observe(sql, time.perf_counter() - context.shiplog_began, _outside())

    @event.listens_for(engine.sync_engine, "handle_error")
    def fail(context: ExceptionContext) -> None:
        began = getattr(context.execution_context, "shiplog_began", None)
        if began is not None:
            observe(context.statement or "", time.perf_counter() - began, _outside())


def observe(sql: str, seconds: float, frame: FrameType | None = None) -> None:
    """Count a statement that took so long for the function of ours that `frame`, or who calls this, runs for."""
    repository, method = _asked_by(frame or sys._getframe(1))
    QUERY_SECONDS.labels(repository, method).observe(seconds)
    if seconds >= SLOW_SECONDS:
        SLOW_QUERIES.labels(repository, method).inc()
        statement = " ".join(sql.split())[:MOST_SHOWN]
        log.warning(
            "slow query", repository=repository, method=method, ms=round(seconds * 1000, 1), statement=statement
        )


def _outside() -> FrameType | None:
    """Return where the coroutine stands that waits for the statement: SQLAlchemy runs it in a greenlet."""
    parent = getcurrent().parent
    return None if parent is None else parent.gr_frame


def _asked_by(frame: FrameType | None) -> tuple[str, str]:
    while frame is not None:
        module: str = frame.f_globals.get("__name__", "")
        if module.startswith(_OURS) and module not in _BETWEEN:
            return module.removeprefix(_OURS), frame.f_code.co_qualname
        frame = frame.f_back
    return "other", "other"
