"""Compose texts for the tests' services."""

import json
from typing import Any


def service(image: str, **fields: Any) -> dict[str, Any]:
    """Return one Compose service; `command` is a list, nothing is pulled from anywhere but the image's registry."""
    return {"image": image, **fields}


def compose(**services: dict[str, Any]) -> str:
    """Return the text of a Compose file with these services; JSON is YAML."""
    return json.dumps({"services": services}, indent=2)


def web(image: str, **fields: Any) -> str:
    """Return a stack of one web server that says when it is healthy."""
    probe = ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"]
    return compose(web=service(image, healthcheck=_every_second(probe), **fields))


def waiting(image: str, **fields: Any) -> str:
    """Return a stack whose container is healthy once somebody has made the file /tmp/ready in it."""
    return compose(web=service(image, healthcheck=_every_second(["CMD", "test", "-e", "/tmp/ready"], 600), **fields))


def _every_second(probe: list[str], retries: int = 30) -> dict[str, Any]:
    return {"test": probe, "interval": "1s", "timeout": "5s", "retries": retries}
