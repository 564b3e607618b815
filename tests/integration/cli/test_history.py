"""The commands about a team's whole history: its numbers, and what of it is old."""

import re
from datetime import timedelta

from app.cli.resources import retention, statistics
from app.deployments.kinds import SERVICE
from app.kit.clock import utcnow
from app.metrics.instruments import REMOVED
from app.postgres import Sessions
from app.retention.pruning import prune_due_team
from app.statistics.counting import count_all
from tests.deploying import create_deployment, create_place, create_service
from tests.integration.cli.terminal import Terminal


async def furnish(terminal: Terminal, sessions: Sessions) -> None:
    """Give the terminal's team four deployments of a year ago and one of today."""
    team_id = (await terminal.api.get("/teams/current"))["id"]
    async with sessions.begin() as session:
        place = await create_place(session)
        service = await create_service(session, place)
        for days in (365, 365, 365, 365, 0):
            moment = utcnow() - timedelta(days=days)
            columns = {"team_id": team_id, "status": "finished", "created_at": moment, "log_bytes": 2**20}
            times = {"started_at": moment, "finished_at": moment + timedelta(seconds=10)}
            await create_deployment(session, place, service, **columns, **times)


async def test_numbers_are_shown_with_their_total(terminal: Terminal, sessions: Sessions) -> None:
    empty = await terminal.run(statistics.show, by="day", days=30)
    assert "Next: shiplog deploy" in empty
    await furnish(terminal, sessions)
    await count_all(sessions)
    shown = await terminal.run(statistics.show, by="resource", days=400)
    lines = [re.split(r"\s{2,}", line.strip())[:6] for line in shown.splitlines()]
    rows = [line for line in lines if line[0] in {"shop", "all"}]
    assert rows == [["shop", "5", "5", "0", "0", "100.0%"], ["all", "5", "5", "0", "0", "100.0%"]]
    assert "9.9 s" in shown
    answer = await terminal.json(statistics.show, by="day", days=30)
    assert [group["deployments"] for group in answer["groups"]] == [1]


async def test_a_dry_run_says_what_a_prune_then_removes(terminal: Terminal, sessions: Sessions) -> None:
    await furnish(terminal, sessions)
    await count_all(sessions)
    shown = await terminal.run(retention.prune, dry_run=True)
    assert "Nothing was removed" in shown
    assert "Deployments: 4 finished, 0 failed, 0 cancelled, with 4.0 MiB of logs" in shown
    answer = await terminal.json(retention.prune, dry_run=False)
    assert answer["would_remove"] is None
    while await prune_due_team(sessions):
        pass
    assert "Deployments: 0 finished" in await terminal.run(retention.prune, dry_run=True)
    removed = [sample.labels["table"] for metric in REMOVED.collect() for sample in metric.samples]
    assert SERVICE.table in removed
