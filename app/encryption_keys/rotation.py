"""Rotation: which key wrote what, and every stored secret written anew with the first key, in small transactions."""

from dataclasses import dataclass, field
from typing import Any

from app.encryption_keys.repository import (
    EncryptedColumn,
    StoredValue,
    StoredValueRepository,
    encrypted_columns,
)
from app.kit.encryption import DecryptionError, Keyring
from app.postgres import Sessions, transaction

BATCH = 100
"""Values a transaction: a row that a worker appends to is locked for some milliseconds at most."""

NAMED = 20
"""How many rows of a column are named where a key is lost."""

_MOST_PASSES = 5


@dataclass(frozen=True)
class KeyUse:
    """What one key has written in one column; `rows` names the first of them where the key is not configured."""

    key_id: str
    column: str
    count: int
    state: str
    rows: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Rotated:
    """How many values were written anew, by column, and which rows hold one that is damaged."""

    written: dict[str, int]
    damaged: dict[str, list[str]]


async def key_uses(sessions: Sessions, keyring: Keyring) -> list[KeyUse]:
    """Return which key wrote what: state `first`, `old` (configured, not first) or `lost` (not configured)."""
    uses = []
    async with transaction(sessions) as session:
        for column in encrypted_columns():
            values = StoredValueRepository(session, column)
            for key_id, count in sorted((await values.count_by_key()).items()):
                state = _state(keyring, key_id)
                rows = await values.written_by(key_id, limit=NAMED) if state == "lost" else []
                uses.append(KeyUse(key_id, str(column), count, state, rows))
    return uses


async def rotate(sessions: Sessions, keyring: Keyring) -> Rotated:
    """Write everything anew that another configured key than the first has written; values of lost keys stay.

    A process that has not heard of the new order of the keys may write with the old one meanwhile: each column is gone
    through until a pass finds nothing.
    """
    written: dict[str, int] = {}
    damaged: dict[str, list[str]] = {}
    for column in encrypted_columns():
        for _ in range(_MOST_PASSES):
            count, bad = await _pass_over(sessions, keyring, column)
            if bad:
                damaged[str(column)] = bad
            if not count:
                break
            written[str(column)] = written.get(str(column), 0) + count
    return Rotated(written, damaged)


async def _pass_over(sessions: Sessions, keyring: Keyring, column: EncryptedColumn) -> tuple[int, list[str]]:
    count = 0
    damaged: list[str] = []
    after: tuple[Any, ...] | None = None
    while True:
        async with transaction(sessions) as session:
            values = StoredValueRepository(session, column)
            batch = await values.written_by_others(keyring.first, keyring.key_ids, after, limit=BATCH)
            if not batch:
                return count, damaged
            anew: dict[StoredValue, str] = {}
            for value in batch:
                try:
                    anew[value] = keyring.encrypt(keyring.decrypt(value.text))
                except DecryptionError:
                    damaged.append(value.name)
            written = await values.replace(anew)
        after = batch[-1].row
        count += written


def _state(keyring: Keyring, key_id: str) -> str:
    if key_id == keyring.first:
        return "first"
    return "old" if key_id in keyring.key_ids else "lost"
