"""Which image each service of a Compose project runs: what to type on a server, its answer read back, and its pin."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from app.compose.commands import docker_by_sudo
from app.compose.plan import ServerFacts
from app.remote.command import quote

_CONTAINER = (
    '{"service":{{json (index .Config.Labels "com.docker.compose.service")}},'
    '"image":{{json .Config.Image}},"id":{{json .Image}}}'
)
_IMAGE = '{"id":{{json .Id}},"digests":{{json .RepoDigests}}}'
# Docker writes the names of its own registry in short, whatever way they were given.
_HUB = ("docker.io/", "index.docker.io/")


@dataclass(frozen=True)
class RunningImage:
    """The image of a Compose service: as the file names it, its id on the server, and its digest in a registry.

    `digest` is `repository@sha256:…`; None for an image that no registry has, such as one built on the server.
    """

    image: str
    id: str
    digest: str | None

    @property
    def pin(self) -> str | None:
        """The reference that means exactly this image wherever its registry is reached; its tag stays, to be read."""
        if self.digest is None:
            return None
        repository, _, digest = self.digest.partition("@")
        named = self.image.partition("@")[0]
        return f"{named}@{digest}" if _repository(named) == repository else self.digest

    def to_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return asdict(self)


def digests_script(project: str, facts: ServerFacts) -> str:
    """Return the sh lines that print a line of JSON a container and an image, and `end`, for `parse_digests`."""
    label = quote(f"label=com.docker.compose.project={project}")
    return (
        f"{{\n{docker_by_sudo(facts)}containers=$(docker ps --all --quiet --filter {label} "
        "--filter label=com.docker.compose.oneoff=False) || exit\n"
        'if [ -n "$containers" ]; then\n'
        f"    docker inspect --format {quote(_CONTAINER)} $containers || exit\n"
        # An image that somebody has removed by force makes this fail, but not for the others.
        f"    docker image inspect --format {quote(_IMAGE)} "
        "$(docker inspect --format '{{.Image}}' $containers | sort -u) 2>/dev/null\n"
        "fi\necho end\n} </dev/null\n"
    )


def parse_digests(text: str) -> dict[str, RunningImage]:
    """Return the image of each Compose service; ValueError for text that is not all of what `digests_script` prints."""
    *lines, end = text.splitlines() or [""]
    if end != "end":
        raise ValueError("The look at the images broke off.")
    found = [json.loads(line) for line in lines if line.strip()]
    digests = {one["id"]: one["digests"] or [] for one in found if "digests" in one}
    return {
        one["service"]: RunningImage(one["image"], one["id"], _digest(one["image"], digests.get(one["id"], [])))
        for one in found
        if "service" in one
    }


def _digest(image: str, digests: list[str]) -> str | None:
    """Return the digest under which the image's own repository has it, else any."""
    repository = _repository(image.partition("@")[0])
    own = [digest for digest in digests if digest.partition("@")[0] == repository]
    return next(iter([*own, *digests]), None)


def _repository(named: str) -> str:
    name, _, tag = named.rpartition(":")
    repository = name if name and "/" not in tag else named
    for prefix in _HUB:
        repository = repository.removeprefix(prefix)
    return repository.removeprefix("library/")
