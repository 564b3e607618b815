"""The pages that are written while the site is built: the settings from `app/settings.py`, the API from openapi.json."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from app.settings import Settings

_DOCUMENT = Path(__file__).parents[1] / "openapi.json"
_METHODS = ("get", "post", "put", "patch", "delete")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages; mkdocs calls this when it has found the others."""
    document = json.loads(_DOCUMENT.read_text(encoding="utf-8"))
    for path, text in {"reference/settings.md": settings_page(), "reference/api.md": api_page(document)}.items():
        files.append(File.generated(config, path, content=text))
    return files


def settings_page() -> str:
    """Return the table of all settings."""
    lines = [
        "# Settings\n",
        "Written from `app/settings.py`. Every setting is a variable of the environment, read once when a process starts.",
        "What holds a secret is better given as the path of a file that holds it: `…_FILE`.\n",
        "| Variable | Type | Default | |",
        "|---|---|---|---|",
    ]
    for name, field in sorted(Settings.model_fields.items()):
        annotation = getattr(field.annotation, "__name__", str(field.annotation)).removesuffix(" | None")
        kind = annotation.rpartition(".")[2].replace("SecretStr", "secret").replace("Path", "path")
        default = "" if field.default in (None, "") else f"`{_cell(str(field.default))}`"
        lines.append(f"| `SHIPLOG_{name.upper()}` | {kind} | {default} | {_cell(field.description or _about(name))} |")
    return "\n".join([*lines, ""])


def api_page(document: dict[str, Any]) -> str:
    """Return every operation of the API with its parameters and the fields of its body."""
    by_tag = defaultdict(list)
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                by_tag[methods[method]["tags"][0]].append((method.upper(), path, methods[method]))
    lines = [
        "# API\n",
        "Written from `openapi.json`. Every path begins with `/api/v1`; a server has this page to try out at `/docs`.\n",
        document["info"]["description"],
    ]
    for tag in sorted(by_tag):
        lines += [f"## {tag}\n"]
        for method, path, operation in by_tag[tag]:
            lines += _operation(document, method, path, operation)
    return "\n".join(lines)


def _operation(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"### {operation['summary']} {{#{operation['operationId']}}}\n"
    yield f"`{method} {path}`\n"
    yield f"{operation.get('description', '')}\n"
    rows = [
        (f"`{one['name']}`", one["in"], one.get("description", ""), one.get("required", False))
        for one in operation.get("parameters", ())
        if one["in"] != "path"
    ]
    content = operation.get("requestBody", {}).get("content", {})
    for media in content.values():
        rows += _fields(document, media.get("schema", {}))
    if rows:
        yield "| Field | In | |\n|---|---|---|"
        for name, where, text, required in rows:
            yield f"| {name} | {where}{', required' if required else ''} | {_cell(text)} |"
        yield ""
    yield f"Answers: {', '.join(operation['responses'])}.\n"


def _fields(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[tuple[str, str, str, bool]]:
    """Return the fields of an object as rows; of a schema that is no object, none."""
    if reference := schema.get("$ref"):
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    for other in (*schema.get("allOf", ()), *schema.get("anyOf", ())):
        yield from _fields(document, other)
    for name, field in schema.get("properties", {}).items():
        yield f"`{name}`", "body", field.get("description", ""), name in schema.get("required", ())


def _about(name: str) -> str:
    """Return what there is to say about a setting that its name explains."""
    value = name.removesuffix("_file")
    return f"A file that holds `SHIPLOG_{value.upper()}`." if value in Settings.model_fields and value != name else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
