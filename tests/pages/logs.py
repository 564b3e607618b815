"""Deployments with logs for the pages: stored ones, and one that goes on while a test looks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.deployments.kinds import AnyQueue
from app.deployments.stream import Pace
from app.kit.clock import to_text
from app.models.deployment_status import DeploymentStatus
from app.models.log_entry import EntryType, join_entries, log_entry
from tests.deploying import create_deployment, create_service
from tests.desk import Desk
from tests.pages.browsing import Visit

START = datetime(2026, 3, 1, 22, 30, 0, 123000, tzinfo=UTC)
SLICE = 500


@dataclass(frozen=True)
class Line:
    """One entry to be."""

    text: str
    type: EntryType = "stdout"
    step: int = 1
    hidden: bool = False
    command: str | None = None
    opens: bool = False

    def entry(self, order: int) -> dict[str, Any]:
        """Return the entry: one is printed each millisecond."""
        return log_entry(
            self.text,
            type=self.type,
            timestamp=START + timedelta(milliseconds=order),
            order=order,
            batch=self.step,
            command=self.command,
            name=self.text if self.opens else None,
            hidden=self.hidden,
        )


def step(number: int, name: str, command: str) -> Line:
    """Return the line that opens a step."""
    return Line(name, step=number, command=command, opens=True)


@dataclass
class Logged:
    """A deployment with what is in its log."""

    desk: Desk
    row: AnyQueue
    count: int = 0

    @property
    def path(self) -> str:
        """Its page."""
        assert self.row.deployment_url is not None
        return self.row.deployment_url

    async def print(self, lines: Iterable[Line | str], **columns: Any) -> None:
        """Store lines behind those that are there, and change columns of the row with them."""
        made = [line if isinstance(line, Line) else Line(line) for line in lines]
        async with self.desk.sessions.begin() as session:
            model: Any = type(self.row)
            row: AnyQueue = await session.get_one(model, self.row.id)
            for begin in range(0, len(made), SLICE):
                entries = [line.entry(self.count + at + 1) for at, line in enumerate(made[begin : begin + SLICE])]
                values = {"deployment_id": row.id, "first_order": self.count + 1, "entry_count": len(entries)}
                session.add(row.log_slice(**values, entries=join_entries(entries)))
                self.count += len(entries)
            row.log_count = self.count
            for name, value in columns.items():
                setattr(row, name, value)

    async def settle(self, status: DeploymentStatus, *lines: str, **columns: Any) -> None:
        """End it."""
        await self.print(lines, status=status, finished_at=START + timedelta(minutes=2), **columns)


async def logged(desk: Desk, lines: Sequence[Line | str] = (), **columns: Any) -> Logged:
    """Make a deployment of a service with a log; it runs unless `columns` say otherwise."""
    values = {"status": "in_progress", "started_at": START, "requested_by": "Ada", **columns}
    async with desk.sessions.begin() as session:
        service = await create_service(session, desk.place, name="shop")
        row = await create_deployment(session, desk.place, service, **values)
        row.deployment_url = f"/services/{service.uuid}/deployment/{row.deployment_uuid}"
    made = Logged(desk, row)
    await made.print(lines)
    return made


def step_row(
    number: int, name: str, *, first: int, seconds: tuple[int, int | None], code: int | None
) -> dict[str, Any]:
    """Return a row of the column `steps`; `seconds` are those since the start in which it began and ended."""
    began, ended = (None if one is None else to_text(START + timedelta(seconds=one)) for one in seconds)
    return {
        "name": name,
        "batch": number,
        "started_at": began,
        "finished_at": ended,
        "exit_code": code,
        "first_order": first,
        "last_order": None,
    }


async def open_log(visit: Visit, logged: Logged, fragment: str = "") -> None:
    """Open the page of a deployment and wait until its log is shown."""
    await visit.go(logged.path + fragment)
    await visit.page.locator("#log[data-ready]").wait_for()


async def numbers(visit: Visit) -> list[int]:
    """Return the numbers of the lines that are in the document."""
    found: list[int] = await visit.page.evaluate(
        "[...document.querySelectorAll('.log-number[data-order]')].map(one => Number(one.dataset.order))"
    )
    return found


QUICK = Pace(poll_seconds=0.05)
"""How often a stream looks when nobody tells it that there is more."""
