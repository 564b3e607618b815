"""What Shiplog itself is deployed with: the image, compose.yaml, systemd units and proxies, read and held to rules."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.programs import docker_compose, run

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
UNITS = ("shiplog-api.service", "shiplog-worker@.service")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def _dockerfile() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.partition(" ")[2]) for line in lines]


def _unit(name: str) -> dict[str, list[str]]:
    """Return the settings of a unit's [Service]; systemd lets one stand several times."""
    section = (EXAMPLES / name).read_text().partition("[Service]\n")[2].partition("\n[")[0]
    found: dict[str, list[str]] = {}
    for line in section.splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_image_is_of_two_stages_and_runs_as_a_numbered_user_that_is_not_root() -> None:
    words = [word for word, _ in _dockerfile()]
    last = _dockerfile()[len(words) - 1 - words[::-1].index("FROM") :]
    assert words.count("FROM") == 2
    (user,) = [value for word, value in last if word == "USER"]
    assert re.fullmatch(r"[1-9]\d{4}:[1-9]\d{4}", user)
    assert [word for word, _ in last].index("USER") > max(
        i for i, (word, _) in enumerate(last) if word in {"RUN", "COPY"}
    )
    assert [value for word, value in last if word in {"HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT"}] != []


def test_the_image_installs_by_hash_and_holds_no_secret() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "--require-hashes" in text
    names = [value.partition("=")[0] for word, value in _dockerfile() if word in {"ARG", "ENV"}]
    assert [name for name in names if re.search("(?i)password|secret|token|key", name)] == []


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_do_no_more_than_it_must(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert set(service.get("cap_add", [])) <= {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}
    assert "cap_add" not in service or name == "postgres"
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", []))
    assert service.get("network_mode") is None


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_take_no_more_than_its_share(name: str) -> None:
    service = SERVICES[name]
    assert service["pids_limit"] <= 512
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["logging"]["options"].keys() >= {"max-size", "max-file"}


@pytest.mark.parametrize("name", ["postgres", "valkey", "api"])
def test_what_answers_a_port_is_asked_whether_it_is_well(name: str) -> None:
    has_check = "healthcheck" in SERVICES[name] or any(word == "HEALTHCHECK" for word, _ in _dockerfile())
    assert has_check
    assert SERVICES[name].get("healthcheck", {}).get("disable") is not True


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_is_in_an_environment(name: str) -> None:
    environment: dict[str, str] = SERVICES[name].get("environment", {})
    secret = {key for key in environment if re.search("PASSWORD|URL|KEY|TOKEN", key)}
    assert {key for key in secret if not key.endswith("_FILE")} == set()
    assert {environment[key].rpartition("/")[2] for key in secret} <= set(SERVICES[name]["secrets"])
    assert set(SERVICES[name]["secrets"]) <= COMPOSE["secrets"].keys()


def test_only_the_api_is_reached_and_only_from_this_machine_unless_told() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"api": ["${SHIPLOG_LISTEN:-127.0.0.1:8000}:8000"]}


def test_compose_understands_its_file(tmp_path: Path) -> None:
    checked = run([docker_compose(), "--file", ROOT / "compose.yaml", "config", "--quiet"], tmp_path)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_confines_its_process_and_gives_it_secrets_as_files(name: str) -> None:
    unit = _unit(name)
    for key, value in {
        "User": "shiplog",
        "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "PrivateDevices": "yes",
        "Restart": "always",
        "UMask": "0077",
    }.items():
        assert unit[key] == [value], key
    assert {"MemoryMax", "TasksMax", "LimitNOFILE", "TimeoutStopSec"} <= unit.keys()
    credentials = [credential.partition(":")[0] for credential in unit["LoadCredential"]]
    assert unit["Environment"] == [f"SHIPLOG_{one.upper()}_FILE=%d/{one}" for one in credentials]


def test_the_units_differ_in_what_they_start_alone() -> None:
    api, worker = (_unit(name) for name in UNITS)
    different = {key for key in api.keys() | worker.keys() if api.get(key) != worker.get(key)}
    assert different == {"ExecStart", "TimeoutStopSec", "MemoryMax"}
    assert worker["ExecStart"] == ["/opt/shiplog/.venv/bin/shiplog worker"]


@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_a_unit(name: str, tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.read_string((EXAMPLES / name).read_text())
        assert parser.sections() == ["Unit", "Service", "Install"]
        return
    # The program and the user are not on this machine.
    text = (
        (EXAMPLES / name)
        .read_text()
        .replace("/opt/shiplog/.venv/bin/shiplog", "/bin/true")
        .replace("/opt/shiplog", "/")
    )
    (tmp_path / name).write_text(text)
    checked = subprocess.run(
        [verify, "verify", tmp_path / name], capture_output=True, text=True, timeout=60, check=False
    )
    assert [line for line in checked.stderr.splitlines() if name in line] == []


def _nginx_block(header: str) -> str:
    text = re.sub(r"^\s*#.*\n", "", (EXAMPLES / "nginx.conf").read_text(), flags=re.MULTILINE)
    found = re.search(re.escape(header) + r" \{\n(.*?)\n    \}", text, re.DOTALL)
    assert found is not None, header
    return found[1]


def test_nginx_passes_a_stream_on_line_by_line_and_says_who_asks() -> None:
    stream = _nginx_block(r"location ~ /logs/stream$")
    for directive in ("proxy_buffering off;", "proxy_cache off;", "proxy_read_timeout 1h;"):
        assert directive in stream
    text = (EXAMPLES / "nginx.conf").read_text()
    for header in ("Host $http_host", "X-Forwarded-For $proxy_add_x_forwarded_for", "X-Forwarded-Proto $scheme"):
        assert f"    proxy_set_header {header};" in text
    assert 'proxy_http_version 1.1;\n    proxy_set_header Connection "";' in text
    assert "SHIPLOG_ROOT_PATH=/shiplog" in text
    assert text.count("{") == text.count("}")


def test_the_stream_that_nginx_singles_out_is_where_the_api_has_it() -> None:
    paths = re.findall(r'"(/[^"]*/stream)"', (ROOT / "openapi.json").read_text())
    assert paths
    assert all(re.search(r"/logs/stream$", path) for path in paths)


def test_nginx_understands_the_example(tmp_path: Path) -> None:
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if nginx is None:
        directives = re.findall(r"^ {0,8}[a-z_]+[^{};]*([;{])", (EXAMPLES / "nginx.conf").read_text(), re.MULTILINE)
        assert len(directives) > 20
        return
    text = re.sub(r"^.*ssl_.*\n|(?<=443) ssl", "", (EXAMPLES / "nginx.conf").read_text(), flags=re.MULTILINE)
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{text}\n}}\n")
    checked = run([nginx, "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf"], tmp_path)
    assert checked.returncode == 0, checked.stderr


def test_caddy_passes_a_stream_on_at_once() -> None:
    text = (EXAMPLES / "Caddyfile").read_text()
    assert "flush_interval -1" in text
    assert "read_timeout 1h" in text
    assert "handle_path /shiplog/*" in text
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("name", ["Caddyfile", "nginx.conf"])
def test_a_proxy_example_names_the_option_without_which_it_is_not_believed(name: str) -> None:
    assert "--forwarded-allow-ips 127.0.0.1" in (EXAMPLES / name).read_text()
