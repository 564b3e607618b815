"""What an installation keeps in its data folder: secrets made once, ports chosen once, logs."""

from dataclasses import dataclass
from pathlib import Path

from app.cli.problem import Problem
from app.kit import private_file


@dataclass(frozen=True)
class DataFolder:
    """The files below `path`, which is absolute and there; everything secret among them has mode 0600."""

    path: Path

    @property
    def token(self) -> Path:
        """The root token of the first team."""
        return self.path / "token"

    @property
    def encryption_keys(self) -> Path:
        """The keys that the secrets in PostgreSQL are encrypted with."""
        return self.path / "encryption.keys"

    @property
    def running(self) -> Path:
        """Where API and worker work; its files are of the current run only."""
        return self.path / "running"

    @property
    def login_key(self) -> Path:
        """The private key that logs in to this machine through the loopback endpoint."""
        return self.path / "ssh" / "login.key"

    @property
    def host_key(self) -> Path:
        """The private key that the loopback endpoint proves itself with."""
        return self.path / "ssh" / "host.key"

    def log(self, name: str) -> Path:
        """Return the log file of one process."""
        return self.path / "logs" / f"{name}.log"

    def prepare(self) -> None:
        """Make what is missing; raise Problem when the encryption keys of existing data are gone."""
        for folder in (self.running, self.host_key.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        if not self.encryption_keys.exists():
            if (self.path / "postgres").exists():
                raise Problem(
                    f"The data in {self.path} were encrypted with {self.encryption_keys}, which is gone: put it back, "
                    f"or choose another folder with --data-dir."
                )
            from app.kit.encryption import new_key

            private_file.write(self.encryption_keys, f"{new_key()}\n")

    def port(self, name: str) -> int | None:
        """Return the port that the last run used for `name`, None at the first one."""
        try:
            return int((self.path / f"{name}.port").read_text())
        except (OSError, ValueError):
            return None

    def keep_port(self, name: str, port: int) -> None:
        """Remember the port for the next run, so that the address stays the same."""
        if self.port(name) != port:
            private_file.write(self.path / f"{name}.port", f"{port}\n")
