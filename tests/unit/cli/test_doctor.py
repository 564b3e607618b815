"""Whether anybody works is told by what waits."""

from datetime import timedelta
from typing import Any

import pytest

from app.cli.doctor import judge_worker
from app.kit.clock import to_text, utcnow

QUEUED = {"status": "queued"}
RUNNING = {"status": "in_progress"}


def row(status: str, *, server: str = "a", minutes: int = 5, reason: str | None = None) -> dict[str, Any]:
    """Return a deployment as the API lists it."""
    created_at = to_text(utcnow() - timedelta(minutes=minutes))
    return {"status": status, "server_uuid": server, "created_at": created_at, "failure_reason": reason}


@pytest.mark.parametrize(
    ("active", "state"),
    [
        ([], "ok"),
        ([QUEUED], "wrong"),
        ([{**QUEUED, "minutes": 0}], "ok"),
        ([{**QUEUED, "reason": "The server cannot be reached."}], "ok"),
        ([RUNNING, QUEUED], "ok"),
        ([{**RUNNING, "server": "b"}, QUEUED], "wrong"),
    ],
    ids=["nothing", "left lying", "just asked", "has a reason", "behind another", "another server is busy"],
)
def test_what_is_left_lying_wants_a_worker(active: list[dict[str, Any]], state: str) -> None:
    finding = judge_worker([row(**one) for one in active])
    assert (finding.state, finding.remedy) == (state, "shiplog worker" if state == "wrong" else "")
