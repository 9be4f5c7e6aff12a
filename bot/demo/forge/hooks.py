"""Webhooks on their way to the bot: signed, kept, held back, put in another order, sent again (FORGES §1.1)."""

import hashlib
import hmac
import json
import queue
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx

from bot.demo.forge.state import RepoHook, World

TIMEOUT: Final = 10.0
"""Seconds that the receiver has for its answer."""
ALWAYS_SENT: Final = ("ping", "installation", "installation_repositories")


@dataclass(slots=True, kw_only=True)
class Delivery:
    id: int
    guid: str
    event: str
    action: str | None
    payload: dict[str, Any]
    hook: RepoHook | None = None
    """None: the App's."""
    redelivery: bool = False
    delivered_at: float = 0.0
    duration: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    status_code: int = 0
    """0: no answer yet, or none at all."""
    answer: str = ""

    @property
    def arrived(self) -> bool:
        return httpx.codes.is_success(self.status_code)

    @property
    def body(self) -> bytes:
        return json.dumps(self.payload, separators=(",", ":"), ensure_ascii=False).encode()


class Hooks:
    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: queue.Queue[Delivery | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        # Without authorities: webhooks go to plain http on loopback, and loading what nobody needs takes long.
        self._client = httpx.Client(timeout=TIMEOUT, trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        self.sent: list[Delivery] = []
        self.held: list[Delivery] | None = None
        """Not None: what is kept back until `release`."""

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._thread:
            self._waiting.put(None)
            self._thread.join(TIMEOUT + 1)
        self._client.close()

    def emit(self, event: str, payload: dict[str, Any], *, to_app: bool = True) -> str:
        """Send an event to the repository's webhooks that subscribe to it, and to the App if it does.

        Gives its GUID, which is the same for all of them, or "" when the App is not told.
        """
        guid = str(uuid.uuid4())
        plain = {name: value for name, value in payload.items() if name != "installation"}
        for hook in self._world.hooks:
            is_its = hook.repo.id == payload.get("repository", {}).get("id")
            if is_its and hook.active and event in hook.events:
                self.deliver(event, plain, guid, hook)
        if not to_app or (event not in ALWAYS_SENT and event not in self._world.app.events):
            return ""
        return self.deliver(event, payload, guid).guid

    def deliver(self, event: str, payload: dict[str, Any], guid: str = "", hook: RepoHook | None = None) -> Delivery:
        """Send any event and payload, to the App unless a repository's webhook is given."""
        delivery = Delivery(
            id=self._world.new_id(),
            guid=guid or str(uuid.uuid4()),
            event=event,
            action=payload.get("action"),
            payload=payload,
            hook=hook,
        )
        if self.held is None:
            self._waiting.put(delivery)
        else:
            self.held.append(delivery)
        return delivery

    def hold(self) -> None:
        self.held = self.held or []

    def release(self, order: Sequence[int] | None = None) -> None:
        """Send what was held, in the order of these indexes (others are lost), and hold no more."""
        held, self.held = self.held or [], None
        for index in range(len(held)) if order is None else order:
            self._waiting.put(held[index])

    def redeliver(self, guid: str, copies: int = 1) -> list[Delivery]:
        """The same GUID and body again, all copies at the same time; returns when all are answered."""
        with self._world.lock:
            first = next(each for each in self.sent if each.guid == guid)
        again = [self._copy(first) for _ in range(copies)]
        with ThreadPoolExecutor(copies) as pool:
            list(pool.map(self._send, again))
        return again

    def send_again(self, delivery: Delivery) -> None:
        """The same GUID and body again, in its turn."""
        self._waiting.put(self._copy(delivery))

    def _copy(self, delivery: Delivery) -> Delivery:
        return replace(delivery, id=self._world.new_id(), redelivery=True, status_code=0, answer="")

    def settle(self, timeout: float = 30.0) -> None:
        """Wait until nothing is on its way. Raises: TimeoutError."""
        wait_until(lambda: not self._waiting.unfinished_tasks, timeout, "webhooks are still on their way")

    def _work(self) -> None:
        while (delivery := self._waiting.get()) is not None:
            self._send(delivery)
            self._waiting.task_done()

    def _send(self, delivery: Delivery) -> None:
        body = delivery.body
        delivery.headers = self.headers_of(delivery)
        delivery.delivered_at = self._world.now()
        started = time.monotonic()
        try:
            url = delivery.hook.config["url"] if delivery.hook else self._world.app.webhook_url
            answer = self._client.post(url, content=body, headers=delivery.headers)
            delivery.status_code, delivery.answer = answer.status_code, answer.text
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            delivery.answer = f"{type(error).__name__}: {error}"
        delivery.duration = round(time.monotonic() - started, 3)
        with self._world.lock:
            self.sent.append(delivery)

    def headers_of(self, delivery: Delivery) -> dict[str, str]:
        """With the signature of its body."""
        app, hook, body = self._world.app, delivery.hook, delivery.body
        key = (hook.config["secret"] if hook else app.webhook_secret).encode()
        signed = {
            "X-Hub-Signature": f"sha1={hmac.new(key, body, hashlib.sha1).hexdigest()}",
            "X-Hub-Signature-256": f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}",
        }
        return {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/pretend",
            "X-GitHub-Delivery": delivery.guid,
            "X-GitHub-Event": delivery.event,
            "X-GitHub-Hook-ID": str(hook.id if hook else app.hook_id),
            "X-GitHub-Hook-Installation-Target-ID": str(hook.repo.id if hook else app.id),
            "X-GitHub-Hook-Installation-Target-Type": "repository" if hook else "integration",
            **(signed if key else {}),
        }


def wait_until(ready: Callable[[], bool], timeout: float, what: str) -> None:
    """Look every 20 ms. Raises: TimeoutError with the words."""
    end = time.monotonic() + timeout
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)
