"""The kinds of fault, by the rows of the table of promises in docs/reliability.md."""

from tests.faults.kinds import cancels, links, requests, servers, stores, workers
from tests.faults.parts import is_root
from tests.faults.run import Kind

KINDS: tuple[Kind, ...] = (
    *workers.KINDS,
    *links.KINDS,
    *stores.KINDS,
    *servers.KINDS,
    *cancels.KINDS,
    *requests.KINDS,
)


def kinds_of_this_machine(*, is_long: bool) -> list[Kind]:
    """Return the kinds that can be done here, the slow ones only when they are wanted."""
    return [kind for kind in KINDS if (is_root() or not kind.needs_root) and (is_long or not kind.is_long)]


def kind_named(name: str) -> Kind:
    """Return the kind of this name."""
    return next(kind for kind in KINDS if kind.name == name)
