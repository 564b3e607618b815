"""The Compose file of a database, as data and as Compose itself reads it."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.compose.override import render_json
from app.compose.plan import PlanError
from app.databases.catalog.postgresql import POSTGRESQL
from app.databases.render import mounted_files, optional_file_names, render_database
from tests.programs import docker_compose, run
from tests.snapshots import POSTGRESQL as COLUMNS


def document(**columns: Any) -> dict[str, Any]:
    return render_database(
        POSTGRESQL, {**COLUMNS, **columns}, uuid="u1", network="shiplog", labels={"a": "b"}, has_env=True
    )


def service(**columns: Any) -> dict[str, Any]:
    found: dict[str, Any] = document(**columns)["services"]["u1"]
    return found


def test_it_is_called_by_its_uuid_everywhere() -> None:
    found = document()
    assert (found["name"], list(found["services"]), service()["container_name"]) == ("u1", ["u1"], "u1")
    assert found["volumes"] == {"postgres-data-u1": {"name": "postgres-data-u1"}}
    assert found["networks"] == {"destination": {"name": "shiplog", "external": True}}


def test_the_users_variables_come_from_a_file_that_others_cannot_read() -> None:
    assert service()["env_file"] == [".env"]
    without = render_database(POSTGRESQL, COLUMNS, uuid="u1", network="shiplog", labels={}, has_env=False)
    assert "env_file" not in str(without)


def test_zero_and_what_docker_does_anyway_is_left_out() -> None:
    keys = {"mem_limit", "memswap_limit", "mem_reservation", "mem_swappiness", "cpus", "cpuset", "cpu_shares"}
    assert keys & set(service()) == set()
    assert keys & set(service(limits_memory="", limits_cpuset="", limits_cpu_shares=0)) == set()


@pytest.mark.parametrize(
    ("column", "value", "key"),
    [
        ("limits_memory", "512m", "mem_limit"),
        ("limits_memory_swap", "-1", "memswap_limit"),
        ("limits_memory_reservation", "1g", "mem_reservation"),
        ("limits_memory_swappiness", 0, "mem_swappiness"),
        ("limits_cpus", "0.5", "cpus"),
        ("limits_cpuset", "0-1", "cpuset"),
        ("limits_cpu_shares", 512, "cpu_shares"),
    ],
)
def test_limits(column: str, value: object, key: str) -> None:
    assert service(**{column: value})[key] == value


def test_health_timings_and_none_at_all() -> None:
    columns = {
        f"health_check_{name}": number for number, name in enumerate(["interval", "timeout", "retries"], start=1)
    }
    check = service(**columns, health_check_start_period=9)["healthcheck"]
    assert {key: value for key, value in check.items() if key != "test"} == {
        "interval": "1s",
        "timeout": "2s",
        "retries": 3,
        "start_period": "9s",
    }
    assert "healthcheck" not in service(health_check_enabled=False)


def test_ports() -> None:
    assert "ports" not in service()
    assert "ports" not in service(is_public=False, public_port=5433)
    assert service(is_public=True, public_port=5433)["ports"] == ["5433:5432"]
    ports = service(is_public=True, public_port=5433, ports_mappings="1:2, 5433:5432,,127.0.0.1:3:4/udp")["ports"]
    assert ports == ["1:2", "5433:5432", "127.0.0.1:3:4/udp"]


def test_options_come_last() -> None:
    found = service(custom_docker_run_options="--ip 10.0.0.9 --ulimit nofile=1 --entrypoint 'sh -c' --init")
    assert found["networks"] == {"destination": {"ipv4_address": "10.0.0.9"}}
    assert (found["ulimits"], found["entrypoint"], found["init"]) == ({"nofile": 1}, ["sh", "-c"], True)
    with pytest.raises(PlanError, match="--volume is not supported"):
        service(custom_docker_run_options="--volume /:/host")


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("schema.sql", "001-schema.sql"),
        ("../../etc/passwd", "001-passwd"),
        ("a b$(id);'.sql.gz", "001-a-b-id-.sql.gz"),
        ("", "001-script"),
        ("..", "001-.."),
        ("/", "001-script"),
        ("ü🙂.sh", "001--.sh"),
        ("x" * 300 + ".sql", "001-" + "x" * 96 + ".sql"),
    ],
)
def test_init_scripts_have_plain_names(filename: str, name: str) -> None:
    scripts = [{"filename": filename, "content": "SELECT 1"}]
    script = mounted_files(POSTGRESQL, {**COLUMNS, "init_scripts": scripts})[-1]
    assert (script.name, script.target) == ("init-001", f"/docker-entrypoint-initdb.d/{name}")
    assert script.content.reveal() == "SELECT 1"


def test_init_scripts_run_in_their_order() -> None:
    scripts = [{"filename": "b.sql", "content": ""}, {"filename": "a.sql", "content": ""}]
    names = [one.name for one in mounted_files(POSTGRESQL, {**COLUMNS, "init_scripts": scripts})]
    assert names == ["postgres-password", "init-001", "init-002"]
    assert names[1:] == sorted(names[1:])


def test_files_are_mounted_read_only_and_never_made_up() -> None:
    (_, password) = service()["volumes"]
    assert password == {
        "type": "bind",
        "source": "./postgres-password",
        "target": "/run/secrets/postgres-password",
        "read_only": True,
        "bind": {"create_host_path": False},
    }


def test_optional_files_are_known_by_their_names() -> None:
    assert optional_file_names(POSTGRESQL) == ("postgresql.conf", "pg_hba.conf", "init-*")


def test_compose_reads_it_as_meant(tmp_path: Path) -> None:
    columns = {
        "postgres_user": "$USER",
        "postgres_db": 'it\'s "$HOME" ${A:-b}',
        "postgres_conf": "a = 1",
        "limits_cpus": "1.5",
        "is_public": True,
        "public_port": 5433,
        "custom_docker_run_options": "--gpus all --shm-size 64m --sysctl net.core.somaxconn=9 --device /dev/null:/dev/x",
    }
    (tmp_path / ".env").write_text("MINE='$5'\n")
    (tmp_path / "docker-compose.yml").write_text(render_json(document(**columns)))
    completed = run([docker_compose(), "config", "--format", "json"], tmp_path)
    assert completed.returncode == 0, completed.stderr
    assert completed.stderr == ""
    found = json.loads(completed.stdout.replace("$$", "$"))["services"]["u1"]
    assert found["environment"] == {"MINE": "$5", **POSTGRESQL.environment({**COLUMNS, **columns})}
    assert found["healthcheck"]["test"] == list(POSTGRESQL.healthcheck(COLUMNS, "u1"))
    assert found["volumes"][1]["source"] == str(tmp_path / "postgres-password")
    assert (found["cpus"], found["ports"][0]["published"], found["stop_grace_period"]) == (1.5, "5433", "30s")
