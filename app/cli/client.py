"""The HTTP API as the command line uses it: a refusal is a Problem with the API's own words."""

from types import TracebackType
from typing import Any, Self

import httpx

from app.cli.problem import Problem


class Api:
    """A client of one API with one token; an async context manager."""

    def __init__(self, url: str, token: str) -> None:
        # The environment's proxy is for the world outside.
        self._client = httpx.AsyncClient(
            base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
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

    async def _ask(self, method: str, path: str, **request: Any) -> Any:
        try:
            response = await self._client.request(method, path, **request)
        except httpx.HTTPError as error:
            raise Problem(f"The API does not answer {method} {path}: {str(error) or type(error).__name__}") from None
        if response.is_success:
            return response.json()
        raise Problem(f"The API refuses {method} {path} with {response.status_code}: {_reason(response)}")


def _reason(response: httpx.Response) -> str:
    try:
        answer: dict[str, Any] = response.json()
    except ValueError:
        return response.reason_phrase
    fields = (f"{name}: {' '.join(texts)}" for name, texts in answer.get("errors", {}).items())
    return " ".join([str(answer.get("message", "")), *fields])
