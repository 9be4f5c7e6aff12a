"""Webhooks on their way to the bot, one after the other, signed as GitLab does it (FORGES §3.1)."""

import base64
import hmac
import json
import ssl
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx

from bot.demo.gitlab.state import Project

_TIMEOUT: Final = 10.0
_SIGNING: Final = "whsec_"
_SUBSCRIBED: Final = {
    "Push Hook": "push_events",
    "Merge Request Hook": "merge_requests_events",
    "Note Hook": "note_events",
}
Json = dict[str, Any]


class Hooks:
    """Sends to the address for all projects, if there is one, and to what each project's own webhooks say."""

    def __init__(self, url: str, secret: str, lock: threading.RLock, new_id: Callable[[], int]) -> None:
        self._everywhere: Json = {"url": url, **_proof(secret), **dict.fromkeys(_SUBSCRIBED.values(), True)}
        self._lock = lock
        self._new_id = new_id
        self._turns: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Before this nothing is sent."""
        self._turns = ThreadPoolExecutor(1, "webhooks")

    def stop(self) -> None:
        if self._turns:
            self._turns.shutdown(cancel_futures=True)

    def settle(self) -> None:
        """Wait until nothing is on its way."""
        if self._turns:
            self._turns.submit(lambda: None).result()

    def emit(self, project: Project, event: str, payload: Json) -> None:
        for hook in [self._everywhere, *project.hooks.values()]:
            if hook["url"] and hook.get(_SUBSCRIBED[event]):
                self.send(project, hook, event, payload, str(uuid.uuid4()))

    def send(self, project: Project, hook: Json, event: str, payload: Json, key: str) -> None:
        if self._turns:
            self._turns.submit(self._send, project, dict(hook), event, payload, key)

    def _send(self, project: Project, hook: Json, event: str, payload: Json, key: str) -> None:
        body = json.dumps(payload).encode()
        headers = _headers(hook, event, body, key)
        try:
            # Plain http on loopback: loading authorities that nobody needs takes long.
            plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            answer = httpx.post(
                hook["url"], content=body, headers=headers, timeout=_TIMEOUT, trust_env=False, verify=plain
            )
            status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            status = 0
        with self._lock:
            project.attempts.insert(0, (self._new_id(), status, headers, payload))


def _proof(secret: str) -> Json:
    return {"signing_token" if secret.startswith(_SIGNING) else "token": secret}


def _headers(hook: Json, event: str, body: bytes, key: str) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "X-Gitlab-Event": event, "Idempotency-Key": key}
    if token := hook.get("token"):
        headers["X-Gitlab-Token"] = token
    if signing := hook.get("signing_token"):
        stamp = str(int(time.time()))
        secret = base64.b64decode(signing.removeprefix(_SIGNING))
        digest = hmac.new(secret, f"{key}.{stamp}.".encode() + body, "sha256").digest()
        headers |= {
            "webhook-id": key,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }
    return headers
