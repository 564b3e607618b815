"""The command line itself: every command says what it does, and asking for that is quick."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from app.cli.commands import application
from app.cli.options import DatabaseType
from app.cli.problem import Problem
from app.databases.registry import DEFINITIONS

# What takes long to load: none of it is needed for `--help`.
HEAVY = (
    "alembic",
    "asyncpg",
    "asyncssh",
    "cryptography",
    "fastapi",
    "httpx",
    "pydantic",
    "redis",
    "sqlalchemy",
    "uvicorn",
)


def _commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, command
    for name, below in getattr(command, "commands", {}).items():
        yield from _commands(below, (*words, name))


def test_every_command_and_option_has_a_help_text() -> None:
    found = dict(_commands(typer.main.get_command(application)))
    assert {("up",), ("demo",), ("api",), ("worker",), ("migrate",), ("init",), ("member", "add"), ("version",)} <= set(
        found
    )
    assert [words for words, command in found.items() if not command.help] == []
    silent = [
        (words, option.name)
        for words, command in found.items()
        for option in command.params
        if not getattr(option, "help", None) and not getattr(option, "hidden", False)
    ]
    assert silent == []


def test_no_argument_or_option_takes_a_secret() -> None:
    # Every user of a machine sees the arguments of every process.
    secrets = {"token", "password", "value", "private_key", "secret"}
    found = dict(_commands(typer.main.get_command(application)))
    taken = {(words, option.name) for words, command in found.items() for option in command.params}
    assert {one for one in taken if one[1] in secrets} == set()


def test_what_answers_for_people_answers_for_programs_too() -> None:
    found = dict(_commands(typer.main.get_command(application)))
    groups = {"context", "key", "server", "project", "service", "database", "env", "import", "token"}
    alone = {"team", "deploy", "logs", "cancel", "history", "status", "doctor", "up"}
    silent = {("context", "use"), ("context", "remove"), ("token", "create"), ("token", "revoke")}
    without = {
        words
        for words, command in found.items()
        if words and not getattr(command, "commands", None)
        if (words[0] in groups or words[0] in alone) and "as_json" not in {option.name for option in command.params}
    }
    assert without == silent


def test_the_types_of_databases_are_those_of_the_api() -> None:
    assert {one.value for one in DatabaseType} == {definition.slug for definition in DEFINITIONS.values()}


def test_the_command_line_loads_nothing_that_takes_long() -> None:
    code = f"import sys, app.cli.commands; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "[]\n"


def test_a_problem_is_one_line() -> None:
    problem = Problem("It says:\n  one\n\ttwo ", exit_code=2)
    assert (str(problem), problem.exit_code) == ("It says: one two", 2)


@pytest.mark.parametrize("words", [["up", "--port", "70000"], ["api", "--workers", "0"], ["fly"]])
def test_what_cannot_be_meant_is_refused(words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "app", *words], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: " in done.stderr
