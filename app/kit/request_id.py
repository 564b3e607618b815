"""The id of the request that is being served, from the API through the row that it makes to the worker's log."""

import os
import re

import structlog

HEADER = b"x-request-id"
_SANE = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def accepted_or_new(given: bytes | None) -> str:
    """Return the id that the client or a proxy gave if it is one short word, else a new one."""
    return given.decode() if given is not None and _SANE.fullmatch(given) else os.urandom(12).hex()


def current_request_id() -> str | None:
    """Return the id of the request, or of the job that a request asked for, that runs here; None outside of both."""
    request_id: str | None = structlog.contextvars.get_contextvars().get("request_id")
    return request_id
