"""Our own webhook: signed JSON to an address that was checked, and no redirect is followed."""

import asyncio
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any

import httpx

from app.notifications.addresses import AddressGuard, AddressRefused

SECONDS = 10.0
"""For one attempt, resolving and connecting included."""

_TIMEOUT = httpx.Timeout(SECONDS, connect=4.0)


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt; `error` is None when the receiver has it."""

    error: str | None = None
    status_code: int | None = None


@dataclass(frozen=True)
class Webhook:
    """A receiver: its URL, and the secret that both sides have."""

    url: str
    secret: str


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Return the signature: HMAC-SHA256 of `{timestamp}.{body}` as `sha256=` and hexadecimal digits."""
    signed = str(timestamp).encode() + b"." + body
    return f"sha256={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


async def send(
    webhook: Webhook, delivery_id: str, payload: Mapping[str, Any], guard: AddressGuard, *, timeout: float = SECONDS
) -> Outcome:
    """Try once; never raises for what the receiver or the network does, and no text has the URL in it."""
    # The id is in the body too, which is signed: a header that somebody changes would get past a receiver's memory.
    body = json.dumps({**payload, "delivery_id": delivery_id}, ensure_ascii=False, separators=(",", ":")).encode()
    timestamp = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"Shiplog/{version('shiplog')}",
        "X-Shiplog-Event": str(payload["event"]),
        "X-Shiplog-Delivery": delivery_id,
        "X-Shiplog-Timestamp": str(timestamp),
        "X-Shiplog-Signature": sign(webhook.secret, timestamp, body),
    }
    try:
        async with asyncio.timeout(timeout):
            return _judged(await _post(httpx.URL(webhook.url), headers, body, guard))
    except AddressRefused as error:
        return Outcome(str(error))
    except TimeoutError:
        return Outcome(f"The receiver did not answer within {timeout:g} seconds.")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return Outcome(f"The receiver cannot be reached: {type(error).__name__}.")


async def _post(url: httpx.URL, headers: dict[str, str], body: bytes, guard: AddressGuard) -> int:
    """Return the status code, of the first address that takes a connection; nothing of the answer's body is read."""
    host = url.raw_host.decode("ascii")
    addresses = await guard.addresses_of(url.host, url.port or (443 if url.scheme == "https" else 80))
    last = len(addresses) - 1
    # A client each: kept connections are told apart by address, and two hosts may share one.
    async with httpx.AsyncClient(trust_env=False, verify=_trusted(), timeout=_TIMEOUT) as client:
        for number, address in enumerate(addresses):
            try:
                request = client.stream(
                    "POST",
                    url.copy_with(host=address),
                    headers={**headers, "Host": url.netloc.decode("ascii")},
                    content=body,
                    extensions={} if _is_address(host) else {"sni_hostname": host},
                    follow_redirects=False,
                )
                async with request as response:
                    return response.status_code
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if number == last:
                    raise
    raise OSError("The host has no address.")


def _judged(status_code: int) -> Outcome:
    if 200 <= status_code < 300:
        return Outcome(status_code=status_code)
    hint = " Redirects are not followed: give the channel the URL itself." if 300 <= status_code < 400 else ""
    return Outcome(f"The receiver answered {status_code}.{hint}", status_code)


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


@cache
def _trusted() -> ssl.SSLContext:
    """Return the context with the certificates that are trusted; making it reads a large file."""
    return httpx.create_ssl_context()
