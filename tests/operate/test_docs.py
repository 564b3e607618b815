"""What docs/ and README.md say is there: commands with their options, paths of the API, settings, and each link's end."""

import asyncio
import json
import re
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from app.cli.commands import application
from app.openapi import FILE
from app.settings import Settings
from docs.generated_pages import api_page, settings_page
from tests.operate.pages import blocks

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TYPED = [page for page in PAGES if page.name != "cli.md"]  # that one is written from the commands and has their usage
DOCUMENT: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
SHELLS = {"sh", "console", "bash"}
PATH = re.compile(r"/api/v1(/[\w/{}.-]*)")
ELSEWHERE = r'<(?:script|link|img|iframe|source)\b[^>]*(?:src|href)="?(?:https?:)?//[^>]*|url\((?:https?:)?//|@import'


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _command_lines(text: str) -> Iterator[list[str]]:
    """Yield the words of each `shiplog …` in the page's shell blocks, from pipes and substitutions too."""
    for block in blocks(text):
        if block.language not in SHELLS:
            continue
        joined = re.sub(r"\$\((?!shiplog)[^()]*\)", "WORD", block.text.replace("\\\n", " "))
        for match in re.finditer(r"(?:^|[$|(;] ?|&& |\$\()shiplog ([^\n|;)&<>#]*)", joined, re.MULTILINE):
            yield match[1].replace("'", "").replace('"', "").split()


def _complaint(words: list[str]) -> str | None:
    """Return what is wrong with the words behind `shiplog`: no such command, option, or too many arguments."""
    command: Any = typer.main.get_command(application)
    options = {"--help"}
    rest = list(words)
    arguments = 0
    while rest:
        options |= {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        flags = {
            name
            for one in command.params
            if getattr(one, "is_flag", False)
            for name in (*one.opts, *one.secondary_opts)
        }
        word = rest.pop(0)
        if word.startswith("-") and word != "-":
            if word.partition("=")[0] not in options:
                return f"no option {word}"
            if word not in flags | {"--help"} and "=" not in word and rest:
                rest.pop(0)
        elif below := getattr(command, "commands", None):
            if word not in below:
                return f"no command {word}"
            command = below[word]
        else:
            arguments += 1
    taken = [one for one in command.params if one.param_type_name == "argument"]
    if getattr(command, "commands", None):
        return "no command"
    return "too many arguments" if arguments > len(taken) and all(one.nargs == 1 for one in taken) else None


@pytest.mark.parametrize("page", TYPED, ids=_named)
def test_every_command_line_of_a_page_is_one(page: Path) -> None:
    wrong = {" ".join(words): why for words in _command_lines(page.read_text()) if (why := _complaint(words))}

    assert wrong == {}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("deploy shop --follow", None),
        ("--context work status", None),
        ("deploi shop", "no command deploi"),
        ("deploy shop --folow", "no option --folow"),
        ("history shop orders", "too many arguments"),
    ],
    ids=["right", "option before the command", "command", "option", "arguments"],
)
def test_what_is_wrong_with_a_command_line_is_found(line: str, complaint: str | None) -> None:
    assert [_complaint(words) for words in _command_lines(f"```console\n$ shiplog {line}\n```\n")] == [complaint]


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_every_path_of_a_page_is_in_the_document(page: Path) -> None:
    known = [re.compile(re.sub(r"\\{.+?\\}", "[^/]+", re.escape(path))) for path in (*DOCUMENT["paths"], "")]

    asked = {path.rstrip("/.") for path in PATH.findall(page.read_text())}

    assert {path for path in asked if not any(one.fullmatch(path) for one in known)} == set()


def test_every_setting_that_is_named_is_one_and_every_one_is_described() -> None:
    settings = {f"SHIPLOG_{name.upper()}" for name in Settings.model_fields}
    named = {name for page in PAGES for name in re.findall(r"\bSHIPLOG_[A-Z_]+[A-Z]\b", page.read_text())}
    others = set(re.findall(r"\bSHIPLOG_[A-Z_]+[A-Z]\b", _sources()))

    assert named - settings - others == set()
    assert re.findall(r"^\| `SHIPLOG_\w+` \|.*\|  \|$", settings_page(), re.MULTILINE) == []


def test_the_page_of_the_api_has_every_operation() -> None:
    page = api_page(DOCUMENT)

    operations = [(m, path, one) for path, methods in DOCUMENT["paths"].items() for m, one in methods.items()]
    missing = [path for method, path, one in operations if f"`{method.upper()} {path}`" not in page]
    assert missing == []
    assert all(f"{{#{one['operationId']}}}" in page for _, _, one in operations)


async def test_a_link_that_leads_nowhere_is_the_one_error_and_the_site_asks_no_other_host(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("released", "__pycache__"))
    config = (ROOT / "mkdocs.yml").read_text().replace("docs/generated_pages.py", str(ROOT / "docs/generated_pages.py"))
    (tmp_path / "mkdocs.yml").write_text(config)

    with (tmp_path / "docs/concepts.md").open("a") as page:
        page.write("\n[lost](log.md#nowhere)\n")

    code, said = await _built(tmp_path)

    assert (code, said.count("WARNING"), "log.md#nowhere" in said) == (1, 1, True), said
    pages = [page for page in (tmp_path / "build/site").rglob("*") if page.suffix in {".html", ".css"}]
    assert len(pages) > 20
    assert re.findall(ELSEWHERE, "".join(page.read_text() for page in pages)) == []


async def _built(folder: Path) -> tuple[int | None, str]:
    """Build the site of a folder; return the exit code and what was said."""
    program = Path(sys.executable).with_name("mkdocs")
    env = {"PATH": "/usr/bin:/bin", "NO_MKDOCS_2_WARNING": "1"}
    process = await asyncio.create_subprocess_exec(program, "build", cwd=folder, env=env, stdout=PIPE, stderr=STDOUT)
    printed = (await process.communicate())[0].decode()
    return process.returncode, printed


def _sources() -> str:
    """Return where variables that are no settings are read: the programs around them."""
    files = [*(ROOT / "app/cli").glob("*.py"), ROOT / "Makefile", ROOT / "tests/fixtures/rig.py"]
    return "\n".join(file.read_text() for file in files)
