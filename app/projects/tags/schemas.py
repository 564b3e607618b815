"""What the tag endpoints take and answer."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from app.kit.schema import Name, RequestSchema, ResponseSchema, Timestamp, refused


def _tag_name(name: str) -> str:
    # `/deploy?tag=a,b` names two.
    if "," in name:
        raise refused("The name of a tag may not have a comma.")
    return name.strip().lower()


TagName = Annotated[
    Name,
    AfterValidator(_tag_name),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^,]+$", "examples": ["nightly"]}),
]
"""Kept in lower case."""

NewTags = Annotated[list[TagName], Field(max_length=50)]
"""Of a resource that is made; a tag that the team has not yet is made with it."""


class TagBody(RequestSchema):
    """Body of `POST /tags` and `PATCH /tags/{uuid}`."""

    name: TagName


class TagsPut(RequestSchema):
    """Body of `POST …/tags` of a resource: one of the two."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    tag_name: TagName | None = Field(default=None, examples=["nightly"])
    tag_names: NewTags | None = None


class TagAnswer(ResponseSchema):
    """A tag."""

    uuid: str = Field(examples=["k3v0q6n2m9x1c8b7z5a4s6d2"])
    name: str = Field(examples=["nightly"])
    created_at: Timestamp
    updated_at: Timestamp
