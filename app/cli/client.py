"""The HTTP API as the command line uses it: a refusal is a Problem with the API's own words."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import httpx

from app.cli.events import events_of
from app.cli.problem import Problem

PATIENCE_SECONDS = 120
"""So long an API that does not answer is waited for while a log is followed: it may be being restarted."""

_BETWEEN_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 120
_SILENT_SECONDS = 45
"""A stream without even a ping for this long is dead; one comes every 15 s."""


class Refused(Problem):
    """An answer that is an error."""

    def __init__(self, message: str, status_code: int) -> None:
        super().__init__(message)
        self.status_code = status_code


class Api:
    """A client of one API with one token; an async context manager. `name` is what its errors call it."""

    def __init__(
        self, url: str, token: str, *, name: str = "The API", transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.url = url
        self._name = name
        # The environment's proxy is for the world outside.
        self._client = httpx.AsyncClient(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=30,
            trust_env=False,
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._client.__aexit__(kind, error, traceback)

    async def get(self, path: str, **query: Any) -> Any:
        """Return the answer of a GET."""
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        """Return the answer of a POST."""
        return await self._ask("POST", path, json=body, params=query)

    async def patch(self, path: str, body: dict[str, Any]) -> Any:
        """Return the answer of a PATCH."""
        return await self._ask("PATCH", path, json=body)

    async def follow(self, deployment_uuid: str, *, after: int = 0) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Yield (`message`, entry), (`status`, …) and last (`end`, …) of a deployment's log, each entry once.

        A connection that breaks or ends is made again where it was.
        """
        silent_since: float | None = None  # when it did not answer for the first time
        while True:
            try:
                async for name, data in self._stream(f"/deployments/{deployment_uuid}/logs/stream", after):
                    silent_since = None
                    if name == "open":
                        continue
                    if name == "error":
                        raise Problem(str(data["message"]))
                    after = data.get("order", after)
                    yield name, data
                    if name == "end":
                        return
            except httpx.HTTPError as error:
                silent_since = silent_since or time.monotonic()
                if time.monotonic() - silent_since > PATIENCE_SECONDS:
                    raise Problem(f"{self._name} does not answer: {str(error) or type(error).__name__}") from None
            await asyncio.sleep(_BETWEEN_SECONDS)

    async def _stream(self, path: str, after: int) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        timeout = httpx.Timeout(30, read=_SILENT_SECONDS)
        headers = {"Accept": "text/event-stream"}
        async with self._client.stream(
            "GET", path, params={"after": after}, headers=headers, timeout=timeout
        ) as response:
            if response.status_code >= 500:
                response.raise_for_status()  # a proxy whose API is away, or PostgreSQL is
            if not response.is_success:
                await response.aread()
                raise self._refusal("GET", path, response)
            yield "open", {}
            async for event in events_of(response.aiter_bytes()):
                yield event.name, json.loads(event.data)

    async def _ask(self, method: str, path: str, **request: Any) -> Any:
        response = await self._answer(method, path, **request)
        while response.status_code == 429 and response.headers.get("X-RateLimit-Remaining") == "0":
            await asyncio.sleep(_pause(response))
            response = await self._answer(method, path, **request)
        if not response.is_success:
            raise self._refusal(method, path, response)
        try:
            return response.json()
        except ValueError:  # `/version` is text, and so is a page of somebody else
            return response.text

    async def _answer(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return await self._client.request(method, path, **request)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise Problem(f"{self._name} does not answer {method} {path} on {self.url}: {reason}") from None

    def _refusal(self, method: str, path: str, response: httpx.Response) -> Refused:
        text = f"{self._name} refuses {method} {path} with {response.status_code}: {_reason(response)}"
        request_id = response.headers.get("X-Request-Id")
        return Refused(f"{text} (request {request_id})" if request_id else text, response.status_code)


def _pause(response: httpx.Response) -> float:
    """Return the seconds until a token may ask again, by a header that is digits or not believed."""
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), _LONGEST_PAUSE_SECONDS) if asked.isdigit() else 1


def _reason(response: httpx.Response) -> str:
    try:
        answer: dict[str, Any] = response.json()
        # Some APIs give one text where others give a list of them.
        fields = [
            f"{name}: {texts if isinstance(texts, str) else ' '.join(texts)}"
            for name, texts in answer.get("errors", {}).items()
        ]
    except (ValueError, AttributeError, TypeError):
        return response.reason_phrase
    return " ".join([str(answer.get("message", "")), *fields])
