"""Whose streams are open: a token that may not read logs any more takes its streams with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.auth.dependencies import caller_behind, demand
from app.errors import Forbidden, Unauthenticated
from app.postgres import Sessions

ABILITY = "read:sensitive"
"""What following a log takes."""


@dataclass(eq=False)
class Permit:
    """A token as it was at the last look, shared by all the streams that are open for it."""

    token_id: int
    is_withdrawn: bool = False
    holders: int = 0


class Permits:
    """The tokens that streams of this process are open for."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._held: dict[int, Permit] = {}

    @contextmanager
    def hold(self, token_id: int) -> Iterator[Permit]:
        """Hold the permit of a token that is good now, for as long as a stream is open."""
        permit = self._held.setdefault(token_id, Permit(token_id))
        permit.holders += 1
        try:
            yield permit
        finally:
            permit.holders -= 1
            if not permit.holders and self._held.get(token_id) is permit:
                del self._held[token_id]

    async def look(self) -> bool:
        """See which tokens are not good any more, one row each; return whether there is one."""
        held = list(self._held.values())
        if not held:
            return False
        async with self._sessions() as session:
            for permit in held:
                try:
                    demand(await caller_behind(session, permit.token_id), ABILITY)
                except (Unauthenticated, Forbidden):
                    permit.is_withdrawn = True
                    # Should the user get his role back, the next stream has a permit of its own.
                    self._held.pop(permit.token_id, None)
        return any(permit.is_withdrawn for permit in held)
