"""`python -m tests.rig up|down|status [--json]`: start the rig and keep it, end it, say where it is and who uses it."""

import argparse
import os
import sys

from tests.rig import lease, parts
from tests.rig.parts import Rig
from tests.rig.processes import RigError


def main() -> int:
    """Do what the command line says; the exit code is 1 when it could not be done."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig", description=__doc__)
    parser.add_argument("action", choices=("up", "down", "status"))
    parser.add_argument("--json", action="store_true", help="print everything as JSON, private keys and password too")
    arguments = parser.parse_args()
    if arguments.action != "up" and os.geteuid() != 0:
        return _complain("The rig needs root.")
    try:
        return {"up": _up, "down": _down, "status": _status}[arguments.action](arguments.json)
    except RigError as error:
        return _complain(f"The rig did not come up: {error}")


def _up(as_json: bool) -> int:
    if absent := parts.missing():
        return _complain(f"The rig lacks {', '.join(absent)}: run tests/rig/install.sh as root.")
    _show(lease.keep(), as_json)
    return 0


def _down(as_json: bool) -> int:
    del as_json
    if holders := lease.give_up():
        _say(f"The rig is still used by {', '.join(holders)} and ends with the last of them.")
    else:
        _say("The rig is down.")
    return 0


def _status(as_json: bool) -> int:
    found = lease.current()
    if found is None:
        return _complain("The rig is down.")
    rig, holders = found
    _show(rig, as_json)
    if not as_json:
        _say(f"held by   {', '.join(holders) or 'nobody'}")
    return 0


def _show(rig: Rig, as_json: bool) -> None:
    if as_json:
        _say(rig.to_json())
        return
    _say(f"engine    Docker {rig.engine} on {rig.docker_host}")
    _say(f"registry  {rig.registry}")
    _say(f"          {rig.private_registry} for {rig.username} (its password: --json)")
    for name, reference in rig.images.items():
        _say(f"image     {name:<12} {reference}")
    for name, login in rig.logins.items():
        _say(f"login     {name:<12} ssh -i {login.private_key_path} -p {login.port} {login.user}@{login.host}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _complain(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
