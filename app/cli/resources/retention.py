"""What of a team's history is older than its policy keeps."""

from app.cli.client import Api
from app.cli.output import Output


async def prune(api: Api, out: Output, *, dry_run: bool) -> None:
    """Have a worker remove it, or say what it would remove."""
    answer = await api.post("/teams/current/retention/prune", dry_run=dry_run)
    out.answer(answer, answer["message"])
    if (would := answer["would_remove"]) is None:
        return
    more = "" if would["is_complete"] else ", and more: only the oldest were looked at"
    out.say(
        f"Deployments: {would['finished']} finished, {would['failed']} failed, {would['cancelled']} cancelled, "
        f"with {would['log_bytes'] / 2**20:,.1f} MiB of logs{more}",
        f"Stops and deletes: {would['operations']}",
    )
