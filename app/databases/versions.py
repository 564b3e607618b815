"""Which version an image is, and whether it can read the data that another one wrote."""

import re

Version = tuple[int, ...]

_TAG = re.compile(r":(?:[\w.-]*v)?(\d{1,3})(?:\.(\d{1,3}))?(?![0-9])[\w.-]*$")  # 8.4-oracle, v1.25, x86_64_v6.3.4


def version_of(image: str) -> Version | None:
    """Return major and minor number of an image's tag, as far as it says them; None for `latest` and the like."""
    found = _TAG.search(image.partition("@")[0])
    return tuple(int(number) for number in found.groups() if number) if found else None


def is_older(before: Version, after: Version) -> bool:
    """Return whether the data would go back to an older server, as far as both versions say."""
    known = min(len(before), len(after))
    return after[:known] < before[:known]


def is_other_major_or_older(before: Version, after: Version) -> bool:
    """Return whether the data would go to another major version, or back within one."""
    return before[0] != after[0] or is_older(before, after)


def is_older_or_skips_a_major(before: Version, after: Version) -> bool:
    """Return whether the data would go back, or forth by more than one major version."""
    return after[0] - before[0] > 1 or is_older(before, after)
