"""The two smallest answers: what was done, and which thing was made or changed."""

from pydantic import Field

from app.kit.schema import ResponseSchema


class MessageAnswer(ResponseSchema):
    """What was done."""

    message: str = Field(examples=["Server deleted."])


class UuidAnswer(ResponseSchema):
    """What was made or changed."""

    uuid: str = Field(examples=["k3v0q6n2m9x1c8b7z5a4s6d2"])
