"""One sentence for the next page: what became of a button, kept in a cookie that the page takes."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Literal

from fastapi import Request, Response

COOKIE = "shiplog_notice"
_LIFE = 60
_LONGEST = 1000

Tone = Literal["good", "bad"]


@dataclass(frozen=True)
class Notice:
    """What is said, and whether it is good news."""

    tone: Tone
    text: str

    def leave(self, request: Request, answer: Response) -> None:
        """Put it into an answer, for the page that comes next."""
        value = base64.urlsafe_b64encode(json.dumps([self.tone, self.text[:_LONGEST]]).encode()).decode()
        answer.set_cookie(COOKIE, value, max_age=_LIFE, path=_path(request), httponly=True, samesite="lax")

    def forget(self, request: Request, answer: Response) -> None:
        """Say it no more."""
        answer.delete_cookie(COOKIE, path=_path(request), httponly=True, samesite="lax")


def taken_notice(request: Request) -> Notice | None:
    """Return what a request brings to be said on a whole page, None for nothing; a fragment leaves it alone."""
    value = request.cookies.get(COOKIE)
    if value is None or "hx-request" in request.headers:
        return None
    try:
        tone, text = json.loads(base64.urlsafe_b64decode(value.encode()))
    except (binascii.Error, ValueError, TypeError):
        return None
    return Notice("good" if tone == "good" else "bad", str(text)[:_LONGEST])


def _path(request: Request) -> str:
    return f"{request.scope.get('root_path', '').rstrip('/')}/"
