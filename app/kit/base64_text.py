"""Text that travels in base64: files whose line breaks and quotes must arrive as they were written."""

import base64


def decoded(encoded: str) -> str:
    """Return the UTF-8 text behind `encoded`; blanks and line breaks in it are skipped. Raises ValueError."""
    return base64.b64decode("".join(encoded.split()), validate=True).decode()
