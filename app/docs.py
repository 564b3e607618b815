"""The interactive documentation at `/docs`: Swagger UI, every byte of it served by us."""

from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from swagger_ui_bundle import swagger_ui_path

# The page may load from us alone; Swagger UI sets style attributes and draws its icons from data URLs.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Shiplog API</title>
<link rel="stylesheet" href="docs/static/swagger-ui.css">
<link rel="icon" type="image/png" href="docs/static/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/static/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""

_SCRIPT = """SwaggerUIBundle({
  url: "docs/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: false,
  displayOperationId: true,
  validatorUrl: null
});
"""


def install_docs(app: FastAPI) -> None:
    """Serve the page, its script and Swagger UI's files."""

    @app.get("/docs", include_in_schema=False)
    async def get_page() -> Response:
        return HTMLResponse(_PAGE, headers=_HEADERS)

    @app.get("/docs/start.js", include_in_schema=False)
    async def get_script() -> Response:
        return Response(_SCRIPT, media_type="text/javascript", headers=_HEADERS)

    @app.get("/docs/openapi.json", include_in_schema=False)
    async def get_document() -> Response:
        return JSONResponse({**_in_3_0(app.openapi()), "openapi": "3.0.3"})

    app.mount("/docs/static", StaticFiles(directory=str(swagger_ui_path)))


def _in_3_0(part: Any) -> Any:
    """Say what OpenAPI 3.1 says in the words of 3.0: the Swagger UI that is packaged for Python refuses 3.1."""
    if isinstance(part, list):
        return [_in_3_0(one) for one in part]
    if not isinstance(part, dict):
        return part
    said = {name: _in_3_0(value) for name, value in part.items()}
    choices = said.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        others = [choice for choice in choices if choice != {"type": "null"}]
        del said["anyOf"]
        said |= {"nullable": True} | ({"allOf": others} if len(others) == 1 else {"anyOf": others})
    if isinstance(said.get("examples"), list) and said["examples"]:
        said["example"] = said.pop("examples")[0]
    if "const" in said and not isinstance(said["const"], dict):
        said["enum"] = [said.pop("const")]
    return said
