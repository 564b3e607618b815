"""Stand-ins for databases whose images cannot be had: they check all that they are handed, and who logs in."""

import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.rig.images import RECIPES, add_busybox
from tests.rig.layers import layer_of_files, packed_layer, upload

LIBRARY = RECIPES / "standin/standin.sh"


@dataclass(frozen=True)
class StandIn:
    """An image: its tag, the server's user, its own command and volumes, and the client that its health check calls."""

    tag: str
    user: str
    command: Sequence[str]
    volumes: Sequence[str]
    client: str
    """Its name in the container."""
    client_file: str
    """Where it stands below the recipes."""


STAND_INS: Mapping[str, StandIn] = {
    "mysql": StandIn("8", "mysql", ["mysqld"], ["/var/lib/mysql"], "mysql", "mysql/mysql"),
    "mongodb": StandIn("7", "mongodb", ["mongod"], ["/data/db", "/data/configdb"], "mongosh", "mongodb/mongosh"),
    "keydb": StandIn(
        "6", "keydb", ["keydb-server", "/etc/keydb/keydb.conf"], ["/data"], "keydb-cli", "standin/redis-cli"
    ),
    "dragonfly": StandIn(
        "1", "dfly", ["dragonfly", "--logtostderr"], ["/data"], "redis-cli", "standin/redis-cli"
    ),
}  # fmt: skip
_UID = 999


def upload_standins(registry: str) -> dict[str, str]:
    """Give a registry an image of each and return their references."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        add_busybox(tar)
    base = packed_layer(archive.getvalue())
    images = {}
    for name, image in STAND_INS.items():
        files = {
            "/entrypoint.sh": (RECIPES / name / "entrypoint.sh").read_text(),
            "/usr/local/lib/standin.sh": LIBRARY.read_text(),
            f"/bin/{image.client}": (RECIPES / image.client_file).read_text(),
            "/etc/passwd": f"root:x:0:0:root:/root:/bin/sh\n{image.user}:x:{_UID}:{_UID}::/:/bin/false\n",
            "/etc/group": f"root:x:0:\n{image.user}:x:{_UID}:\n",
        }
        layers = [base, layer_of_files(files, dict.fromkeys(image.volumes, 0o755))]
        images[name] = upload(registry, name, image.tag, layers, _settings(image))
    return images


def _settings(image: StandIn) -> dict[str, Any]:
    return {
        "Env": ["PATH=/bin"],
        "Entrypoint": ["/entrypoint.sh"],
        "Cmd": list(image.command),
        "Volumes": {volume: {} for volume in image.volumes},
    }
