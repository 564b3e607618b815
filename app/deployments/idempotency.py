"""`Idempotency-Key`: a request that is sent again gets the answer of the first one, and makes nothing anew.

The key is taken in the transaction that makes the rows, before anything else, and the answer is kept in it. (As a column
of the rows, two requests at once both made rows.)
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request
from pydantic import BaseModel

from app.auth.dependencies import Caller
from app.deployments.repository import keep_answer, take_idempotency_key
from app.errors import Conflict
from app.kit.after_commit import call_after_commit
from app.kit.schema import ResponseSchema
from app.postgres import Session

A = TypeVar("A", bound=ResponseSchema)

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Any text of yours. The same key and request within 24 hours get the same answer and make nothing "
        "anew; the same key with another request is 409.",
    ),
]


class AnswerOnce:
    """Makes the answer of a request that deploys, or repeats the one that was made for its key."""

    def __init__(self, request: Request, session: Session, key: KeyHeader = None) -> None:
        self._request = request
        self._session = session
        self._key = key
        self._server_ids: set[int] = set()

    def wake(self, server_id: int) -> None:
        """Have a worker look at a server once this is committed; a repeated answer wakes it again."""
        if server_id not in self._server_ids:
            self._server_ids.add(server_id)
            waker = self._request.app.state.waker
            call_after_commit(self._session, lambda: waker.look(server_id))

    async def __call__(self, caller: Caller, asked: BaseModel, schema: type[A], make: Callable[[], Awaitable[A]]) -> A:
        """Return `make()`, or what it returned to the first request with this key; 409 for another request."""
        if self._key is None:
            return await make()
        text = f"{self._request.method} {self._request.url.path} {asked.model_dump_json(exclude_none=True)}"
        body_hash = hashlib.sha256(text.encode()).hexdigest()
        first = await take_idempotency_key(self._session, caller.token_id, self._key, body_hash)
        if first is None:
            answer = await make()
            kept = {
                "answer": answer.model_dump(mode="json", exclude_unset=True),
                "server_ids": sorted(self._server_ids),
            }
            await keep_answer(self._session, caller.token_id, self._key, kept)
            return answer
        if first.body_hash != body_hash or first.answer is None:
            raise Conflict("This Idempotency-Key was used for another request: take a new one.")
        for server_id in first.answer["server_ids"]:
            self.wake(server_id)
        return schema.model_validate(first.answer["answer"])


Once = Annotated[AnswerOnce, Depends()]
