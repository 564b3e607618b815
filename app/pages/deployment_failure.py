"""Why a deployment failed, on one screen: the reason, what to do, the container and its last lines."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.deployments.log_search import without_ansi

SHOWN = 20
READ = 400
"""So many entries at the end of the log are looked through: the lines of several containers, 50 of each."""

_CONTAINER = re.compile(r"Container (\S+) \(service ")
_HEADING = re.compile(r"The last 50 lines of (\S+):")
_OWN_LAST = "Deployment failed: "

_REMEDIES: tuple[tuple[str, str], ...] = (
    (r"out of memory", "The container used more memory than it may: raise its limit, or let it need less."),
    (
        r"not ready in time|did not keep running",
        "If the program only needs longer, give its health check a longer start period, or the deployment a longer "
        "deployment_timeout.",
    ),
    (
        r"is unhealthy|health check",
        "The program runs, but its health check fails: see what the check asks for and whether the program answers there.",
    ),
    (
        r"Container .* (exited with code|keeps restarting|was stopped)",
        "The program ended by itself. Its last lines say why: correct its configuration or its image, then deploy again.",
    ),
    (
        r"toomanyrequests|rate limit",
        "The registry limits how much is pulled without a login: add a registry login to the team.",
    ),
    (
        r"unauthorized|denied|authentication required|no basic auth",
        "The registry does not let this server pull: check the image's name, and add or renew the team's login for the "
        "registry.",
    ),
    (
        r"manifest (for .* not found|unknown)|Pull images failed.*not found",
        "There is no such image or tag: check its name, and that it was pushed.",
    ),
    (
        r"port is already allocated|address already in use|ports are not available",
        "Something else on the server has the port: stop it, or publish another port.",
    ),
    (
        r"[Nn]o space left|disk is full",
        "The server's disk is full: make room (docker system prune helps), then deploy again.",
    ),
    (
        r"Deadline of",
        "What ran last is at the end of the log. If it only needs longer, raise the server's deployment_timeout or deploy "
        "with a longer one.",
    ),
    (r"No output for", "See at the end of the log what it waited for, or deploy with a longer no_output_timeout."),
    (r"output came faster", "Let the program print less: a loop at its start is the usual cause."),
    (
        r"host key",
        "If the server was reinstalled, validate it again and accept the new key. If not, somebody may be in between.",
    ),
    (r"private key", "Check the server's key, then validate the server."),
    (r"Docker", "Put Docker on the server in order as the reason says, then deploy again."),
    (
        r"was rebooted|supervisor .* was killed|worker was lost",
        "Nothing is wrong with the configuration: deploy again.",
    ),
    (r"reach|connection|did not answer", "Check that the server runs and that SSH to it works, then deploy again."),
    (
        r"Validate configuration failed|custom Docker option|environment variable",
        "Correct the configuration where the reason says, then deploy again.",
    ),
    (
        r"no such host|i/o timeout|connection refused|TLS handshake",
        "The server does not reach the registry: check its network.",
    ),
    (r"error of its own", "Look into the worker's log for this deployment's uuid, and report it."),
)


@dataclass(frozen=True)
class Failure:
    """What is shown on top: `container` is the one that failed, `lines` its last ones, or the last ones of all."""

    reason: str
    remedy: str
    container: str | None
    lines: Sequence[str]
    order: int | None


def explain(reason: str, entries: Sequence[dict[str, Any]]) -> Failure:
    """Return what to show for a reason and the last entries of the log; none for who may not see them."""
    named = _CONTAINER.search(reason)
    container = named[1] if named else None
    lines = _lines_of(container, entries) if container else []
    if not lines:
        container = None
        lines = [entry for entry in entries if not entry["output"].startswith(_OWN_LAST)]
        lines = [entry for entry in lines if entry["batch"] == lines[-1]["batch"]] if lines else []
    lines = lines[-SHOWN:]
    texts = [without_ansi(entry["output"]) for entry in lines]
    return Failure(reason, remedy_for(reason), container, texts, lines[0]["order"] if lines else None)


def remedy_for(reason: str) -> str:
    """Return what to do about a reason."""
    for pattern, remedy in _REMEDIES:
        if re.search(pattern, reason):
            return remedy
    return "The last lines of the step that failed say more; correct what they name, then deploy again."


def _lines_of(container: str, entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what stands in the log under the heading of a container."""
    found: list[dict[str, Any]] = []
    is_inside = False
    for entry in entries:
        heading = _HEADING.fullmatch(entry["output"])
        if heading:
            is_inside = heading[1] == container
        elif is_inside and (_CONTAINER.match(entry["output"]) or entry["output"].startswith(_OWN_LAST)):
            break
        elif is_inside:
            found.append(entry)
    return found
