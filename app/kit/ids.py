"""Public ids: 24-character cuid2, as in `uuid` and `deployment_uuid`."""

from cuid2 import Cuid

_generator = Cuid(length=24)


def new_uuid() -> str:
    """Return a new public id: 24 lower-case letters and digits, beginning with a letter."""
    uuid: str = _generator.generate()
    return uuid
