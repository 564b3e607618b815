"""Images of databases with the official images' manners: Debian's servers and a Valkey on one base."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.rig.images import POSTGRES_ROOT, RECIPES, make_postgres_root
from tests.rig.layers import Layer, kept_layer, layer_of_files, upload
from tests.rig.processes import RigError, run

VALKEY_SERVER = Path("/usr/local/lib/shiplog-rig/valkey-server")

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_INIT_FOLDER = "/docker-entrypoint-initdb.d"

# What belongs to no server that is started, and names that the official images do not have.
_LEFT_OUT = (
    "./usr/share/doc/*", "./usr/share/man/*", "./usr/share/lintian/*", "./lib/systemd/*", "./etc/init.d/*",
    "./usr/bin/redis-benchmark", "./usr/bin/redis-check-aof", "./usr/bin/innochecksum", "./usr/bin/mysql*",
    "./usr/sbin/mysqld", "./etc/redis/*", "./etc/mysql/mariadb.conf.d/*",
)  # fmt: skip


@dataclass(frozen=True)
class _Recipe:
    """An image: Debian's `packages` on the base, an entrypoint of ours, a user, files and the container's settings."""

    tag: str
    user: str
    uid: int
    settings: Mapping[str, Any]
    packages: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, int] = field(default_factory=dict)


def _serving(port: int, *volumes: str, command: Sequence[str], **more: Any) -> dict[str, Any]:
    return {
        "Env": [_PATH, "LANG=C.UTF-8"],
        "Entrypoint": ["docker-entrypoint.sh"],
        "Cmd": list(command),
        "Volumes": {volume: {} for volume in volumes},
        "ExposedPorts": {f"{port}/tcp": {}},
        **more,
    }


_REDIS = ("redis-server", "redis-tools")
_RECIPES = {
    "redis": _Recipe(
        "7.0", "redis", 999, _serving(6379, "/data", command=["redis-server"], WorkingDir="/data"), _REDIS
    ),
    "valkey": _Recipe(
        "9.1", "valkey", 999, _serving(6379, "/data", command=["valkey-server"], WorkingDir="/data"), _REDIS
    ),
    "mariadb": _Recipe(
        "10.11",
        "mysql",
        999,
        _serving(3306, "/var/lib/mysql", command=["mariadbd"]),
        ("mariadb-server-core", "mariadb-client-core"),
        {
            "/etc/mysql/my.cnf": "[client-server]\nsocket = /run/mysqld/mysqld.sock\n"
            "!includedir /etc/mysql/conf.d/\n!includedir /etc/mysql/mariadb.conf.d/\n",
            "/etc/mysql/mariadb.conf.d/05-skipcache.cnf": "[mariadb]\nhost-cache-size=0\nskip-name-resolve\n",
        },
        {_INIT_FOLDER: 0o755, "/etc/mysql/conf.d": 0o755},
    ),
    "clickhouse": _Recipe(
        "18.16",
        "clickhouse",
        101,
        _serving(9000, "/var/lib/clickhouse", command=[]),
        ("clickhouse-server", "clickhouse-client"),
        {
            "/etc/clickhouse-server/config.d/docker_related_config.xml": "<clickhouse><listen_host>0.0.0.0</listen_host>"
            "<logger><console>1</console></logger></clickhouse>\n"
        },
        {_INIT_FOLDER: 0o755, "/etc/clickhouse-server/users.d": 0o755},
    ),
}


def upload_databases(registry: str, cache: Path) -> dict[str, str]:
    """Give a registry an image of each database and return their references.

    What they are made of comes from Debian once (a minute for the base, half a one for the rest) and then from `cache`.
    """
    root = cache / POSTGRES_ROOT
    base = kept_layer(root, lambda: make_postgres_root(root))
    images = {"postgres": _upload_postgres(registry, base)}
    for name, recipe in _RECIPES.items():
        layers = [base, _packages(cache, root, recipe.packages), _own_layer(name, recipe)]
        images[name] = upload(registry, name, recipe.tag, layers, recipe.settings)
    return images


def _upload_postgres(registry: str, base: Layer) -> str:
    entrypoint = {"/usr/local/bin/docker-entrypoint.sh": (RECIPES / "postgres/entrypoint.sh").read_text()}
    settings = _serving(5432, "/var/lib/postgresql/data", command=["postgres"]) | {
        "Env": [
            "PATH=/usr/local/bin:/usr/lib/postgresql/15/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "PGDATA=/var/lib/postgresql/data",
            "PG_MAJOR=15",
            "LANG=C.UTF-8",
        ]
    }
    return upload(registry, "postgres", "15", [base, layer_of_files(entrypoint, {_INIT_FOLDER: 0o755})], settings)


def _own_layer(name: str, recipe: _Recipe) -> Layer:
    script = (RECIPES / ("redis" if name == "valkey" else name) / "entrypoint.sh").read_text()
    files: dict[str, str | bytes] = {
        "/etc/passwd": f"root:x:0:0:root:/root:/bin/bash\n{recipe.user}:x:{recipe.uid}:{recipe.uid}::/nonexistent:/bin/sh\n",
        "/etc/group": f"root:x:0:\n{recipe.user}:x:{recipe.uid}:\n",
        "/usr/local/bin/docker-entrypoint.sh": script,
        **recipe.files,
    }
    if name == "valkey":
        files["/usr/local/bin/docker-entrypoint.sh"] = script.replace("redis", "valkey").replace("Redis", "Valkey")
        files["/usr/local/bin/valkey-server"] = VALKEY_SERVER.read_bytes()
        files["/usr/local/bin/valkey-cli"] = '#!/bin/sh\nexec redis-cli "$@"\n'
    return layer_of_files(files, {**recipe.folders, **dict.fromkeys(recipe.settings["Volumes"], 0o755)})


def _packages(cache: Path, root: Path, packages: Sequence[str]) -> Layer:
    """Return what these packages need beyond the base, unpacked and not set up: nothing of theirs may run here."""
    archive = cache / f"{packages[0]}-bookworm-1.tar"  # count up when how it is made changes

    def make() -> None:
        with tempfile.TemporaryDirectory(prefix="shiplog-rig-", dir=cache) as name:
            work = Path(name)
            draft = work / archive.name
            _unpack(root, packages, work)
            excluded = [f"--exclude={pattern}" for pattern in _LEFT_OUT]
            run(["tar", "--owner=0", "--group=0", *excluded, "-C", work / "files", "-cf", draft, "."])
            draft.rename(archive)

    return kept_layer(archive, make)


def _unpack(root: Path, packages: Sequence[str], work: Path) -> None:
    (work / "debs/partial").mkdir(parents=True)
    run(["tar", "-xf", root, "-C", work, "./var/lib/dpkg/status"])
    options = [f"Dir::State::status={work}/var/lib/dpkg/status", f"Dir::Cache::archives={work}/debs"]
    command = ["apt-get", "-qq", "--yes", "--no-install-recommends", "--download-only"]
    command += [word for option in options for word in ("--option", option)]
    try:
        run([*command, "install", *packages], timeout=300)
    except RigError:
        run(["apt-get", "-qq", "update"], timeout=300)  # its lists are old, or none were there
        run([*command, "install", *packages], timeout=300)
    for package in sorted((work / "debs").glob("*.deb")):
        run(["dpkg-deb", "--extract", package, work / "files"])
    for folder in ("bin", "sbin", "lib", "lib64"):  # in the base they are links
        if (old := work / "files" / folder).is_dir():
            shutil.copytree(old, work / "files/usr" / folder, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(old)
    for config in (work / "files/etc").glob("clickhouse-server/*.xml"):
        # Newer versions take files to be merged with either root; this one wants the same in all of them.
        config.write_text(config.read_text().replace("yandex>", "clickhouse>"))
    shutil.rmtree(work / "files/var/lib", ignore_errors=True)
