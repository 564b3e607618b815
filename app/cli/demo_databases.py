"""The databases of `shiplog demo --all`: one of each type, with the images and the limits that this machine allows."""

import os
import resource
from typing import Any

from app.databases.registry import DEFINITIONS

_LIMITS = {"nofile": resource.RLIMIT_NOFILE, "memlock": resource.RLIMIT_MEMLOCK}


def images() -> dict[str, str]:
    """Return an image for each type but PostgreSQL by its slug: of its variable, or what the type comes with."""
    slugs = [definition.slug for definition in DEFINITIONS.values() if definition.slug != "postgresql"]
    return {slug: os.environ.get(variable(slug)) or DEFINITIONS[f"standalone-{slug}"].default_image for slug in slugs}


def variable(slug: str) -> str:
    """Return the name of the variable that names another image."""
    return f"SHIPLOG_DEMO_{'POSTGRES' if slug == 'postgresql' else slug.upper()}_IMAGE"


def settings(slug: str) -> dict[str, Any]:
    """Return the fields that a database needs here beside its image.

    A type asks for higher limits than a machine may give that is a container itself: there it gets what there is.
    """
    options = []
    for name in DEFINITIONS[f"standalone-{slug}"].ulimits:
        highest = resource.getrlimit(_LIMITS[name])[1]
        if highest != resource.RLIM_INFINITY:
            options.append(f"--ulimit {name}={highest}:{highest}")
    return {"custom_docker_run_options": " ".join(options)} if options else {}
