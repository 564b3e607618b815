"""The OpenAPI document, and `python -m app.openapi`, which writes it to `openapi.json` (`--check`: is it current?)."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

PREFIX = "/api/v1"


def install_openapi(app: FastAPI) -> None:
    """Make `app.openapi()` and `/openapi.json` answer the document of the API."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    document["servers"] = [{"url": f"{app.root_path}{PREFIX}"}]
    document["paths"] = {path.removeprefix(PREFIX): operations for path, operations in document["paths"].items()}
    return document
