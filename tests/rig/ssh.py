"""A real sshd on a high port of loopback, with an address and a key for each account of the rig."""

import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

from tests.rig.processes import Daemon, children, free_port, listens, run

# One machine, but four servers to whoever knows them by address and port.
ACCOUNTS = {
    "root": "root",
    "docker": "shiplog-docker",  # reaches Docker through its group
    "sudo": "shiplog-sudo",  # reaches it through sudo, without a password
    "plain": "shiplog-plain",  # does not reach it
}

# Everything that is not about where things are stays as Debian ships it: its limits are what production meets.
SETTINGS = """\
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized/%u
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PrintMotd no
Subsystem sftp /usr/lib/openssh/sftp-server
"""

# Root's own start-up files are this machine's business: what they print, and how long they take.
ROOT_HOME = """\
Match User root
SetEnv HOME={home}
"""


@dataclass(frozen=True)
class Login:
    """Where an account of the rig is reached: `host_key` is the server's key as one line, `private_key` OpenSSH PEM."""

    host: str
    port: int
    user: str
    private_key: str
    private_key_path: str
    host_key: str
    home: str


class SshServer:
    """sshd with keys of its own, all made anew at each start; `settings` are further lines of its configuration."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        self._settings = settings
        self._folder = folder / "ssh"
        self._daemon = Daemon("sshd", folder)

    def start(self, port: int | None = None) -> dict[str, Login]:
        """Start it, on a free port unless one is given, and return the logins by the names in ACCOUNTS."""
        shutil.rmtree(self._folder, ignore_errors=True)
        for name in ("", "authorized", "keys", "root"):
            (self._folder / name).mkdir(mode=0o755, parents=True)
        (self._folder / "keys").chmod(0o700)
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd wants it and only systemd would make it
        port = free_port() if port is None else port
        host_key = " ".join(_make_key(self._folder / "host_key").split()[:2])
        logins = {}
        addresses = ""
        for number, (name, user) in enumerate(ACCOUNTS.items(), start=1):
            host = f"127.0.0.{number}"
            addresses += f"ListenAddress {host}:{port}\n"
            key = self._folder / "keys" / name
            authorized = self._folder / "authorized" / user
            authorized.write_text(_make_key(key))
            authorized.chmod(0o644)  # sshd reads it as that user
            home = str(self._folder / "root") if user == "root" else f"/home/{user}"
            logins[name] = Login(host, port, user, key.read_text(), str(key), host_key, home)
        settings = self._folder / "sshd_config"
        settings.write_text(
            addresses
            + SETTINGS.format(folder=self._folder)
            + self._settings
            + ROOT_HOME.format(home=logins["root"].home)
        )
        self._daemon.start(["/usr/sbin/sshd", "-D", "-e", "-f", settings], ready=lambda: listens(port))
        return logins

    def running(self) -> bool:
        """Tell whether it runs."""
        return self._daemon.pid() is not None

    def stop(self) -> None:
        """End it and the connections that it still serves."""
        pid = self._daemon.pid()
        connections = children(pid) if pid else []
        self._daemon.stop()
        for connection in connections:
            try:
                os.kill(connection, signal.SIGTERM)
            except ProcessLookupError:
                continue
        shutil.rmtree(self._folder, ignore_errors=True)


def _make_key(path: Path) -> str:
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", path])
    return path.with_name(path.name + ".pub").read_text()
