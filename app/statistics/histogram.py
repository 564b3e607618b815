"""Durations as histograms that PostgreSQL adds with `sum()`: one number each, its groups of digits are the buckets.

Bucket k holds what takes from 1.1^k to 1.1^(k+1) milliseconds, and is told as the middle of it: whatever is read from a
histogram is at most 4.9 % off. Arrays or JSON would have to be taken apart row by row to be added.
"""

from bisect import bisect_left
from itertools import accumulate

GROWTH = 1.1
BUCKETS = 256
"""The last one also holds whatever takes longer than a year."""
DIGITS = 12
"""Decimal digits of a bucket: 10^12 deployments would have to fall into one before it spoils the next."""


def number_sql(milliseconds: str) -> str:
    """Return SQL for the histogram of one duration, itself SQL for milliseconds; null for null."""
    bucket = f"least({BUCKETS - 1}, floor(ln(greatest({milliseconds}, 1.0)) / ln({GROWTH}::float8)))::int"
    # Powers of numerics are rounded when they are that large.
    return f"cast('1e' || {DIGITS} * ({bucket}) AS numeric)"


def percentiles(histogram: str, *shares: float) -> list[int | None]:
    """Return for each share, from 0 to 1, the milliseconds that so many do not exceed; None of an empty histogram.

    The histogram is its number's decimal text.
    """
    first, counts = counts_of(histogram)
    reached = list(accumulate(counts))
    if not reached[-1]:
        return [None] * len(shares)
    return [_middle(first + bisect_left(reached, max(reached[-1] * share, 1))) for share in shares]


def counts_of(histogram: str) -> tuple[int, list[int]]:
    """Return the first bucket that has any, and how many are in each from there on."""
    first = (len(histogram) - len(histogram.rstrip("0"))) // DIGITS
    digits = histogram[: len(histogram) - first * DIGITS]
    length = -(-len(digits) // DIGITS) * DIGITS
    digits = digits.zfill(length)
    return first, [int(digits[begin : begin + DIGITS]) for begin in range(length - DIGITS, -1, -DIGITS)]


def _middle(bucket: int) -> int:
    middle: float = GROWTH ** (bucket + 0.5)
    return round(middle)
