"""Options that several commands have, and how a command that asks the API is run."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print the API's own answer as JSON, and nothing else on stdout.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours, not on a terminal either.")]
Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Until it ends; exit code 0 finished, 1 failed, 130 cancelled.")
]
ResourceArgument = Annotated[str, typer.Argument(help="Name or uuid of a service or database.")]
NameArgument = Annotated[str, typer.Argument(help="What it is called from now on.")]
Project = Annotated[str | None, typer.Option(help="Name or uuid of the project.", show_default="the only one there is")]
Environment = Annotated[str, typer.Option(help="Name of the project's environment.")]
ServerOption = Annotated[
    str | None, typer.Option("--server", help="Name or uuid of the server.", show_default="the only one there is")
]
SecretFile = Annotated[
    Path | None,
    typer.Option("--file", "-f", help="File that holds it; - for stdin.", show_default="stdin, or typed unseen"),
]


class DatabaseType(StrEnum):
    """The types of databases, as the API has them in `/databases/{type}`."""

    POSTGRESQL = "postgresql"
    REDIS = "redis"
    MONGODB = "mongodb"
    MYSQL = "mysql"
    MARIADB = "mariadb"
    KEYDB = "keydb"
    DRAGONFLY = "dragonfly"
    CLICKHOUSE = "clickhouse"
    VALKEY = "valkey"


def group(help_text: str) -> typer.Typer:
    """Return an empty group of commands."""
    return typer.Typer(help=help_text, no_args_is_help=True)


def through_api(
    work: Callable[..., Awaitable[int | None]], *, as_json: bool = False, plain: bool = False, **typed: Any
) -> NoReturn:
    """End the command with what `work` makes of the API and what was typed."""
    from app.cli.asking import ask

    raise typer.Exit(ask(partial(work, **typed), as_json=as_json, plain=plain))
