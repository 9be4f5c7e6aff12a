"""What each service wants to be told, and how."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import quote

from bot.adapters.channel_http import guard
from bot.domain.errors import Refused
from bot.domain.notices import Message

_JSON = {"Content-Type": "application/json"}


def _body(facts: object) -> bytes:
    return json.dumps(facts, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Slack:
    """An incoming webhook, of Slack or of what speaks its language (Mattermost, Rocket.Chat)."""

    url: str = field(repr=False)
    local: bool = False
    kind: ClassVar[str] = "slack"

    def __post_init__(self) -> None:
        guard.target(self.url, local=self.local)

    def send(self, message: Message) -> None:
        text = f"{_slack_text(message.text)} <{message.url}|Build>"
        guard.call("POST", self.url, _JSON, _body({"text": text}), local=self.local)


def _slack_text(text: str) -> str:
    """Its three special characters; nothing else can make a link or call a person (Slack: formatting text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(frozen=True, slots=True)
class Matrix:
    """A room, as a user whose access token we have (Matrix client-server API, PUT …/send/m.room.message/{txn})."""

    server: str
    room: str
    token: str = field(repr=False)
    local: bool = False
    kind: ClassVar[str] = "matrix"

    def __post_init__(self) -> None:
        guard.target(self.server, local=self.local)

    def send(self, message: Message) -> None:
        path = f"/_matrix/client/v3/rooms/{quote(self.room, safe='')}/send/m.room.message/{message.key}"
        body = _body({"msgtype": "m.notice", "body": f"{message.text} {message.url}"})
        headers = {**_JSON, "Authorization": f"Bearer {self.token}"}
        guard.call("PUT", f"{self.server.rstrip('/')}{path}", headers, body, local=self.local)


@dataclass(frozen=True, slots=True)
class Webhook:
    """A call that the receiver can verify (Standard Webhooks): HMAC-SHA256 over `id.timestamp.body`."""

    url: str
    secret: str = field(repr=False)
    """`whsec_` and 24 to 64 bytes as base64."""
    now: Callable[[], datetime]
    local: bool = False
    kind: ClassVar[str] = "webhook"

    def __post_init__(self) -> None:
        guard.target(self.url, local=self.local)
        _key(self.secret)

    def send(self, message: Message) -> None:
        at = int(self.now().timestamp())
        body = _body({"type": message.facts.get("type"), "timestamp": _iso(self.now()), "data": message.facts})
        signed = hmac.digest(_key(self.secret), b"%s.%d.%s" % (message.key.encode(), at, body), hashlib.sha256)
        headers = {
            **_JSON,
            "webhook-id": message.key,
            "webhook-timestamp": str(at),
            "webhook-signature": f"v1,{base64.b64encode(signed).decode('ascii')}",
        }
        guard.call("POST", self.url, headers, body, local=self.local)


def _iso(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _key(secret: str) -> bytes:
    """Raises: Refused."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError as error:
        raise Refused("the secret of a webhook is whsec_ and base64") from error
    if not 24 <= len(key) <= 64:  # noqa: PLR2004  # Standard Webhooks
        raise Refused("the secret of a webhook has 24 to 64 bytes")
    return key
