"""Mail, Slack, Discord, Telegram, ntfy and what else apprise knows by a URL, each attempt in a thread of its own."""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from app.notifications.addresses import AddressGuard, AddressRefused
from app.notifications.webhook import Outcome

SECONDS = 30.0
"""For one attempt; apprise itself gives up a connection much sooner."""

_LOCAL = frozenset(
    {"blink1", "dbus", "gio", "glib", "gnome", "kde", "macosx", "notify", "qt", "syslog", "tts", "vapid", "windows"}
)
"""Schemas that mean the worker's own machine: its desktop, its log, its files."""

Hold = Callable[[asyncio.Future[Any]], None]

REFUSED = (
    "The service did not take the notification, or did not answer. Check the channel's URL with its documentation."
)


class UnknownUrl(ValueError):
    """apprise makes nothing of the URL; the text does not contain it."""


def check_url(url: str) -> None:
    """Raise UnknownUrl for what apprise cannot send to."""
    _service(url)


def scheme_of(url: str) -> str:
    """Return the part of a URL that is no secret: `slack`, `mailtos`."""
    return url.partition("://")[0].lower()


async def send(
    url: str,
    title: str,
    body: str,
    *,
    is_good: bool,
    guard: AddressGuard,
    timeout: float = SECONDS,
    hold: Hold = lambda _: None,
) -> Outcome:
    """Try once; never raises for what the service does, and no text has the URL in it.

    A thread cannot be stopped: `hold` gets the future of one that may outlive the attempt.
    """
    try:
        async with asyncio.timeout(timeout):
            service = await in_thread(lambda: _service(url), hold)
            for host in _hosts(service):
                await guard.addresses_of(host, 0)
            is_taken = await in_thread(lambda: _notify(service, title, body, is_good=is_good), hold)
    except (AddressRefused, UnknownUrl) as error:
        return Outcome(str(error))
    except TimeoutError:
        return Outcome(f"The service did not answer within {timeout:g} seconds.")
    except OSError:
        return Outcome("The host of the channel's URL cannot be found.")
    except Exception as error:  # a hundred plugins of other people: whatever one raises is its failure
        return Outcome(f"The service's plugin failed: {type(error).__name__}.")
    return Outcome(None if is_taken else REFUSED)


async def in_thread(work: Callable[[], Any], hold: Hold) -> Any:
    """Run `work` in a thread that does not keep the process from ending, as those of a pool do."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def run() -> None:
        try:
            report = partial(future.set_result, work())
        except Exception as error:
            report = partial(future.set_exception, error)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(report)

    future.add_done_callback(lambda done: done.exception())  # the attempt may have given up on it
    hold(future)
    threading.Thread(target=run, name="notification", daemon=True).start()
    return await asyncio.shield(future)


def _service(url: str) -> Any:
    import apprise  # half a second, and most processes never send anything

    # It logs what it asks for, tokens and all.
    logging.getLogger("apprise").disabled = True
    if scheme_of(url) in _LOCAL:
        raise UnknownUrl("The URL means the machine that Shiplog runs on, not a receiver.")
    asset = apprise.AppriseAsset(http_redirects=False)
    service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if service is None:
        raise UnknownUrl(
            "apprise does not know this kind of URL, or a part of it is missing. Its documentation lists them: "
            "https://appriseit.com/services/"
        )
    service.redirects = False  # the URL itself may ask for them
    return service


def _hosts(service: Any) -> list[str]:
    """Return the hosts that stand in the URL; what stands in a host's place may be a token of a known service."""
    # For mail the host is only the domain of the sender.
    servers = [getattr(service, name, None) for name in ("smtp_host", "xmpp_host")]
    if not any(servers) and any("{host}" in template for template in service.templates):
        servers.append(service.host)
    return [server for server in servers if server]


def _notify(service: Any, title: str, body: str, *, is_good: bool) -> bool:
    import apprise

    sender = apprise.Apprise()
    sender.add(service)
    kind = apprise.NotifyType.SUCCESS if is_good else apprise.NotifyType.FAILURE
    return bool(sender.notify(body=body, title=title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT))
