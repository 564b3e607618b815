"""Rendering the Compose file of any database from its definition and its columns."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from app.compose.override import Labels
from app.compose.plan import PlanError
from app.compose.run_options import parse_run_options
from app.databases.definition import TLS_FOLDER, Columns, DatabaseDefinition, MountedFile
from app.remote.command import Secret

ENV_FILE = ".env"
_INIT_PREFIX = "init-"

_NETWORK = "destination"
_STOP_GRACE_PERIOD = "30s"

# What Docker does by itself; 0 means no limit.
_UNLIMITED = {None, "", "0", 0}
_KERNEL_SWAPPINESS = 60
_DOCKER_CPU_SHARES = 1024


def render_database(
    definition: DatabaseDefinition, columns: Columns, *, uuid: str, network: str, labels: Labels, has_env: bool
) -> dict[str, object]:
    """Return the Compose file as data; raises PlanError for options that cannot be used.

    `has_env` says that user variables stand in the file `.env` beside it.
    """
    options = parse_run_options(columns.get("custom_docker_run_options"))
    volumes = {f"{name}-{uuid}": path for name, path in definition.volumes(columns["image"]).items()}
    mounts: list[Any] = [{"type": "volume", "source": name, "target": path} for name, path in volumes.items()]
    mounts += [_bind(file.name, file.target) for file in mounted_files(definition, columns)]
    if definition.tls and columns.get("enable_ssl"):
        mounts.append(_bind(TLS_FOLDER, definition.tls.directory))
    service: dict[str, Any] = {
        "image": columns["image"],
        "container_name": uuid,
        "restart": "unless-stopped",
        "stop_grace_period": _STOP_GRACE_PERIOD,
        "labels": dict(labels),
        "networks": {_NETWORK: dict(options.network)},
        "environment": dict(definition.environment(columns)),
        "env_file": [ENV_FILE] if has_env else [],
        "volumes": mounts,
        "command": list(definition.command(columns)),
        "healthcheck": _healthcheck(definition, columns, uuid),
        "ports": _ports(definition, columns),
        "ulimits": {**definition.ulimits, **options.service.get("ulimits", {})},
        **_limits(columns),
        **{key: value for key, value in options.service.items() if key != "ulimits"},
    }
    return {
        "name": uuid,
        "services": {uuid: {key: value for key, value in service.items() if value not in ([], {}, None)}},
        "networks": {_NETWORK: {"name": network, "external": True}},
        "volumes": {name: {"name": name} for name in volumes},
    }


def mounted_files(definition: DatabaseDefinition, columns: Columns) -> tuple[MountedFile, ...]:
    """Return every file that is mounted into the container: the definition's, then the init scripts in their order."""
    return (*definition.files(columns), *_init_scripts(definition, columns.get("init_scripts") or ()))


def optional_file_names(definition: DatabaseDefinition) -> tuple[str, ...]:
    """Return shell patterns of the files that a database has or has not, as its settings are."""
    config = (PurePosixPath(definition.config_path).name,) if definition.config_path else ()
    scripts = (f"{_INIT_PREFIX}*",) if definition.init_directory else ()
    return (*config, *definition.optional_files, *scripts)


def _init_scripts(definition: DatabaseDefinition, scripts: Sequence[Mapping[str, str]]) -> list[MountedFile]:
    if scripts and definition.init_directory is None:
        raise PlanError(f"A {definition.slug} database cannot have init scripts: remove them, then deploy again.")
    files = []
    for number, script in enumerate(scripts, start=1):
        name = f"{number:03d}-{_plain(script.get('filename', ''))}"
        target = f"{definition.init_directory}/{name}"
        # Only in the container does it have its own name: there the ending says how it is run, and logs name it.
        files.append(MountedFile(f"{_INIT_PREFIX}{number:03d}", target, Secret(script.get("content", ""))))
    return files


def _plain(filename: str) -> str:
    """Return the last part of a path with nothing in it that a shell, a mount or a file system could misread."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", PurePosixPath(filename).name)[-100:] or "script"


def _bind(name: str, target: str) -> dict[str, object]:
    return {
        "type": "bind",
        "source": f"./{name}",
        "target": target,
        "read_only": True,
        "bind": {"create_host_path": False},
    }


def _healthcheck(definition: DatabaseDefinition, columns: Columns, uuid: str) -> dict[str, object] | None:
    if not columns.get("health_check_enabled", True):
        return None
    return {
        "test": list(definition.healthcheck(columns, uuid)),
        "interval": f"{columns['health_check_interval']}s",
        "timeout": f"{columns['health_check_timeout']}s",
        "retries": columns["health_check_retries"],
        "start_period": f"{columns['health_check_start_period']}s",
    }


def _ports(definition: DatabaseDefinition, columns: Columns) -> list[str]:
    ports = [port.strip() for port in (columns.get("ports_mappings") or "").split(",")]
    if columns.get("is_public") and columns.get("public_port"):
        ports.append(f"{columns['public_port']}:{definition.port}")
    return list(dict.fromkeys(port for port in ports if port))


def _limits(columns: Columns) -> dict[str, object]:
    limits = {
        "mem_limit": columns.get("limits_memory"),
        "memswap_limit": columns.get("limits_memory_swap"),
        "mem_reservation": columns.get("limits_memory_reservation"),
        "cpus": columns.get("limits_cpus"),
        "cpuset": columns.get("limits_cpuset"),
        "cpu_shares": columns.get("limits_cpu_shares"),
    }
    wanted: dict[str, object] = {key: value for key, value in limits.items() if value not in _UNLIMITED}
    if wanted.get("cpu_shares") == _DOCKER_CPU_SHARES:
        del wanted["cpu_shares"]
    # Zero is a wish here; saying what is so anyway makes engines without swap accounting warn.
    swappiness = columns.get("limits_memory_swappiness")
    if swappiness not in {None, _KERNEL_SWAPPINESS}:
        wanted["mem_swappiness"] = swappiness
    return wanted
