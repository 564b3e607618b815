"""Pydantic bases of what goes in and out of the API."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

from app.kit.clock import to_text

Timestamp = Annotated[
    datetime,
    PlainSerializer(to_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2025-10-30T15:29:39.123456Z"]}),
]


class RequestSchema(BaseModel):
    """A request body: unknown fields are refused, texts are taken as they are."""

    model_config = ConfigDict(extra="forbid")


class ResponseSchema(BaseModel):
    """An answer, read from a row by attribute."""

    model_config = ConfigDict(from_attributes=True)
