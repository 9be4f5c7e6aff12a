"""`python -m tests.bench.bareweb`: a web server that proves and reads a webhook and does nothing with it."""

import hashlib
import hmac
import json

import uvicorn
from starlette.types import Receive, Scope, Send

from bot.settings import read


def main() -> None:
    settings = read()
    key = settings.hosts[0].webhook_secrets[0].encode() if settings.hosts else b""

    async def receive_call(scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        if scope["method"] == "POST":
            more = True
            while more:
                message = await receive()
                body, more = body + message.get("body", b""), message.get("more_body", False)
            given = dict(scope["headers"])[b"x-hub-signature-256"].decode()
            assert hmac.compare_digest(given, f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}")
            json.loads(body)
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    host, port = settings.address
    uvicorn.run(receive_call, host=host, port=port, log_config=None, access_log=False, lifespan="off")


if __name__ == "__main__":
    main()
