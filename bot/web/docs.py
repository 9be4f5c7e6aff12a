"""/docs: the OpenAPI document for people, made on the server; the usual viewer wants scripts from elsewhere."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.web.shown import shown


def show(request: Request) -> Response:
    rest: FastAPI = request.app
    return HTMLResponse(shown(request, "docs.html", document=rest.openapi()))
