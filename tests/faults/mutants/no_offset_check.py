"""An append and a settle go where the log is now, wherever their worker believes it to be.

Neither count nor offsets are compared: they move together, and each is a check of the other.
"""

import re

from sqlalchemy import text

from app.deployments import log, settling

POSITION = re.compile(
    r"AND log_count = :log_count\s+AND stdout_offset = :stdout_offset AND stderr_offset = :stderr_offset"
)


def apply() -> None:
    """Put the defect in."""
    for name, statement in log._APPEND.items():
        changed = (
            POSITION.sub("", str(statement))
            .replace(
                "RETURNING id, cancel_requested_at", "RETURNING id, log_count - :count AS before, cancel_requested_at"
            )
            .replace("SELECT id, :log_count + 1,", "SELECT id, before + 1,")
        )
        assert changed.count("log_count = :log_count") == 0
        assert changed.count("before + 1") == 1
        log._APPEND[name] = text(changed)
    for name, statement in settling._SETTLE.items():
        changed = POSITION.sub("", str(statement))
        assert changed.count("log_count = :log_count") == 0
        settling._SETTLE[name] = text(changed)
