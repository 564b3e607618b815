"""What a comparison of deployments answers."""

from typing import Literal

from pydantic import Field

from app.kit.schema import ResponseSchema

Change = Literal["added", "removed", "changed"]


class NamedChange(ResponseSchema):
    """A thing with a name that is there, is not there any more, or is another."""

    name: str = Field(examples=["web"])
    change: Change


class ValueChange(NamedChange):
    """A setting or a variable; of a secret no value is shown."""

    name: str = Field(examples=["LOG_LEVEL"])
    is_secret: bool
    before: str | None = Field(description="Redacted; null for a secret and where there was none.")
    after: str | None = Field(description="Redacted; null for a secret and where there is none.")


class RanImage(ResponseSchema):
    """The image of a Compose service as its server had it."""

    image: str = Field(examples=["registry.example/web:1"])
    id: str = Field(description="Its id on the server.")
    digest: str | None = Field(
        description="What it is in its registry; null for one that no registry has.",
        examples=["registry.example/web@sha256:3b8f…"],
    )


class ImageChange(NamedChange):
    """What another image than before ran of a Compose service."""

    before: RanImage | None
    after: RanImage | None


class Changes(ResponseSchema):
    """What differs, first as structure, then as text."""

    fields: list[ValueChange] = Field(description="Settings of the resource; long texts of a database among them.")
    variables: list[ValueChange]
    logins: list[NamedChange] = Field(description="Logins of registries, by host.")
    compose_services: list[NamedChange]
    images: list[ImageChange] = Field(description="Empty where nothing is known of one side; `notes` say so then.")
    text: str = Field(
        description="A unified diff of the rendered Compose files, redacted.",
        examples=["--- docker-compose.yml\tbefore\n+++ docker-compose.yml\tafter\n@@ -1 +1 @@\n-a: 1\n+a: 2\n"],
    )
    notes: list[str] = Field(description="What cannot be compared, or differs in secrets alone.")
    is_same: bool = Field(description="Nothing above differs.")


class DiffAnswer(Changes):
    """How one deployment differs from an earlier one."""

    deployment_uuid: str
    against: str | None = Field(description="The earlier one; null when there is none: then everything is added.")


class PlannedFileAnswer(ResponseSchema):
    """A file that a deployment would bring."""

    path: str = Field(examples=["docker-compose.yml"])
    mode: str = Field(examples=["0600"])
    content: str = Field(description="With `<REDACTED>` for each secret.")


class PlannedStepAnswer(ResponseSchema):
    """A named stage that a deployment would go through."""

    name: str = Field(examples=["Pull images"])
    command: str = Field(description="What a person would type for it.")


class PlanAnswer(ResponseSchema):
    """What a deployment would do; nothing was done, and the server was not asked."""

    kind: Literal["service", "database"]
    resource_uuid: str
    against: str | None = Field(description="The last finished deployment; null when there is none.")
    problem: str | None = Field(description="Why the deployment would fail before it begins; null when it would not.")
    changes: Changes
    files: list[PlannedFileAnswer]
    steps: list[PlannedStepAnswer]
