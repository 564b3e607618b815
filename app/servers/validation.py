"""Looks at a server over SSH and records what it found: its host key, its data folder, its Docker and Compose.

Host key and data folder are recorded even where Docker is missing: a deployment there must run, and say so in its log.
"""

import asyncio
import base64
import hashlib
import secrets
import string
from dataclasses import dataclass, field, replace

import structlog

from app.kit.encryption import DecryptionError
from app.postgres import Sessions
from app.remote.errors import Lost, RemoteError
from app.remote.host import Address, HostPool
from app.remote.ssh import fetch_host_key
from app.servers.probing import (
    AnswerCut,
    DockerFound,
    docker_script,
    folder_script,
    parse_docker,
    parse_folder,
)
from app.servers.repository import (
    Findings,
    ServerRepository,
    forget_requested_validation,
    load_address,
    load_server,
    requested_validation,
)

log = structlog.get_logger(__name__)

DEADLINE_SECONDS = 100.0
"""The whole look; the worker's job that does it ends at 120 s."""

GONE = "The server is gone."
CHANGED = "The server was changed while it was validated: validate it again."
NO_FOLDER = (
    "The user {user} can write to no folder on this server: make /data/shiplog and give it to this user, "
    "then validate the server again."
)


@dataclass(frozen=True)
class ValidationResult:
    """How a validation ended; `message` is a sentence for a person."""

    is_reachable: bool
    is_usable: bool
    message: str


@dataclass
class _Look:
    """One look at one server, as it goes on: the address that works, what was seen, what to tell."""

    address: Address
    known_folder: str | None
    lines: list[str] = field(default_factory=list)
    is_reachable: bool = False
    folder: str | None = None
    docker: DockerFound | None = None

    def findings(self, message: str, *, is_usable: bool) -> Findings:
        return Findings(
            is_reachable=self.is_reachable,
            is_usable=is_usable,
            log="\n".join([*self.lines, message]),
            host_key=self.address.host_key if self.is_reachable else None,
            data_folder=self.folder,
            docker=self.docker,
        )


class _Unusable(Exception):
    """The server cannot be deployed to; the text says why and what to do."""


async def validate_server(
    sessions: Sessions, hosts: HostPool, server_id: int, *, accept_new_host_key: bool = False
) -> ValidationResult:
    """Look at a server and record what was found. Never raises for what a server does.

    The first look pins the host key; another key later is refused unless `accept_new_host_key`.
    """
    async with sessions() as session:
        server = await load_server(session, server_id)
        if server is None:
            return ValidationResult(is_reachable=False, is_usable=False, message=GONE)
        try:
            look = _Look(await load_address(session, server), server.data_folder)
        except DecryptionError as error:
            return ValidationResult(is_reachable=False, is_usable=False, message=str(error))
    usable, message = await _outcome(hosts, look, accept_new_host_key=accept_new_host_key)
    async with sessions.begin() as session:
        findings = look.findings(message, is_usable=usable)
        if not await ServerRepository(session).record(server_id, look.address, findings):
            return ValidationResult(is_reachable=False, is_usable=False, message=CHANGED)
    log.info("server validated", server_id=server_id, is_usable=usable)
    return ValidationResult(is_reachable=look.is_reachable, is_usable=usable, message=message)


async def do_requested_validation(sessions: Sessions, hosts: HostPool, server_id: int) -> None:
    """Validate a server if its row asks for it; what is asked for meanwhile is not forgotten."""
    async with sessions() as session:
        request = await requested_validation(session, server_id)
    if request is None:
        return
    await validate_server(sessions, hosts, server_id, accept_new_host_key=request.accepts_new_host_key)
    async with sessions.begin() as session:
        await forget_requested_validation(session, server_id, request)


def fingerprint(host_key: str) -> str:
    """Return the SHA-256 fingerprint of `ssh-ed25519 AAAA…` as OpenSSH prints it."""
    blob = base64.b64decode(host_key.split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


async def _outcome(hosts: HostPool, look: _Look, *, accept_new_host_key: bool) -> tuple[bool, str]:
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await _look_at(hosts, look, accept_new_host_key=accept_new_host_key)
    except (RemoteError, _Unusable) as error:
        return False, str(error)
    except AnswerCut:
        return False, "The shell on this server broke off in the middle of its answer: run `sh` there to see why."
    except TimeoutError:
        return False, f"The server did not answer all questions within {DEADLINE_SECONDS:.0f} s."
    return True, "The server is ready."


async def _look_at(hosts: HostPool, look: _Look, *, accept_new_host_key: bool) -> None:
    address = look.address
    if address.host_key is None or accept_new_host_key:
        host_key = await fetch_host_key(address.host, address.port, timeout=address.connect_timeout)
        look.address = replace(address, host_key=host_key)
        look.lines.append(f"The server shows the host key {fingerprint(host_key)}.")
    nonce = _nonce()
    found = parse_folder(nonce, await _answer(hosts, look, folder_script(nonce, look.known_folder)))
    look.is_reachable = True
    look.folder = found.folder
    look.lines.append(f"Connected to {address.host} port {address.port} as {found.user}.")
    if found.folder is not None:
        look.lines.append(f"The data folder is {found.folder}.")
    nonce = _nonce()
    docker = look.docker = parse_docker(nonce, await _answer(hosts, look, docker_script(nonce)))
    by_sudo = ", by sudo" if docker.needs_sudo else ""
    look.lines += [f"Docker {docker.docker_version}{by_sudo}."] if docker.docker_version else []
    look.lines += [f"Docker Compose {docker.compose_version}."] if docker.compose_version else []
    if found.folder is None:
        raise _Unusable(NO_FOLDER.format(user=found.user))
    if docker.complaint is not None:
        raise _Unusable(docker.complaint)


async def _answer(hosts: HostPool, look: _Look, script: str) -> bytes:
    """Run a script; once more over a fresh connection when the kept one turns out to be dead."""
    try:
        completed = await (await hosts.get(look.address)).run("sh", stdin=script.encode(), timeout=30)
    except Lost:
        completed = await (await hosts.get(look.address)).run("sh", stdin=script.encode(), timeout=30)
    return completed.stdout


def _nonce() -> str:
    return "".join(secrets.choice(string.ascii_letters) for _ in range(24))
