"""How long to wait before something is tried again."""


def pause_after(attempt: int, *, most: float, first: float = 0.5) -> float:
    """Return the seconds to wait after the `attempt`-th failure, which is the first at 1: twice as long each time."""
    return min(most, first * 2.0 ** min(attempt, 16))
