"""One SSH connection and the sessions on it: how many it bears, which are open, and what a broken one means."""

import asyncio
from typing import Any, TypeVar

import asyncssh

from app.metrics.instruments import SSH_LOGINS
from app.remote.errors import Lost, NotPermitted, RemoteError
from app.remote.handshake import log_in
from app.remote.host import Address
from app.remote.session import Session

MAX_SESSIONS = 8
"""Sessions on one connection: OpenSSH's own limit is 10, and asyncssh's SFTP and a person may want one."""

AnySession = TypeVar("AnySession", bound=Session)


class SessionRefused(Exception):
    """The server opens no further session on this connection."""


class Connection:
    """A connection being made or made. Every session is reserved first, so that the server's limit is never met."""

    def __init__(self, address: Address, handshakes: asyncio.Semaphore) -> None:
        self._address = address
        self._place = f"{address.host}:{address.port}"
        self._handshakes = handshakes
        self._loop = asyncio.get_running_loop()
        self._ssh = asyncio.ensure_future(self._log_in())
        self._ssh.add_done_callback(_failed)  # its waiters may all have gone
        self._closing: set[asyncio.Task[None]] = set()
        self._limit = MAX_SESSIONS
        self._reserved = 0
        self._opened = 0
        self._has_served = False
        self.idle_since = self._loop.time()

    @property
    def is_usable(self) -> bool:
        """False once it has failed or closed."""
        if not self._ssh.done():
            return True
        is_spent = self._limit == 0 and not self._reserved  # the server has opened no session and opens none
        return not is_spent and not _failed(self._ssh) and not self._ssh.result().is_closed()

    @property
    def is_idle(self) -> bool:
        """True while it is made and nothing is asked of it."""
        return self._ssh.done() and not self._reserved

    @property
    def has_room(self) -> bool:
        """True when one more session may be asked for."""
        return self.is_usable and self._reserved < self._limit

    def reserve(self) -> None:
        """Count a session that is about to be opened."""
        self._reserved += 1

    async def ready(self) -> None:
        """Wait until the connection is made. Raises why it could not be; being cancelled leaves it to the others."""
        await self._made()

    async def open(self, session: AnySession, command: str) -> AnySession:
        """Start a command in the session reserved before. Raises SessionRefused when another connection is needed."""
        session.on_opened, session.on_closed = self._session_opened, self._session_closed
        try:
            ssh = await self._made()
        except BaseException:
            self._release()
            raise
        opening = asyncio.ensure_future(
            ssh.create_session(lambda: session, command, encoding=None, window=session.window)
        )
        opening.add_done_callback(lambda _: self._release() if session.channel is None else None)
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            # The server may be about to open it: without this its channel would stay open until the command ends.
            opening.add_done_callback(lambda done: session.leave() if not _failed(done) else None)
            raise
        except (asyncssh.Error, OSError) as error:
            raise self._session_error(ssh, error, asked_for_it=session.channel is not None) from error
        except BaseException:
            session.leave()
            raise
        self._has_served = True
        return session

    async def open_sftp(self) -> asyncssh.SFTPClient:
        """Start SFTP in the session reserved before; `leave_sftp` ends it. Raises SessionRefused."""
        try:
            ssh = await self._made()
        except BaseException:
            self._release()
            raise
        opening = asyncio.ensure_future(ssh.start_sftp_client())
        try:
            sftp = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(self._abandon_sftp)
            raise
        except (asyncssh.Error, OSError) as error:
            self._release()
            raise self._session_error(ssh, error, asked_for_it=False) from error
        self._opened += 1
        self._has_served = True
        return sftp

    def leave_sftp(self, sftp: asyncssh.SFTPClient) -> None:
        """End SFTP without waiting; its session is free when the server has closed it."""
        sftp.exit()
        closing = self._loop.create_task(sftp.wait_closed())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        closing.add_done_callback(lambda _: self._session_closed())

    def may_be_replaced(self) -> bool:
        """Answer a refused session: True when another connection can help; this one takes no more than it has now."""
        if not self._has_served and not self._opened and not self._reserved:
            return False
        self._limit = self._opened
        return True

    def lost(self) -> Lost:
        """Return the error for a link that broke in the middle."""
        return Lost(
            f"The connection to {self._place} was lost in the middle of a command; "
            "whether the command ran to its end is unknown."
        )

    def close(self) -> None:
        """Close it at once; what runs on the server goes on."""
        if not self._ssh.done():
            self._ssh.cancel()
        elif not _failed(self._ssh):
            self._ssh.result().close()

    async def closed(self) -> None:
        """Wait until everything of it is gone."""
        await asyncio.wait({self._ssh})
        if not _failed(self._ssh):
            await self._ssh.result().wait_closed()
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _made(self) -> asyncssh.SSHClientConnection:
        """Wait for the connection without taking it along when the waiter is cancelled."""
        try:
            return await asyncio.shield(self._ssh)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._ssh.cancelled() and not (task and task.cancelling()):
                raise Lost(f"The connection to {self._place} was closed while it was being made.") from None
            raise

    async def _log_in(self) -> asyncssh.SSHClientConnection:
        async with self._handshakes:
            try:
                ssh = await log_in(self._address)
            except RemoteError as error:
                SSH_LOGINS.labels(type(error).__name__).inc()
                raise
            SSH_LOGINS.labels("ok").inc()
            return ssh

    def _session_error(
        self, ssh: asyncssh.SSHClientConnection, error: Exception, *, asked_for_it: bool
    ) -> RemoteError | SessionRefused:
        if isinstance(error, asyncssh.ChannelOpenError) and not ssh.is_closed():
            if error.code != asyncssh.OPEN_REQUEST_SESSION_FAILED:
                return SessionRefused()
            return NotPermitted(
                f"{self._place} refuses the request: the user must be allowed to run commands and to use SFTP "
                "(in sshd_config: no ForceCommand, a Subsystem sftp)."
            )
        if self._has_served and not asked_for_it:
            return SessionRefused()  # the kept connection was dead already, and nothing has been asked of the server
        return self.lost()

    def _session_opened(self) -> None:
        self._opened += 1

    def _session_closed(self) -> None:
        self._opened -= 1
        self._release()

    def _release(self) -> None:
        self._reserved -= 1
        self.idle_since = self._loop.time()

    def _abandon_sftp(self, opening: "asyncio.Future[asyncssh.SFTPClient]") -> None:
        if _failed(opening):
            self._release()
        else:
            self._opened += 1
            self.leave_sftp(opening.result())


def _failed(done: "asyncio.Future[Any]") -> bool:
    """Tell whether it failed, and so take note of an error that perhaps nobody waits for any more."""
    return done.cancelled() or done.exception() is not None
