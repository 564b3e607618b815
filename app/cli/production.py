"""The single processes for production, configured by the environment: API, worker, migrations."""

import asyncio
import contextlib
import gc
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.cli import listening
from app.cli.configuration import read_settings
from app.cli.migrating import newest_revisions, upgrade
from app.cli.problem import Problem
from app.logs import configure_logging
from app.settings import get_settings

if TYPE_CHECKING:
    from fastapi import FastAPI

_GRACE_SECONDS = 5
"""How long open answers, followed logs above all, may go on after SIGTERM: a follower comes back where it was."""


def serve_api(
    host: str, port: int, *, workers: int = 1, forwarded_allow_ips: str | None = None, descriptor: int | None = None
) -> None:
    """Serve the API until SIGTERM or SIGINT; raise Problem when it does not start.

    `descriptor` is a listening socket that `shiplog up` left open for this child; host and port then mean nothing.
    """
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    if descriptor is not None:
        _wait_for_parent()
    configure_logging(read_settings().log_level)
    listener = listening.listen(host, port) if descriptor is None else listening.inherited(descriptor)
    config = uvicorn.Config(
        "app.cli.production:application",
        factory=True,
        workers=workers,
        log_config=None,
        access_log=False,
        proxy_headers=forwarded_allow_ips is not None,  # else any caller could say that it is someone else
        forwarded_allow_ips=forwarded_allow_ips,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        if workers > 1:
            Multiprocess(config, sockets=[listener]).run()
            return
        server.run(sockets=[listener])
    if not server.started:
        raise Problem("The API did not start; the lines above say why.", exit_code=3)


def application() -> "FastAPI":
    """Return the web application, in each of the processes that serve it."""
    with _quick_imports():
        from app.main import create_app

    configure_logging(get_settings().log_level)
    return create_app()


def run_worker() -> None:
    """Work until SIGTERM or SIGINT."""
    read_settings()
    with _quick_imports():
        from app import worker

    try:
        import uvloop  # as uvicorn does for the API
    except ImportError:
        asyncio.run(worker.main())
    else:
        uvloop.run(worker.main())


def migrate_database() -> str:
    """Bring the database to the newest revision and return what to print."""
    upgrade(read_settings(database_only=True).database())
    return f"The schema is at revision {', '.join(sorted(newest_revisions()))}."


def _wait_for_parent() -> None:
    """Load the application while `shiplog up` starts PostgreSQL, and return when that has said where it is."""
    with _quick_imports():
        import app.main  # noqa: F401 - loaded for later
    file = get_settings().database_url_file
    while file is not None and not file.exists():  # a parent that gives up ends us
        time.sleep(0.01)


@contextlib.contextmanager
def _quick_imports() -> Iterator[None]:
    """Collect no garbage while modules are loaded, and none of them ever: 0.15 of 1.3 s, measured."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
