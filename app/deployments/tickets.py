"""Tickets for `EventSource`, which cannot send a header: the stream of one deployment, read-only, for as long as it runs."""

import json
from dataclasses import dataclass
from datetime import timedelta

from app.deployments.kinds import AnyQueue
from app.errors import Unauthenticated
from app.kit import encryption
from app.kit.clock import utcnow

KEPT = timedelta(hours=1)
"""How long after the deployment's end its ticket is still good: a page may be opened again."""

_USE = "log-stream"


@dataclass(frozen=True)
class Ticket:
    """What a ticket says: which deployment's log, on behalf of which API token."""

    deployment_uuid: str
    token_id: int


def write_ticket(ticket: Ticket) -> str:
    """Return a ticket's text; nobody without the encryption keys can make or read one, and nothing is stored."""
    facts = {"use": _USE, "deployment": ticket.deployment_uuid, "token": ticket.token_id}
    return encryption.installed().encrypt(json.dumps(facts))


def read_ticket(text: str, deployment_uuid: str) -> Ticket:
    """Return what a ticket says; raise Unauthenticated for one that is not ours or is for another deployment."""
    try:
        facts = json.loads(encryption.installed().decrypt(text))
    except (encryption.DecryptionError, ValueError):
        facts = None
    if not isinstance(facts, dict) or (facts.get("use"), facts.get("deployment")) != (_USE, deployment_uuid):
        raise Unauthenticated("The ticket is not good for this deployment.")
    return Ticket(deployment_uuid, facts["token"])


def check_time(row: AnyQueue) -> None:
    """Raise Unauthenticated when the deployment has ended too long ago for its ticket."""
    if row.finished_at is not None and row.finished_at + KEPT < utcnow():
        raise Unauthenticated("The ticket has expired: the deployment ended more than an hour ago.")
