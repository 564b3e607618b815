"""The interactive documentation at `/docs`: Swagger UI, every byte of it served by us."""

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse, Response
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
    """Serve the page, its script and Swagger UI's files; `/` leads there."""

    @app.get("/", include_in_schema=False)
    async def get_root() -> Response:
        # Relative, so that it is right behind a proxy that serves us under a prefix.
        return RedirectResponse("docs")

    @app.get("/docs", include_in_schema=False)
    async def get_page() -> Response:
        return HTMLResponse(_PAGE, headers=_HEADERS)

    @app.get("/docs/start.js", include_in_schema=False)
    async def get_script() -> Response:
        return Response(_SCRIPT, media_type="text/javascript", headers=_HEADERS)

    app.mount("/docs/static", StaticFiles(directory=str(swagger_ui_path)))
