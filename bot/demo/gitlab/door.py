"""The pretend GitLab's one door on a loopback port: the API, git and the page."""

import base64
import json
import re
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.demo.forge import gitweb
from bot.demo.forge.calls import Call
from bot.demo.forge.server import METHODS
from bot.demo.gitlab.api import answer
from bot.demo.gitlab.gitlab import PretendGitLab
from bot.demo.gitlab.page import Page

PREFIX: Final = "/api/v4"
_GIT: Final = re.compile(r"^/(.+?)\.git/(info/refs|git-upload-pack)$")


class Door:
    def __init__(self, lab: PretendGitLab) -> None:
        self._lab = lab
        self._page = Page(lab)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._receive, methods=list(METHODS))])

    async def _receive(self, request: Request) -> Response:
        scope = request.scope
        target = f"{scope['raw_path'].decode()}?{scope['query_string'].decode()}"
        call = Call.at(self._lab.url, request.method, target, request.headers, await request.body())
        return await run_in_threadpool(self.handle, call)

    def handle(self, call: Call) -> Response:
        raw = call.url.removeprefix(self._lab.url)
        if raw.startswith(f"{PREFIX}/"):
            return self._api(call, raw.removeprefix(PREFIX))
        if found := _GIT.match(call.path):
            return self._git(call, found[1], found[2])
        return self._page.answer(call)

    def _api(self, call: Call, path: str) -> Response:
        if call.headers.get("authorization") != f"Bearer {self._lab.token}":
            return JSONResponse({"message": "401 Unauthorized"}, 401)
        try:
            body = json.loads(call.body) if call.body else {}
        except ValueError:
            return JSONResponse({"error": "400 Bad request"}, 400)
        with self._lab.lock:
            status, data = answer(self._lab, call.method, path, call.query, body)
        return Response(data, status) if isinstance(data, bytes) else JSONResponse(data, status)

    def _git(self, call: Call, path: str, service: str) -> Response:
        with self._lab.lock:
            project = next((one for one in self._lab.projects.values() if one.path == path), None)
        given = call.headers.get("authorization", "")
        ours = base64.b64encode(f"oauth2:{self._lab.token}".encode()).decode()
        if project is None or given not in ("", f"Basic {ours}"):
            return PlainTextResponse("HTTP Basic: Access denied", 401, headers={"WWW-Authenticate": "Basic"})
        if service == "info/refs" and call.query.get("service") != "git-upload-pack":
            return PlainTextResponse("Only fetching is possible here.", 403)
        return gitweb.backend(self._lab.folder, call, f"/{project.id}.git/{service}")
