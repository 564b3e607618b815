"""How the pages say times, durations and sizes."""

from datetime import datetime

from app.kit.clock import utcnow

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def duration(milliseconds: float | None) -> str:
    """Return a duration in at most two units, such as `1 min 05 s`; `–` for none."""
    if milliseconds is None:
        return "–"
    if milliseconds < 9_950:
        return f"{round(milliseconds)} ms" if milliseconds < 950 else f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24:02} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


def short(milliseconds: float) -> str:
    """Return a round duration in one unit, for an axis."""
    seconds = milliseconds / 1000
    if seconds < 1:
        return f"{milliseconds:g} ms"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{round(seconds / size, 1):g} {unit}"
    return f"{seconds:g} s"


def ago(time: datetime, now: datetime | None = None) -> str:
    """Return how long ago a time was, in one unit; the date when it is more than a month."""
    seconds = ((now or utcnow()) - time).total_seconds()
    if seconds > 31 * 86_400:
        return f"{time:%d %b %Y}"
    for size, unit in _UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def moment(time: datetime) -> str:
    """Return a time to the second, in UTC."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def clock(time: datetime) -> str:
    """Return the time of the day, in UTC."""
    return f"{time:%H:%M:%S}"


def bytes_text(count: int) -> str:
    """Return a number of bytes in the unit that fits."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
