"""What the Docker engine of the server says, asked beside the product."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.rig.engine import docker
from tests.rig.images import busybox_image


@dataclass(frozen=True)
class Container:
    """A container as `docker inspect` has it."""

    id: str
    service: str
    status: str
    exit_code: int
    image: str
    details: dict[str, Any]

    @property
    def environment(self) -> list[str]:
        """Its variables, `NAME=value` each."""
        variables: list[str] = self.details["Config"]["Env"]
        return variables


def containers_of(uuid: str) -> dict[str, Container]:
    """Return a resource's containers, running or not, by the names of their Compose services."""
    ids = _ids("ps", "--all", uuid)
    if not ids:
        return {}
    found = {}
    for details in json.loads(docker("inspect", *ids)):
        service = details["Config"]["Labels"]["com.docker.compose.service"]
        state = details["State"]
        found[service] = Container(
            details["Id"], service, state["Status"], state["ExitCode"], details["Config"]["Image"], details
        )
    return found


def only_container_of(uuid: str) -> Container:
    """Return the one container of a resource."""
    (container,) = containers_of(uuid).values()
    return container


def volumes_of(uuid: str) -> list[str]:
    """Return the names of a resource's volumes."""
    return _ids("volume", "ls", uuid)


def networks_of(uuid: str) -> list[str]:
    """Return the ids of a resource's own networks."""
    return _ids("network", "ls", uuid)


def make_ready(container: Container) -> None:
    """Make the container of a `compose.waiting` stack healthy."""
    docker("exec", container.id, "touch", "/tmp/ready")


def processes_of_run(deployment_uuid: str) -> list[str]:
    """Return the command lines of all processes that a deployment's run has started and that are still alive."""
    mark = f"SHIPLOG_RUN={deployment_uuid}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            if mark in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


def forget_image(reference: str) -> None:
    """Make the server's engine pull an image when it is next wanted."""
    if docker("images", "--quiet", reference):
        docker("rmi", "--force", reference)


def docker_digests(image_id: str) -> list[str]:
    """Return what an image is in registries, `repository@sha256:…` each."""
    digests: list[str] = json.loads(docker("image", "inspect", "--format", "{{json .RepoDigests}}", image_id))
    return digests


def push_behind_the_back(tag: str, files: Mapping[str, str], *, keep: str) -> None:
    """Push another image under a tag, while the server's engine goes on to have the image `keep` under it."""
    busybox_image(tag, files=files)
    new = docker("images", "--no-trunc", "--quiet", tag).strip()
    docker("push", "--quiet", tag)
    docker("tag", keep, tag)
    docker("rmi", new)


def remove_containers_of(uuids: Sequence[str]) -> None:
    """Remove the containers of resources; their volumes and networks stay."""
    if not uuids:
        return
    listed = docker("ps", "--all", "--format", '{{.ID}} {{.Label "com.docker.compose.project"}}').splitlines()
    if ids := [words[0] for words in map(str.split, listed) if words[1:] and words[1] in uuids]:
        docker("rm", "--force", "--volumes", *ids)


def remove_everything_of(uuids: Sequence[str]) -> None:
    """Remove what the tests' resources left, as an engine that is not the rig's own goes on afterwards."""
    for uuid in uuids:
        for listing, removal in (
            (("ps", "--all"), ("rm", "--force", "--volumes")),
            (("volume", "ls"), ("volume", "rm", "--force")),
            (("network", "ls"), ("network", "rm")),
        ):
            if ids := _ids(*listing, uuid):
                docker(*removal, *ids)


def _ids(*words: str) -> list[str]:
    *listing, uuid = words
    return docker(*listing, "--quiet", "--filter", f"label=com.docker.compose.project={uuid}").split()
