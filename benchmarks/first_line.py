"""From the question to the first line of the script, warm: `POST /deploy` until it is stored, against other tools.

OpenSSH over a ControlMaster, Ansible and pyinfra run the same script on the same sshd, until the line is printed. The
two tools are installed into a folder of the benchmark's own; without sshd, or without them, the row says so. Sizes from
the environment: ROUNDS.
"""

import asyncio
import os
import pwd
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx

from app.models import PrivateKey
from app.postgres import create_engine, create_sessions
from app.settings import Settings
from benchmarks.measuring import ROOT, configured, make_token, serving_api, size, spread
from benchmarks.worker import point, started
from tests.deploying import create_place, create_service

ROUNDS = size("ROUNDS", 9)
SSHD = "/usr/sbin/sshd"
SCRIPT = "echo first line"
PEERS = ROOT / "build" / "peers"
CONFIGURATION = """\
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/key.pub
ListenAddress 127.0.0.1:{port}
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
Subsystem sftp internal-sftp
"""


@contextmanager
def sshd(folder: Path) -> Iterator[int]:
    """Run an OpenSSH server for this account; yield its port."""
    for name in ("host", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    (folder / "sshd_config").write_text(CONFIGURATION.format(folder=folder, port=port))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def peers(folder: Path, port: int) -> dict[str, list[str]]:
    """Return the command of each tool, by its name; those that cannot be installed are missing."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    options = ["StrictHostKeyChecking=no", f"UserKnownHostsFile={folder}/known", "LogLevel=ERROR", "BatchMode=yes"]
    options += ["ControlMaster=auto", "ControlPersist=600", f"ControlPath={folder}/master"]
    flags = [part for option in options for part in ("-o", option)]
    found = {
        "OpenSSH": ["ssh", *flags, "-i", f"{folder}/key", "-p", str(port), f"{user}@127.0.0.1", SCRIPT],
    }
    if not (PEERS / "bin" / "pyinfra").exists():
        subprocess.run([sys.executable, "-m", "venv", PEERS], check=True)
        install = [str(PEERS / "bin" / "python"), "-m", "pip", "install", "--quiet", "ansible-core", "pyinfra"]
        if subprocess.run(install, check=False).returncode:
            return found
    (folder / "hosts").write_text(
        f"127.0.0.1 ansible_port={port} ansible_user={user} ansible_ssh_private_key_file={folder}/key "
        f"ansible_ssh_common_args='{' '.join(flags)}'\n"
    )
    found["Ansible"] = [f"{PEERS}/bin/ansible", "all", "-i", f"{folder}/hosts", "-m", "raw", "-a", SCRIPT]
    data = [f"ssh_port={port}", f"ssh_user={user}", f"ssh_key={folder}/key", "ssh_strict_host_key_checking=off"]
    data_flags = [part for each in data for part in ("--data", each)]
    found["pyinfra"] = [f"{PEERS}/bin/pyinfra", "-y", *data_flags, "127.0.0.1", "exec", "--", SCRIPT]
    return found


def seconds(command: Sequence[str], folder: Path) -> float:
    """Run a tool until it has printed the line; return how long that took."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if b"first line" in line and b"exec" not in line:
            took = time.perf_counter() - began
            process.stdout.read()
            process.wait()
            return took
    raise AssertionError(f"{command[0]} printed no such line: {said}")


async def deployed(client: httpx.AsyncClient, connection: asyncpg.Connection, service: str) -> float:
    """Ask for a deployment; return how long it took until its line was stored."""
    began = time.perf_counter()
    answer = await client.post("/deploy", json={"uuid": service})
    uuid = answer.json()["deployments"][0]["deployment_uuid"]
    stored = await connection.prepare(
        """SELECT max(q.finished_at) IS NOT NULL,
        bool_or(coalesce(q.logs, s.entries) LIKE '%"first line"%'), max(q.failure_reason)
        FROM service_deployment_queues q LEFT JOIN service_deployment_log_slices s ON s.deployment_id = q.id
        WHERE q.deployment_uuid = $1"""
    )
    took = 0.0
    while not (row := await stored.fetchrow(uuid))[0]:
        if row[1] and not took:
            took = time.perf_counter() - began
        await asyncio.sleep(0.002 if not took else 0.02)
    assert row[1], f"it ended without its line: {row[2]}"
    return took or time.perf_counter() - began


async def measure(settings: Settings, folder: Path) -> None:
    """Print the figures, then the row."""
    engine = create_engine(settings)
    sessions = create_sessions(engine)
    with sshd(folder) as port:
        async with sessions.begin() as session:
            place = await create_place(session)
            key = await session.get_one(PrivateKey, place.server.private_key_id)
            key.private_key = (folder / "key").read_text()
            host_key = " ".join((folder / "host.pub").read_text().split()[:2])
            user = pwd.getpwuid(os.geteuid()).pw_name
            point(place.server, "127.0.0.1", port, user, host_key, folder / "server")
            service = await create_service(session, place)
        token = await make_token(sessions, place.team.id, "root")
        await engine.dispose()
        connection = await asyncpg.connect(settings.database().replace("+asyncpg", ""))
        tools = peers(folder, port)
        found: dict[str, list[float]] = {}
        async with serving_api(settings) as (api, _), started(settings, SCRIPT):
            headers = {"Authorization": f"Bearer {token}"}
            url = f"http://127.0.0.1:{api}/api/v1"
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
                for number in range(ROUNDS + 1):
                    took = {"Shiplog": await deployed(client, connection, service.uuid)}
                    for name, command in tools.items():
                        took[name] = await asyncio.to_thread(seconds, command, folder)
                    if number:  # the first round opens the connections
                        for name, one in took.items():
                            found.setdefault(name, []).append(one * 1000)
        await connection.close()
        ending = ["ssh", "-q", "-O", "exit", "-o", f"ControlPath={folder}/master", "x"]
        await asyncio.to_thread(subprocess.run, ending, check=False)
    for name, values in found.items():
        print(f"{name:10} {spread(values, ' ms')}")

    def ratio(name: str) -> str:
        if name not in found:
            return "not installed"
        return f"{statistics.median(a / b for a, b in zip(found['Shiplog'], found[name], strict=True)):.2f}x"

    print(f"first_line: {', '.join(f'{ratio(name)} of {name}' for name in ('OpenSSH', 'Ansible', 'pyinfra'))}")


def main() -> None:
    """Measure, if there is an OpenSSH server."""
    if not Path(SSHD).exists():
        print(f"first_line: not measured, there is no {SSHD}")
        return
    # sshd takes no keys from below a folder that everybody may write to.
    above = "/run" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="ssh-", dir=above) as folder, configured() as settings:
        asyncio.run(measure(settings, Path(folder)))


if __name__ == "__main__":
    main()
