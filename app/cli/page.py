"""`docs/cli.md` from the commands themselves: `python -m app.cli.page` writes it (`--check`: is it current?)."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from app.cli.commands import application
from app.kit.generated import write_or_check

FILE = Path(__file__).parents[2] / "docs/cli.md"

_HEAD = """\
# The command line

Written by `python -m app.cli.page` from the commands in `app/cli`; `shiplog COMMAND --help` says the same.

**Where the API is.** `shiplog login URL` keeps a URL and a token in `~/.config/shiplog/contexts.json`, which only you can
read; several logins are several contexts (`shiplog context list`, `use`, `remove`), and `shiplog --context NAME …` or
`SHIPLOG_CONTEXT` uses another one than the current one. Without a login: `SHIPLOG_URL` with `SHIPLOG_TOKEN_FILE` or
`SHIPLOG_TOKEN`, which come before the current context.

**Names.** Whatever takes a uuid takes a name, as long as only one thing has it.

**Secrets** are never arguments, where every user of the machine would see them: they are read from a file or stdin, or
typed unseen.

**Programs** take `--json`: the API's own answer on stdout and nothing else there. An error is one line on stderr, with the
id of the request, which the log of the API has, too.

**Exit codes**: 0 done · 1 refused or failed · 2 called or configured wrongly · 3 the API did not start · 130 cancelled or
interrupted. With `--follow` they tell how the deployment ended.

**Completion**: `shiplog --install-completion`.
"""


def render() -> str:
    """Return the page."""
    root = typer.main.get_command(application)
    commands = [(words, command) for words, command in _walk(root, ()) if not getattr(command, "commands", None)]
    table = ["| Command | |", "|---|---|"]
    table += [f"| [`{' '.join(words)}`](#{'-'.join(words)}) | {_text(command.help)} |" for words, command in commands]
    sections = [_section(words, command) for words, command in commands]
    return "\n".join([_HEAD, *table, "", *sections])


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or check it; return the exit code."""
    return write_or_check(
        FILE,
        render,
        arguments,
        program="python -m app.cli.page",
        source="the commands say",
        remedy="run `python -m app.cli.page`",
    )


def _walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    words = words or ("shiplog",)
    yield words, command
    for name, below in getattr(command, "commands", {}).items():
        yield from _walk(below, (*words, name))


def _section(words: tuple[str, ...], command: Any) -> str:
    shown = [one for one in command.params if one.name != "help" and not getattr(one, "hidden", False)]
    arguments = [one for one in shown if one.param_type_name == "argument"]
    options = [one for one in shown if one.param_type_name == "option"]
    usage = [*words, *(["[OPTIONS]"] if options else []), *map(_usage, arguments)]
    lines = [f"## {' '.join(words)}", "", _text(command.help), "", "```sh", " ".join(usage), "```", ""]
    lines += [f"- `{_name(one)}`: {_text(one.help)}{_default(one)}" for one in arguments]
    lines += [
        f"- {', '.join(f'`{name}`' for name in (*one.opts, *one.secondary_opts))}: {_text(one.help)}{_default(one)}"
        for one in options
    ]
    if shown:
        lines.append("")
    if command.epilog:
        lines += [_text(command.epilog), ""]
    return "\n".join(lines)


def _usage(argument: Any) -> str:
    name = _name(argument) + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _name(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _default(parameter: Any) -> str:
    if parameter.required:
        return " Required." if parameter.param_type_name == "option" else ""
    if isinstance(parameter.show_default, str):
        return f" Default: {parameter.show_default}."
    if parameter.default is None or isinstance(parameter.default, bool):
        return ""
    default = parameter.default if isinstance(parameter.default, list) else [parameter.default]
    return f" Default: {', '.join(f'`{one}`' for one in default)}."


def _text(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
