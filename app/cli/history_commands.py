"""What can be typed about a team's history as a whole: its numbers, and what of it is old."""

from enum import StrEnum
from typing import Annotated

import typer

from app.cli.options import AsJson, through_api


class GroupBy(StrEnum):
    """What numbers are shown by."""

    DAY = "day"
    RESOURCE = "resource"
    SERVER = "server"
    TEAM = "team"


def add_to(application: typer.Typer, panel: str) -> None:
    """Make them commands of the application."""
    application.command(rich_help_panel=panel, epilog="Example: shiplog stats --by resource --days 90")(stats)
    application.command(rich_help_panel=panel, epilog="Example: shiplog prune --dry-run")(prune)


def stats(
    by: Annotated[GroupBy, typer.Option(help="What the numbers are shown by.")] = GroupBy.DAY,
    days: Annotated[int, typer.Option(min=1, max=3660, help="So many days, today included.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Show how deployments ended, and how long they waited and took."""
    from app.cli.resources import statistics

    through_api(statistics.show, as_json=as_json, by=by.value, days=days)


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing: show what would be removed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove what of the team's history is older than its policy keeps; workers do it daily by themselves."""
    from app.cli.resources import retention

    through_api(retention.prune, as_json=as_json, dry_run=dry_run)
