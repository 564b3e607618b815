"""The images that a finished deployment runs, as its server says; what a later rollback pins them to."""

from collections.abc import Mapping
from typing import Any

import structlog

from app.compose.digests import RunningImage, digests_script, parse_digests
from app.compose.plan import ServerFacts
from app.kit.redaction import Redactor
from app.remote.host import Host

log = structlog.get_logger(__name__)


async def look_at_images(
    host: Host, facts: ServerFacts, uuid: str, redactor: Redactor, *, timeout: float = 30
) -> dict[str, Any] | None:
    """Return {Compose service: its `RunningImage` as it is kept}; None when Docker does not say. Raises RemoteError."""
    completed = await host.run("sh", stdin=digests_script(uuid, facts).encode(), timeout=timeout)
    try:
        images = parse_digests(completed.stdout.decode(errors="replace"))
    except ValueError as error:
        log.info("the images of a deployment are unknown", resource=uuid, error=str(error))
        return None
    return {service: without_secrets(image, redactor).to_json() for service, image in images.items()}


def without_secrets(image: RunningImage, redactor: Redactor) -> RunningImage:
    """Return an image whose names hold no secret, as a tag out of a locked variable does."""
    digest = None if image.digest is None or redactor.redact(image.digest) != image.digest else image.digest
    named = image.image if redactor.redact(image.image) == image.image else digest or image.id
    return RunningImage(named, image.id, digest)


def pins_of(digests: Mapping[str, Any] | None) -> dict[str, str]:
    """Return {Compose service: the image that it ran, by digest} of those that a registry has."""
    images = {service: RunningImage(**image) for service, image in (digests or {}).items()}
    return {service: image.pin for service, image in images.items() if image.pin is not None}
