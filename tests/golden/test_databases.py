"""What each database type makes of its columns, one file a case: SHIPLOG_UPDATE_GOLDEN=1 writes what is rendered."""

import os
from pathlib import Path
from typing import Any

import pytest

from app.compose.override import render_json
from app.databases.definition import DatabaseDefinition
from app.databases.registry import DEFINITIONS
from app.databases.render import mounted_files, render_database
from tests.snapshots import DATABASES, UUID

FOLDER = Path(__file__).parent / "databases"
SCRIPTS = [{"filename": "01-schema.sql", "content": "SELECT 1;\n"}, {"filename": "b c.sh", "content": "echo $HOME\n"}]
LIMITS = {
    "is_public": True,
    "public_port": 15432,
    "ports_mappings": "127.0.0.1:25432:5432",
    "limits_memory": "512m",
    "limits_memory_swap": "1g",
    "limits_memory_swappiness": 0,
    "limits_memory_reservation": "256m",
    "limits_cpus": "1.5",
    "limits_cpuset": "0-1",
    "limits_cpu_shares": 512,
    "custom_docker_run_options": "--shm-size=256m --ulimit nproc=1024 --ip 172.20.0.9",
}


def cases_of(definition: DatabaseDefinition) -> dict[str, dict[str, Any]]:
    """Return the columns that are changed, by the name of the golden file."""
    slug = definition.slug
    cases: dict[str, dict[str, Any]] = {slug: {}, f"{slug}-limits": LIMITS}
    if definition.init_directory:
        cases[f"{slug}-scripts"] = {"init_scripts": SCRIPTS}
    for column in (name for name in DATABASES[definition.type] if name.endswith("_conf")):
        cases[f"{slug}-configuration"] = {column: "# of the user's own\nsetting 1\n"}
    if definition.tls:
        cases |= {
            f"{slug}-ssl{f'-{mode}' if mode else ''}": {"enable_ssl": True, **({"ssl_mode": mode} if mode else {})}
            for mode in (definition.tls.modes or (None,))
        }
    return cases


CASES = {name: (one, columns) for one in DEFINITIONS.values() for name, columns in cases_of(one).items()}


@pytest.mark.parametrize("case", CASES)
def test_database(case: str) -> None:
    path = FOLDER / f"{case}.txt"
    text = _text(*CASES[case])
    if os.environ.get("SHIPLOG_UPDATE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"{path.name} is missing: SHIPLOG_UPDATE_GOLDEN=1 writes it"
    assert text == path.read_text(encoding="utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(CASES)


def _text(definition: DatabaseDefinition, changed: dict[str, Any]) -> str:
    columns = {**DATABASES[definition.type], **changed}
    compose = render_database(definition, columns, uuid=UUID, network="shiplog", labels={}, has_env=False)
    parts = [f"internal: {definition.internal_url(columns, UUID)}"]
    parts.append(f"external: {definition.external_url(columns, 'db.example', 15432)}")
    parts += ["\n=== docker-compose.yml", render_json(compose).rstrip("\n")]
    for file in mounted_files(definition, columns):
        parts += [f"\n=== {file.name}", file.content.reveal().rstrip("\n")]
    return "\n".join(parts) + "\n"
