"""Every error the API answers, in one screen, and its HTTP shape `{"message": …, "request_id": …}`.

AppError
├── InvalidRequest 400      the request cannot be done as asked
├── Unauthenticated 401     no token, or one nobody knows
├── Forbidden 403           the token lacks an ability
├── NotFound 404            not there, or another team's: the same answer
├── MethodNotAllowed 405    the path is there, asked with another method
├── Conflict 409            the state of the resource forbids it
├── ContentTooLarge 413     the body is larger than any endpoint needs
├── ValidationFailed 422    a field is wrong: `errors: {field: [text]}`
├── QueueFull 429           the server's deployment queue is full
├── TooManyRequests 429     the token has used up its requests of this minute
└── Unavailable 503         PostgreSQL is away: try again
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic import BaseModel, Field


class AppError(Exception):
    """The root: an answer with `status_code`, a message a person understands, and more fields if any."""

    status_code: ClassVar[int] = 500

    def __init__(self, message: str, *, headers: Mapping[str, str] | None = None, **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.headers = dict(headers or {})
        self.fields = fields

    def body(self) -> dict[str, Any]:
        """Return the JSON body without the request id."""
        return {"message": self.message, **self.fields}


class InvalidRequest(AppError):
    """400."""

    status_code = 400


class Unauthenticated(AppError):
    """401."""

    status_code = 401

    def __init__(self, message: str = "Unauthenticated.") -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(AppError):
    """403."""

    status_code = 403


class NotFound(AppError):
    """404."""

    status_code = 404


class MethodNotAllowed(AppError):
    """405 with `Allow`."""

    status_code = 405

    def __init__(self, message: str, allowed: Sequence[str]) -> None:
        super().__init__(message, headers={"Allow": ", ".join(allowed)})


class Conflict(AppError):
    """409."""

    status_code = 409


class ContentTooLarge(AppError):
    """413."""

    status_code = 413

    def __init__(self) -> None:
        super().__init__("The request body may have at most 1 MiB.")


class ValidationFailed(AppError):
    """422 with one list of texts a field."""

    status_code = 422

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__("Validation failed.", errors={name: list(texts) for name, texts in errors.items()})


class QueueFull(AppError):
    """429 with `Retry-After`."""

    status_code = 429

    def __init__(self) -> None:
        super().__init__(
            "Deployment queue is full. Please wait for existing deployments to complete.", headers={"Retry-After": "60"}
        )


class TooManyRequests(AppError):
    """429 with `Retry-After`."""

    status_code = 429

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too Many Attempts.", headers={"Retry-After": str(retry_after)})


class Unavailable(AppError):
    """503 with `Retry-After`."""

    status_code = 503

    def __init__(self) -> None:
        super().__init__("The database is not reachable. Please try again shortly.", headers={"Retry-After": "5"})


class ErrorAnswer(BaseModel):
    """The body of every error."""

    message: str = Field(examples=["Deployment not found."])
    request_id: str = Field(
        description="Names this request in the logs of the API.", examples=["tz4a98xxat96iws9zmbrgj3a"]
    )


class ValidationErrorAnswer(ErrorAnswer):
    """The body of 422."""

    errors: dict[str, list[str]] = Field(examples=[{"name": ["This field is required."]}])


def answers(*status_codes: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of an endpoint that can answer these errors."""
    return {
        code: {
            "model": ValidationErrorAnswer if code == 422 else ErrorAnswer,
            "description": HTTPStatus(code).phrase,
        }
        for code in status_codes
    }
