"""What the `/envs` routes take and answer."""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from app.kit.schema import RequestSchema, ResponseSchema, Timestamp, refused
from app.models.environment_variable import EnvironmentVariable
from app.models.shared_variable import SharedEnvironmentVariable

MOST_VALUE_BYTES = 64 * 1024
MOST_VARIABLES = 1000

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


def _checked_key(key: str) -> str:
    key = key.strip().replace(" ", "_")
    if not _KEY.fullmatch(key) or len(key) > 255:
        raise refused(
            "A key has letters, digits, dots and underscores, does not begin with a digit or a dot, "
            "and has at most 255 characters."
        )
    return key


def _checked_value(value: str) -> str:
    if "\0" in value:
        raise refused("A value may not have NUL characters.")
    if len(value.encode()) > MOST_VALUE_BYTES:
        raise refused(f"A value may have at most {MOST_VALUE_BYTES} bytes.")
    return value


def _checked_comment(comment: str) -> str:
    if len(comment) > 256 or "\0" in comment:
        raise refused("A comment may have at most 256 characters and no NUL.")
    return comment


Key = Annotated[
    str,
    AfterValidator(_checked_key),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": "^ *[A-Za-z_][A-Za-z0-9_. ]*$",
            "description": "Letters, digits, `_` and `.`, not beginning with a digit or dot; a blank becomes `_`.",
            "examples": ["DATABASE_URL"],
        }
    ),
]
Value = Annotated[
    str,
    AfterValidator(_checked_value),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": MOST_VALUE_BYTES,
            "description": "Kept as it is. `{{team.X}}`, `{{project.X}}`, `{{environment.X}}` and `{{server.X}}` stand for "
            "shared variables.",
            "examples": ["postgres://ada@store:5432/shop"],
        }
    ),
]
Comment = Annotated[str, AfterValidator(_checked_comment), WithJsonSchema({"type": "string", "maxLength": 256})]


class VariableCreate(RequestSchema):
    """Body of `POST …/envs`."""

    key: Key
    value: Value | None = None
    is_literal: bool = Field(default=False, description="`$NAME` in the value is text and not interpolated.")
    is_multiline: bool = False
    is_shown_once: bool = Field(
        default=False, description="Locked: nobody reads the value again, and it is redacted from every log."
    )
    comment: Comment | None = None


class SharedVariableUpdate(RequestSchema):
    """Body of `PATCH …/envs/{env_id}` of a shared variable: what is left out stays."""

    key: Key | None = None
    value: Value | None = None
    is_literal: bool | None = None
    is_multiline: bool | None = None
    is_shown_once: bool | None = Field(default=None, description="To unlock, send a new value with it.")
    comment: Comment | None = None


class VariableUpdate(SharedVariableUpdate):
    """Body of `PATCH …/envs`: what is left out stays."""

    key: Key


def _needs_data(schema: dict[str, Any]) -> None:
    """Say what the endpoint asks for: it answers 400 without data, as the reference does, where 422 would be ours."""
    listed, _ = schema["properties"]["data"].pop("anyOf")
    schema["properties"]["data"] = {**listed, "minItems": 1, "title": "Data"}
    schema["required"] = ["data"]


class VariablesUpdate(RequestSchema):
    """Body of `PATCH …/envs/bulk`: each is made, or changed when its key is there."""

    model_config = ConfigDict(json_schema_extra=_needs_data)

    data: list[VariableUpdate] | None = Field(default=None, max_length=MOST_VARIABLES)


class VariableAnswer(ResponseSchema):
    """A variable."""

    uuid: str = Field(examples=["k3v0q6n2m9x1c8b7z5a4s6d2"])
    key: str = Field(examples=["DATABASE_URL"])
    value: str | None = Field(default=None, description="Only with `read:sensitive`; that of a locked variable never.")
    comment: str | None
    is_literal: bool
    is_multiline: bool
    is_shown_once: bool
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, variable: EnvironmentVariable | SharedEnvironmentVariable, *, with_secrets: bool) -> Self:
        """Return the answer for a row; a value that the caller may not see is not set, and so left out."""
        shown = {"value": variable.value} if with_secrets and not variable.is_shown_once else {}
        return cls(
            uuid=variable.uuid,
            key=variable.key,
            comment=variable.comment,
            is_literal=variable.is_literal,
            is_multiline=variable.is_multiline,
            is_shown_once=variable.is_shown_once,
            created_at=variable.created_at,
            updated_at=variable.updated_at,
            **shown,
        )
