"""Everything that can go wrong with a host, in one screen; each text says what happened and what to do.

RemoteError
├── Unreachable       nothing answers there            (may pass)
├── Lost              the link broke in the middle     (may pass)
├── TimedOut          no answer in time                (may pass)
├── KeyRefused        the server does not accept the private key
├── InvalidKey        the private key cannot be read
├── HostKeyUnknown    the server's key was never pinned
├── HostKeyChanged    the server shows another key than the pinned one
├── NotPermitted      the server's user may not do this
├── DiskFull          no space left on the server
├── GivenBack         this output was given back to the server's disk
└── Refused           the run folder says: this run must not start (again)
"""

from typing import ClassVar


class RemoteError(Exception):
    """Something went wrong with a host. `may_pass`: trying again later can help."""

    may_pass: ClassVar[bool] = False


class Unreachable(RemoteError):
    """The server cannot be reached: check its address, port, firewall and that sshd runs."""

    may_pass = True


class Lost(RemoteError):
    """The connection to the server was lost; whether the command ran is unknown."""

    may_pass = True


class TimedOut(RemoteError):
    """The server did not answer in time."""

    may_pass = True


class KeyRefused(RemoteError):
    """The server refused the private key: put its public key into the user's authorized_keys there."""


class InvalidKey(RemoteError):
    """The private key cannot be read: it must be an unencrypted OpenSSH or PEM key."""


class HostKeyUnknown(RemoteError):
    """The server's host key is not pinned yet: validate the server first."""


class HostKeyChanged(RemoteError):
    """The server shows another host key than the pinned one."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(
            f"The server's host key has changed: expected {expected}, got {got}. If the server was reinstalled, validate "
            "it again and accept the new key; otherwise somebody may be in between."
        )
        self.expected = expected
        self.got = got


class NotPermitted(RemoteError):
    """The user on the server may not do this."""


class DiskFull(RemoteError):
    """The server's disk is full: make room, then deploy again."""


class GivenBack(RemoteError):
    """This output was read once and given back to the server's disk: it is not there any more."""


class Refused(RemoteError):
    """The run must not start: it ran already, was cancelled, or another run of the resource is alive."""
