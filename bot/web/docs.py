"""/docs: the OpenAPI document for people, made on the server; the usual viewer wants scripts from elsewhere."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.web.site import rendered, site_of


def show(request: Request) -> Response:
    rest: FastAPI = request.app
    return HTMLResponse(rendered(site_of(request), "docs.html", document=rest.openapi()))
