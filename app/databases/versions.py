"""Which version an image is, and whether it can read what another one wrote."""

import re

Version = tuple[int, ...]

_TAG = re.compile(r":(?:[\w.-]*v)?(\d{1,3})(?:\.(\d{1,3}))?(?![0-9])[\w.-]*$")  # 8.4-oracle, v1.25, x86_64_v6.3.4


def version_of(image: str) -> Version | None:
    """Return major and minor number of an image's tag, as far as it says them; None for `latest` and the like."""
    found = _TAG.search(image.partition("@")[0])
    return tuple(int(number) for number in found.groups() if number) if found else None
