"""`docs/databases.md` from the definitions: `python -m app.databases.page` writes it (`--check`: is it current?)."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import inspect

from app.databases.definition import DatabaseDefinition
from app.databases.registry import DEFINITIONS
from app.kit.generated import write_or_check

FILE = Path(__file__).parents[2] / "docs/databases.md"

_HEAD = """\
# Databases

Written by `python -m app.databases.page` from the definitions in `app/databases/catalog`.

`UUID` is the database's own: its container and its host name on the destination network. Secrets stand in files of the
resource's folder, which only the login of Shiplog can enter, and are mounted read-only; they are handed
over in no argument and no variable. Every health check logs in as a client does and fails with a wrong password.

What an image reads *only at the first start*, when its data folder is empty, cannot be changed afterwards: the change is
refused, because it would be true in Shiplog and nowhere else. Everything else holds from the next start on. An image that
is known not to read what the last one wrote is refused, unless the body of the start says `allow_major_upgrade: true`.

ClickHouse is started with more open files and Dragonfly with more locked memory than Docker gives, as their makers ask
for. An engine that may not raise its own limits (without root, or inside a container) answers `error setting rlimits`:
there `custom_docker_run_options` asks for less, as `--ulimit nofile=20000:20000` or `--ulimit memlock=65536`. Options that
give a container power over its server (`--privileged`, `--device`, `--security-opt`, most of `--cap-add`) need
`allow_host_paths` of the server.

With `enable_ssl` a database has a certificate of its server's authority, which `GET /servers/{uuid}/ca-certificate`
answers.
"""


def render() -> str:
    """Return the page."""
    parts = [_HEAD, _table(), *(_section(definition) for definition in DEFINITIONS.values())]
    return "\n".join(parts)


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or check it; return the exit code."""
    return write_or_check(
        FILE,
        render,
        arguments,
        program="python -m app.databases.page",
        source="the definitions say",
        remedy="run `python -m app.databases.page`",
    )


def _table() -> str:
    lines = ["| Type | Image | Port | Data | Secrets | SSL modes | Fixed at the first start |", f"|{'---|' * 7}"]
    for definition in DEFINITIONS.values():
        data = definition.data_path(definition.default_image)
        cells = [
            f"[{definition.title}](#{definition.title.lower()})",
            f"`{definition.default_image}`",
            str(definition.port),
            f"`{data}`",
            _names(definition.secret_columns),
            _modes(definition),
            _names(definition.fixed),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _section(definition: DatabaseDefinition) -> str:
    columns = _columns(definition)
    check = " ".join(definition.healthcheck(columns, "UUID")[1:])
    command = " ".join(definition.command(columns))
    volumes = definition.volumes(definition.default_image)
    facts = {
        "Made by": f"`POST /databases/{definition.slug}`",
        "Volumes": ", ".join(f"`{name}-UUID` at `{path}`" for name, path in volumes.items()),
        "Command": f"`{command}`" if command else "that of the image",
        "Files": ", ".join(f"`{file.target}`" for file in definition.files(columns)),
        "Variables": ", ".join(f"`{name}`" for name in definition.environment(columns)) or "none",
        "Secrets": _names(definition.secret_columns),
        "Own configuration": f"`{definition.config_path}`" if definition.config_path else "none",
        "Init scripts": f"`{definition.init_directory}`" if definition.init_directory else "none",
        "SSL": _tls(definition),
        "Limits of processes": _ulimits(definition),
        "URL": f"`{definition.internal_url(columns, 'UUID')}`",
        "To a version that cannot read the data": definition.move,
    }
    lines = [f"- {name}: {text}" for name, text in facts.items()]
    return "\n".join([f"## {definition.title}", "", *lines, "- Health check:", "", "```sh", check, "```", ""])


def _columns(definition: DatabaseDefinition) -> Mapping[str, Any]:
    """Return the columns of a database that was made without any wish."""
    mapper = inspect(definition.model)
    defaults = {name: column.default.arg if column.default else None for name, column in mapper.columns.items()}
    return {**defaults, **dict.fromkeys(definition.secret_columns, "PASSWORD"), "image": definition.default_image}


def _tls(definition: DatabaseDefinition) -> str:
    if definition.tls is None:
        return "none"
    owner = f"certificate in `{definition.tls.directory}`, its key belongs to `{definition.tls.key_owner}`"
    modes = f", `ssl_mode` {_modes(definition)}" if definition.tls.modes else ", only encrypted connections"
    return owner + modes


def _modes(definition: DatabaseDefinition) -> str:
    if definition.tls is None:
        return "no SSL"
    modes = [f"**{mode}**" if mode == definition.tls.default_mode else mode for mode in definition.tls.modes]
    return ", ".join(modes) or "on or off"


def _ulimits(definition: DatabaseDefinition) -> str:
    limits = {name: limit["hard"] if isinstance(limit, dict) else limit for name, limit in definition.ulimits.items()}
    return ", ".join(f"`{name}` {limit}" for name, limit in limits.items()) or "those of Docker"


def _names(names: tuple[str, ...] | frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "nothing"


if __name__ == "__main__":
    sys.exit(main())
