"""Which names say that their value is a secret, and the passwords within URLs."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

SECRET_NAME_PATTERN: Final = (
    r"(?i)^(?!.*[_.-](?:file|path|dir|ttl|expiry|expires|size|length|type|name|id)$)"  # noqa: S105 - no secret
    r".*(?:password|passwd|passphrase|secret|token|credential|(?:^|[_.-])(?:pass|pwd|pw|key|apikey|salt|dsn)(?:$|[_.-]))"
)
"""Words anywhere, short ones as a part of the name; not the place, the kind or the age of a secret."""

_USER_AND_PASSWORD = re.compile(r"://([^\s/?#:@\[\]\"<>`\\]{0,256}):([^\s/@\"<>`\\]{1,1000})@")


def passwords_in_urls(text: str) -> Iterator[str]:
    """Yield, for each URL in a text, its password as it is meant and its `user:password` as it is written."""
    for user, password in _USER_AND_PASSWORD.findall(text):
        if not password.startswith("$"):
            yield unquote(password)
            yield f"{user}:{password}"


def mask_passwords_in_urls(text: str, mask: str) -> str:
    """Return the text with `mask` in place of the password in each URL."""
    return _USER_AND_PASSWORD.sub(
        lambda found: found[0] if found[2].startswith("$") else f"://{found[1]}:{mask}@", text
    )
