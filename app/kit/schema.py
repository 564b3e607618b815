"""Pydantic bases of what goes in and out of the API."""

import unicodedata
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from app.kit.clock import to_text

Timestamp = Annotated[
    datetime,
    PlainSerializer(to_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2025-10-30T15:29:39.123456Z"]}),
]


class RequestSchema(BaseModel):
    """A request body: unknown fields are refused, texts are taken as they are, if PostgreSQL can hold them."""

    model_config = ConfigDict(extra="forbid")
    is_query: ClassVar[bool] = False
    """In a query there is nothing but words."""

    @field_validator("*", mode="before")
    @classmethod
    def _is_of_its_type(cls, value: Any, info: ValidationInfo) -> Any:
        # Pydantic would take 0 and "yes" for a truth, "5" and true for a number.
        if cls.is_query:
            return value
        types = _types(cls, str(info.field_name))
        if types == [bool] and isinstance(value, str | int | float) and not isinstance(value, bool):
            raise refused("Input should be a valid boolean.")
        if types == [int] and isinstance(value, str | bool):
            raise refused("Input should be a valid integer.")
        return value

    @field_validator("*")
    @classmethod
    def _can_be_stored(cls, value: Any) -> Any:
        reason = _why_unstorable(value)
        if reason is not None:
            raise refused(reason)
        return value


class ResponseSchema(BaseModel):
    """An answer, read from a row by attribute."""

    model_config = ConfigDict(from_attributes=True)


def refused(text: str) -> PydanticCustomError:
    """Return the error of a field validator whose `text` reaches the caller as it is."""
    return PydanticCustomError("refused", text)


@cache
def _types(schema: type[BaseModel], field: str) -> list[Any]:
    """Return what a field may be, besides null."""
    return [each for each in _flat(schema.model_fields[field].annotation) if each is not NoneType]


def _flat(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return _flat(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return [each for part in get_args(annotation) for each in _flat(part)]
    return [annotation]


def _why_unstorable(value: Any) -> str | None:
    # asyncpg raises for each of these only when the statement runs. A loop, because a body may nest a thousand deep.
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            if "\0" in part:
                return "This field must not contain NUL characters."
            try:
                part.encode()
            except UnicodeEncodeError:
                return "This field must be valid Unicode text."
        elif isinstance(part, int):
            if not -(2**31) <= part < 2**31:
                return "This field must be between -2147483648 and 2147483647."
        elif isinstance(part, dict):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, list | tuple | set | frozenset):
            waiting += part
    return None


def _checked_name(name: str) -> str:
    if not 1 <= len(name) <= 255 or name.isspace():
        raise refused("The name must have 1 to 255 characters, not only blanks.")
    if _is_unprintable(name, allowed=""):
        raise refused("The name may not have line breaks or other control characters.")
    return name


def _checked_line(line: str) -> str:
    if len(line) > 255:
        raise refused("At most 255 characters are allowed.")
    if _is_unprintable(line, allowed=""):
        raise refused("Line breaks and other control characters are not allowed.")
    return line


def _checked_description(description: str) -> str:
    if len(description) > 2000:
        raise refused("The description may have at most 2000 characters.")
    if _is_unprintable(description, allowed="\n\r\t"):
        raise refused("The description may not have control characters other than line breaks and tabs.")
    return description


def _is_unprintable(text: str, *, allowed: str) -> bool:
    # Control characters, halves of a surrogate pair (no UTF-8 holds them), line and paragraph separators.
    return any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text if char not in allowed)


CONTROL = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
"""What is in no line, as a part of a pattern in a schema."""

Name = Annotated[
    str,
    AfterValidator(_checked_name),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": rf"^[^{CONTROL}]*[^\s{CONTROL}][^{CONTROL}]*$",
            "examples": ["shop"],
        }
    ),
]
"""What people call a thing: kept as it is, with quotes, blanks and all; file names come from ids instead."""

_LINE = {"type": "string", "maxLength": 255, "pattern": f"^[^{CONTROL}]*$"}
Line = Annotated[str, AfterValidator(_checked_line), WithJsonSchema(_LINE)]
"""One line of text."""

UuidOf = Annotated[Line, WithJsonSchema({**_LINE, "examples": ["k3v0q6n2m9x1c8b7z5a4s6d2"]})]
"""Names another thing in a request; one that is unknown is answered, not refused."""

Description = Annotated[
    str, AfterValidator(_checked_description), WithJsonSchema({"type": "string", "maxLength": 2000})
]
"""A few lines about a thing."""
