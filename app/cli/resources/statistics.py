"""How deployments ended, and how long they waited and took."""

from datetime import UTC, datetime, timedelta

from app.cli.client import Api
from app.cli.output import Column, Output, field


async def show(api: Api, out: Output, *, by: str, days: int) -> None:
    """Show the numbers of the last days, by what was asked for, and of all of them."""
    until = datetime.now(UTC).date()
    since = until - timedelta(days=days - 1)
    answer = await api.get("/deployments/statistics", since=since.isoformat(), until=until.isoformat(), group_by=by)
    if out.as_json:
        out.document(answer)
        return
    columns: dict[str, Column] = {
        by.capitalize(): lambda item: item["name"] or item["group"],
        "Deployments": field("deployments"),
        "Finished": field("finished"),
        "Failed": field("failed"),
        "Cancelled": field("cancelled"),
        "Success": lambda item: "" if item["success_rate"] is None else f"{item['success_rate']:.1%}",
        "Took p50": _seconds("duration_ms", "p50"),
        "Took p95": _seconds("duration_ms", "p95"),
        "Waited p50": _seconds("queue_wait_ms", "p50"),
        "Waited p95": _seconds("queue_wait_ms", "p95"),
    }
    total = {**answer["total"], "group": "all", "name": None}
    rows = [*answer["groups"], total] if answer["groups"] else []
    out.items(rows, columns, empty="Nothing has ended in these days. Next: shiplog deploy NAME --follow")


def _seconds(name: str, share: str) -> Column:
    return lambda item: "" if item[name][share] is None else f"{item[name][share] / 1000:,.1f} s"
