"""What PostgreSQL has against a command, in one line and without the statement."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.cli.problem import Problem


@contextmanager
def postgres_problems() -> Iterator[None]:
    """Raise Problem for what PostgreSQL refuses and for a PostgreSQL that does not answer."""
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except DBAPIError as error:
        raise Problem(f"PostgreSQL refuses: {str(error.orig).rpartition('>: ')[2]}.") from None
    except (OSError, TimeoutError) as error:
        raise Problem(f"PostgreSQL does not answer: {str(error) or 'no connection'}.") from None
