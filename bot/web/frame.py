"""Around every request: its id, the access log, safe headers, and an answer when something breaks."""

from time import perf_counter
from typing import Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.app.context import App
from bot.web.problems import problem

log = structlog.get_logger()

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_UNSEEN: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines; logged only when the answer is no 200."""


class Frame:
    def __init__(self, asgi: ASGIApp, app: App) -> None:
        self._asgi, self._app = asgi, app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = self._app.new_id()
            with structlog.contextvars.bound_contextvars(request=request):
                await self._http(scope, receive, send, request)
        else:
            await self._asgi(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send, request: str) -> None:
        status, began = 0, perf_counter()

        async def framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, request)
            await send(message)

        try:
            await self._asgi(scope, receive, framed)
        except Exception:
            log.exception("web.stumbled", path=scope["path"])
            if not status:
                await problem(500, "internal", "this did not work")(scope, receive, framed)
        finally:
            if status != 200 or scope["path"] not in _UNSEEN:  # noqa: PLR2004  # OK
                ms = round((perf_counter() - began) * 1000, 1)
                log.info("web.answered", method=scope["method"], path=scope["path"], status=status, ms=ms)


def _add_headers(message: Message, request: str) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    headers["X-Request-ID"] = request
