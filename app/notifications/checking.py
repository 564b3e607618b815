"""Whether a URL can be a channel's, said when it is given rather than when something has happened."""

import asyncio
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from app.errors import ValidationFailed
from app.notifications import by_apprise
from app.notifications.addresses import AddressGuard, AddressRefused
from app.notifications.schemas import ChannelType, why_no_webhook


async def check_receiver(type_: ChannelType, url: str, guard: AddressGuard) -> None:
    """Raise ValidationFailed for what cannot be sent to; names are resolved, and checked, when something is sent."""
    try:
        if type_ is ChannelType.APPRISE:
            # The first one loads a hundred plugins.
            await asyncio.to_thread(by_apprise.check_url, url)
            return
        why = why_no_webhook(url)
        if why is not None:
            raise ValidationFailed({"url": [why]})
        host = urlsplit(url).hostname or ""
        with suppress(ValueError):  # a name
            guard.check(host, str(ip_address(host)))
    except (by_apprise.UnknownUrl, AddressRefused) as error:
        raise ValidationFailed({"url": [str(error)]}) from None
