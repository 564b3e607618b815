"""Turns the violation of a unique constraint into the error a person can read."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError


@contextmanager
def taken_as(constraint: str, error: Exception) -> Iterator[None]:
    """Raise `error` where a flush violates `constraint`; the transaction is over then, as after any exception.

    A look beforehand would be a second statement and still lose against another request.
    """
    try:
        yield
    except IntegrityError as violation:
        if constraint not in str(violation.orig):
            raise
        raise error from None
