"""Pages cost more than most calls of the API: no address gets more of them than that would give it."""

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.web.door import address_of
from bot.web.site import site_of


class Measured:
    def __init__(self, asgi: ASGIApp) -> None:
        self._asgi = asgi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises: TooFast."""
        request = Request(scope)
        site_of(request).calls.admit(f"page:{address_of(request)}")
        await self._asgi(scope, receive, send)
