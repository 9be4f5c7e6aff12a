"""ETags for answers in JSON: who asks again for what has not changed is told just that (RFC 9110 §13)."""

import hashlib
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OK: Final = 200
_JSON: Final = "application/json"


class Tagged:
    def __init__(self, app: ASGIApp) -> None:
        self._asgi = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._asgi(scope, receive, send)
            return
        start: Message | None = None
        body = bytearray()

        async def tagged(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_json(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    await _send_tagged(start, bytes(body), Headers(scope=scope).get("if-none-match", ""), send)

        await self._asgi(scope, receive, tagged)


def _is_json(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    return start["status"] == _OK and headers.get("content-type", "").startswith(_JSON)


async def _send_tagged(start: Message, body: bytes, known: str, send: Send) -> None:
    headers = MutableHeaders(raw=start["headers"])
    tag = headers.setdefault("ETag", f'"{hashlib.sha256(body).hexdigest()[:32]}"')
    headers.setdefault("Cache-Control", "private, no-cache")
    headers.add_vary_header("Authorization, Cookie")
    if known.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in known.split(",")):
        del headers["content-length"]
        del headers["content-type"]
        start["status"], body = 304, b""
    await send({**start, "headers": headers.raw})
    await send({"type": "http.response.body", "body": body})
