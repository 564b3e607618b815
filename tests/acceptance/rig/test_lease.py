"""One rig for several processes: leases of the living count, those of the dead do not."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.rig import lease
from tests.rig.parts import Rig
from tests.rig.processes import started_at

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[3]
HOLD = "from tests.rig.lease import lease\nwith lease() as rig:\n    print(rig.registry, flush=True)\n    input()\n"


def test_another_process_gets_the_same_rig_and_counts_until_it_is_killed(rig: Rig) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == rig.registry
        holder = f"{other.pid}:{started_at(other.pid)}"
        assert holder in holders()
        other.kill()
    assert holder not in holders()
    assert holders()  # our own lease: the rig lives on


def holders() -> list[str]:
    """Return who holds the rig."""
    found = lease.current()
    assert found is not None
    return found[1]


@pytest.mark.parametrize(("name", "reaches"), [("root", True), ("docker", True), ("sudo", False), ("plain", False)])
def test_each_login_reaches_docker_as_its_name_says(rig: Rig, name: str, reaches: bool) -> None:
    login = rig.logins[name]
    known_hosts = Path(login.private_key_path).with_name(f"known_hosts_{name}")
    known_hosts.write_text(f"[{login.host}]:{login.port} {login.host_key}\n")
    options = ["-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={known_hosts}", "-o", "StrictHostKeyChecking=yes"]
    ssh = ["ssh", *options, "-i", login.private_key_path, "-p", str(login.port), f"{login.user}@{login.host}"]

    directly = subprocess.run([*ssh, "docker", "ps"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    by_sudo = subprocess.run(
        [*ssh, "sudo", "-n", "docker", "ps"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )

    assert directly.returncode == (0 if reaches else 1), directly.stderr
    assert (by_sudo.returncode == 0) is (name in {"root", "sudo"}), by_sudo.stderr
