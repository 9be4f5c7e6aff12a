"""Bodies of requests, read within limits of size and time; and the answer to one that isn't read to its end."""

from collections.abc import Mapping
from typing import Final

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.web.problems import PROBLEM, problem_facts

_LINGER: Final = 1.0
"""Seconds in which what is still sent of a refused body is thrown away, so that the sender can read the answer."""
_BODILESS: Final = frozenset({"GET", "HEAD"})


class Unread(Exception):
    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.code, self.reason = status, code, reason


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """Raises: Unread as soon as it is too large or too slow; ClientDisconnect."""
    too_large = Unread(413, "too_large", f"the body has more than {limit} bytes")
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > limit:
        raise too_large
    chunks, size = [], 0
    try:
        with anyio.fail_after(seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise too_large
                chunks.append(chunk)
    except TimeoutError as error:
        raise Unread(408, "too_slow", f"the body did not come within {seconds:g} seconds") from error
    return b"".join(chunks)


class TurnedAway(JSONResponse):
    """An answer before the body is read; closes the connection.

    Closing at once would reset the connection, and the sender might never see the answer.
    """

    def __init__(
        self, content: Mapping[str, object], status: int, media_type: str | None = None, *, retry_after: int = 0
    ) -> None:
        headers = {"Connection": "close", **({"Retry-After": str(retry_after)} if retry_after else {})}
        super().__init__(content, status, headers=headers, media_type=media_type)

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with anyio.move_on_after(_LINGER):
            while (await receive()).get("more_body"):
                pass
        await send({"type": "http.response.body", "body": b""})


class SmallBodies:
    """Lets an application see bodies only once they are there, whole and small."""

    def __init__(self, asgi: ASGIApp, limit: int, seconds: float) -> None:
        self._asgi, self._limit, self._seconds = asgi, limit, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _BODILESS:
            await self._asgi(scope, receive, send)
            return
        try:
            body = await read_body(Request(scope, receive), self._limit, self._seconds)
        except Unread as error:
            away = TurnedAway(problem_facts(error.status, error.code, error.reason), error.status, PROBLEM)
            await away(scope, receive, send)
        except ClientDisconnect:
            return
        else:
            await self._asgi(scope, _replaying(body, receive), send)


def _replaying(body: bytes, receive: Receive) -> Receive:
    is_told = False

    async def replay() -> Message:
        nonlocal is_told
        if is_told:
            return await receive()
        is_told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
