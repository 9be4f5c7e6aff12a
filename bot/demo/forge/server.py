"""The forge's one door on a loopback port: journal and faults around the API, git and the page."""

import socket
import threading
import time
from collections.abc import Sequence
from email.utils import formatdate
from typing import Final, Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.demo.forge import gitweb
from bot.demo.forge.api import PREFIX, Api
from bot.demo.forge.calls import Call, Fault, Faults, Journal
from bot.demo.forge.hooks import wait_until
from bot.demo.forge.page import Page
from bot.demo.forge.state import World

METHODS: Final = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE")
_RATE_LIMIT: Final = 5000


class SpecialPage(Protocol):
    """One with a path of its own."""

    def answers(self, path: str) -> bool: ...

    def answer(self, call: Call) -> Response: ...


class Door:
    def __init__(self, world: World, api: Api, pages: Sequence[SpecialPage], page: Page) -> None:
        self._world = world
        self._api = api
        self._pages = pages
        self._page = page
        self.journal = Journal()
        self.faults = Faults()

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._receive, methods=list(METHODS))])

    async def _receive(self, request: Request) -> Response:
        scope = request.scope
        target = f"{scope['raw_path'].decode()}?{scope['query_string'].decode()}"
        call = Call.at(self._world.url, request.method, target, request.headers, await request.body())
        return await run_in_threadpool(self.handle, call)

    def handle(self, call: Call) -> Response:
        entry = self.journal.begin(call)
        fault = self.faults.take(call)
        response = self._spoiled(call, fault) if fault else self._answer(call)
        entry.status = 0 if fault and fault.reset else response.status_code
        response.headers["Date"] = formatdate(self._world.now(), usegmt=True)
        return response

    def _spoiled(self, call: Call, fault: Fault) -> Response:
        time.sleep(fault.delay)
        if fault.reset or fault.status:
            if fault.after:
                self._answer(call)
            return fault.response()
        return self._answer(call)

    def _answer(self, call: Call) -> Response:
        for special in self._pages:
            if special.answers(call.path):
                return special.answer(call)
        if call.path.startswith(f"{PREFIX}/"):
            response = self._api.answer(call)
            response.headers.update(self._rate_headers())
            return response
        if found := gitweb.ADDRESS.match(call.path):
            return gitweb.answer(self._world, call, found[1], found[2])
        return self._page.answer(call)

    def _rate_headers(self) -> dict[str, str]:
        used = len(self.journal.entries) % _RATE_LIMIT
        return {
            "X-RateLimit-Limit": str(_RATE_LIMIT),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Remaining": str(_RATE_LIMIT - used),
            "X-RateLimit-Reset": str(int(self._world.now()) + 3600),
            "X-RateLimit-Resource": "core",
            "X-GitHub-Media-Type": "github.v3; format=json",
        }


class Server:
    """uvicorn in a thread."""

    def __init__(self, app: Starlette, port: int) -> None:
        """Raises: OSError when the port is taken."""
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            date_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="forge", daemon=True)

    def start(self) -> None:
        self._thread.start()
        wait_until(lambda: self._server.started, 10, "the pretend forge did not start")

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True  # nobody waits for answers any more
        self._thread.join(10)
        self._socket.close()
