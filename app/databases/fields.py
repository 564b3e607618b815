"""What may stand in the fields of a database: names, passwords, limits, ports, files."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler, ValidationInfo, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from app.compose.plan import PlanError
from app.compose.run_options import parse_run_options
from app.kit.base64_text import decoded
from app.kit.schema import refused

MOST_BYTES_OF_A_FILE = 256 * 1024
MOST_PORT_MAPPINGS = 50
MOST_SCRIPTS = 50


@dataclass(frozen=True)
class Matching:
    """A text that the whole pattern matches; `refusal` is what the caller reads otherwise."""

    pattern: str
    refusal: str

    def check(self, text: str) -> str:
        """Return the text, or refuse it."""
        if not re.fullmatch(self.pattern, text):
            raise refused(self.refusal)
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True)
class OneOf:
    """One of a few texts."""

    texts: tuple[str, ...]

    def check(self, text: str) -> str:
        """Return the text, or refuse it."""
        if text not in self.texts:
            raise refused(f"Input should be {', '.join(map(repr, self.texts[:-1]))} or {self.texts[-1]!r}.")
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "enum": list(self.texts)}


Image = Annotated[
    str,
    Matching(
        r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,254}",
        "The image must be a Docker image such as postgres:16-alpine or registry.example/team/db:1.",
    ),
]
Identifier = Annotated[
    str,
    Matching(
        r"[A-Za-z_][A-Za-z0-9_]{0,62}",
        "Only letters, digits and underscores are allowed, at most 63, and the first may not be a digit.",
    ),
]
"""The name of a user or of a database inside the database."""


def _not_root(user: str) -> str:
    if user == "root":
        raise refused("The user may not be root: that one is there anyway, with a password of its own.")
    return user


OrdinaryUser = Annotated[Identifier, AfterValidator(_not_root)]

Password = Annotated[
    str,
    Matching(
        r"[A-Za-z0-9!@#%^*()_+\-=\[\]{}:,.?/~]{1,128}",
        "A password has 1 to 128 letters, digits or characters of !@#%^*()_+-=[]{}:,.?/~; "
        "no blanks, quotes, dollar signs or backslashes.",
    ),
]
MemoryLimit = Annotated[
    str,
    Matching(
        r"[0-9]{1,15}(?:[bB]|[kKmMgG][bB]?)?",
        "A memory limit is a number with b, k, m or g behind it, such as 512m; 0 means none.",
    ),
]
SwapLimit = Annotated[
    str,
    Matching(
        r"-1|[0-9]{1,15}(?:[bB]|[kKmMgG][bB]?)?",
        "A swap limit is a number with b, k, m or g behind it, such as 1g; 0 means none set, -1 unlimited.",
    ),
]
CpuLimit = Annotated[
    str, Matching(r"[0-9]{1,4}(?:\.[0-9]{1,3})?", "A CPU limit is a number of CPUs such as 1.5; 0 means none.")
]
CpuSet = Annotated[
    str,
    Matching(
        r"|[0-9]{1,4}(?:-[0-9]{1,4})?(?:,[0-9]{1,4}(?:-[0-9]{1,4})?)*",
        "A CPU set lists CPUs by their numbers, such as 0-2,4.",
    ),
    AfterValidator(lambda cpus: cpus or None),
]
HostAuthMethod = Annotated[
    str,
    Matching(
        r"trust|reject|scram-sha-256|md5|password|ident|peer|cert",
        "The method must be trust, reject, scram-sha-256, md5, password, ident, peer or cert.",
    ),
]

_PORT_MAPPING = re.compile(
    r"(?:(?P<ip>[0-9]{1,3}(?:\.[0-9]{1,3}){3}):)?(?P<host>[0-9]{1,5}):(?P<container>[0-9]{1,5})(?:/(?:tcp|udp))?"
)


def _port_mappings(mappings: str) -> str | None:
    parts = [part.strip() for part in mappings.split(",")] if mappings.strip() else []
    if len(parts) > MOST_PORT_MAPPINGS:
        raise refused(f"At most {MOST_PORT_MAPPINGS} port mappings are allowed.")
    for part in parts:
        mapping = _PORT_MAPPING.fullmatch(part)
        if mapping is None:
            raise refused("Port mappings are pairs of host and container port, such as 5433:5432,127.0.0.1:6432:5432.")
        if any(not 1 <= int(mapping[name]) <= 65535 for name in ("host", "container")):
            raise refused("Ports are numbers from 1 to 65535.")
        if any(int(number) > 255 for number in (mapping["ip"] or "0").split(".")):
            raise refused(f"{mapping['ip']} is not an IPv4 address.")
    if len(set(parts)) < len(parts):
        raise refused("Each port mapping may be named once.")
    return ",".join(parts) or None


PortMappings = Annotated[
    str,
    AfterValidator(_port_mappings),
    WithJsonSchema({"type": "string", "examples": ["5433:5432,127.0.0.1:6432:5432"]}),
]
"""`[ip:]host:container[/protocol]`, separated by commas; empty means none."""


def _public_port(port: int) -> int:
    if not 1024 <= port <= 65535:
        raise refused("The public port must be a number from 1024 to 65535.")
    return port


PublicPort = Annotated[
    int, AfterValidator(_public_port), WithJsonSchema({"type": "integer", "minimum": 1024, "maximum": 65535})
]


def _run_options(options: str) -> str | None:
    if len(options) > 2000 or any(ord(char) < 32 or "\ud800" <= char <= "\udfff" for char in options):
        raise refused("The options must be one line of at most 2000 characters.")
    try:
        parse_run_options(options)
    except PlanError as error:
        raise refused(str(error)) from None
    return options.strip() or None


RunOptions = Annotated[
    str, AfterValidator(_run_options), WithJsonSchema({"type": "string", "examples": ["--shm-size 256m --init"]})
]
"""Options of `docker run`; empty means none."""


def _file(text: str) -> str:
    if "\0" in text:
        raise refused("A file may not have NUL characters.")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise refused("A file may not have halves of surrogate pairs: UTF-8 cannot express them.")
    if len(text.encode()) > MOST_BYTES_OF_A_FILE:
        raise refused(f"A file may have at most {MOST_BYTES_OF_A_FILE // 1024} KiB.")
    return text


def _file_in_base64(encoded: str, info: ValidationInfo) -> str:
    try:
        text = decoded(encoded)
    except ValueError:
        raise refused(f"The {info.field_name} should be base64 encoded.") from None
    _file(text)
    return encoded


FileInBase64 = Annotated[
    str,
    AfterValidator(_file_in_base64),
    WithJsonSchema({"type": "string", "format": "byte", "examples": ["bWF4X2Nvbm5lY3Rpb25zID0gNTAK"]}),
]
"""A configuration file: UTF-8 text in base64, at most 256 KiB before encoding. Kept encoded until it is stored."""


class InitScript(BaseModel):
    """A file that the image runs when it initialises an empty data folder."""

    model_config = ConfigDict(extra="forbid")

    filename: Annotated[
        str,
        Matching(
            r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}",
            "A file name has at most 100 letters, digits, dots, dashes and underscores, and no folder.",
        ),
    ] = Field(examples=["01-schema.sql"])
    content: Annotated[str, AfterValidator(_file)] = Field(
        description="The file as text, at most 256 KiB.", examples=["CREATE TABLE ships (name text);"]
    )


def _init_scripts(scripts: list[InitScript]) -> list[InitScript]:
    if len(scripts) > MOST_SCRIPTS:
        raise refused(f"At most {MOST_SCRIPTS} init scripts are allowed.")
    if len({script.filename for script in scripts}) < len(scripts):
        raise refused("Each file name may stand once.")
    return scripts


InitScripts = Annotated[list[InitScript], AfterValidator(_init_scripts)]
