"""Webhooks of projects: made, watched, asked to send again (FORGES §3.1, §3.5)."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from bot.adapters.forge_gitlab.client import Client, project
from bot.adapters.forge_gitlab.webhook import delivery_key, event_name
from bot.domain.errors import Ambiguous, ForgeUnavailable, Gone, NotAllowed, Refused
from bot.domain.events import ForgeEvent, Ignored
from bot.domain.refs import Repository
from bot.foreign.fields import MAX_URL, Fields, Incomplete, understood
from bot.foreign.pacing import Urgency
from bot.ports.forge import Delivery
from bot.ports.webhooks import Hook, Sent

_EVENTS: Final = {
    "push_events": True,
    "tag_push_events": True,
    "merge_requests_events": True,
    "note_events": True,
    "confidential_note_events": False,
    "enable_ssl_verification": True,
}
_SIGNING: Final = "whsec_"
_MOST_PAGES: Final = 10
_RIGHT: Final = (
    "the token may not manage webhooks of {path}: it needs the scope api, and its user the role Maintainer there"
)


class GitLabWebhooks:
    """`parse` as in Forge."""

    def __init__(
        self,
        client: Client,
        parse: Callable[[str, bytes], ForgeEvent | Ignored],
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._parse = parse
        self._now = now

    def of_installation(self) -> bool:
        return False

    def put(self, repository: Repository, url: str, secret: str) -> int:
        proof = "signing_token" if secret.startswith(_SIGNING) else "token"
        body = {**_EVENTS, "url": url, proof: secret}
        try:
            known = self._at(repository, url)
            self._client.reserve(repository.forge_id, Urgency.ASKED)
            if known is None:
                made = self._write(repository, "post", "", body, once=True)
            else:
                made = self._write(repository, "put", f"/{known}", body)
        except (Gone, NotAllowed) as error:
            raise NotAllowed(_RIGHT.format(path=repository.path)) from error
        try:
            return Fields(made).number("id")
        except Incomplete as error:
            raise Ambiguous("a webhook was made, but its number is not known") from error

    def remove(self, hook: Hook) -> None:
        self._client.reserve(hook.repository.forge_id, Urgency.ASKED)
        try:
            self._write(hook.repository, "delete", f"/{hook.number}", None)
        except Gone:
            return

    def ping(self, hook: Hook) -> None:
        """GitLab sends the default branch's head as if it had been pushed; what was built is not built again."""
        self._client.reserve(hook.repository.forge_id, Urgency.ASKED)
        self._write(hook.repository, "post", f"/{hook.number}/test/push_events", None)

    def trouble(self, hook: Hook) -> str:
        try:
            data = Fields(self._client.get(f"{_hooks(hook.repository)}/{hook.number}"))
        except Gone:
            return f"{hook.repository.path} has no such webhook any more, or the token may not see it"
        status = data.text("alert_status", 50)
        if status == "disabled":
            return "GitLab has switched off the webhook after many failures; a test that works switches it on again"
        if status == "temporarily_disabled":
            return f"GitLab has switched off the webhook until {data.text('disabled_until', 50) or 'later'}"
        return ""

    def sent(self, hook: Hook | None, since: datetime) -> Sequence[Sent]:
        """GitLab keeps seven days and tells no times, except in what it signs."""
        if hook is None:
            return ()
        found = map(self._sent, self._rows(hook))
        return [one for one in found if one is not None and one.at >= since]

    def last(self, hook: Hook | None) -> Sent | None:
        return None if hook is None else next(filter(None, map(self._sent, self._rows(hook))), None)

    def send_again(self, hook: Hook | None, sent: Sent) -> None:
        if hook is not None:
            self._client.reserve(hook.repository.forge_id)
            self._write(hook.repository, "post", f"/{hook.number}/events/{sent.id}/resend", None)

    def fetch(self, hook: Hook | None, sent: Sent) -> Delivery:
        row = next((one for one in self._rows(hook) if one.data.get("id") == sent.id), None) if hook else None
        if row is None:
            raise Gone("GitLab has forgotten that delivery")
        headers, payload = row.data.get("request_headers"), row.data.get("request_data")
        if not isinstance(headers, dict) or not isinstance(payload, dict):
            raise ForgeUnavailable("a delivery without headers or payload")
        told = _texts(headers)
        name, body = event_name(told), _json(payload)
        return Delivery(key=delivery_key(told, body, ""), name=name, payload=body, event=self._parse(name, body))

    def _at(self, repository: Repository, url: str) -> int | None:
        for page in self._client.pages(_hooks(repository), _MOST_PAGES):
            for one in map(Fields, page):
                if one.text("url", MAX_URL) == url:
                    return understood(partial(one.number, "id"))
        return None

    def _rows(self, hook: Hook) -> Iterator[Fields]:
        for page in self._client.pages(f"{_hooks(hook.repository)}/{hook.number}/events", _MOST_PAGES):
            yield from map(Fields, page)

    def _sent(self, row: Fields) -> Sent | None:
        """None: it can't be understood."""
        headers, number = row.data.get("request_headers"), row.data.get("id")
        if not isinstance(headers, dict) or not isinstance(number, int):
            return None
        told = _texts(headers)
        stamp = told.get("webhook-timestamp", "")
        at = row.time("created_at") or (datetime.fromtimestamp(int(stamp), UTC) if _is_stamp(stamp) else self._now())
        payload = row.data.get("request_data")
        return Sent(
            id=number,
            key=delivery_key(told, _json(payload), ""),
            at=at,
            arrived=row.text("response_status", 50).startswith(("2", "3")),
            answer=row.text("response_status", 50),
        )

    def _write(
        self, repository: Repository, method: str, path: str, body: Mapping[str, Any] | None, *, once: bool = False
    ) -> Any:
        """It must have been reserved."""
        try:
            return self._client.write(repository.forge_id, method, f"{_hooks(repository)}{path}", body, once=once)
        except (Gone, NotAllowed):
            raise
        except Refused as error:
            raise Refused(f"GitLab does not take the webhook: {error}") from error


def _hooks(repository: Repository) -> str:
    return f"{project(repository.forge_id)}/hooks"


def _texts(headers: Mapping[str, Any]) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()}


def _is_stamp(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10  # noqa: PLR2004  # seconds, this century


def _json(payload: object) -> bytes:
    return json.dumps(payload).encode()
