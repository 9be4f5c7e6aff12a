"""Webhooks of repositories and of the App: made, watched, asked to send again (FORGES §1.1)."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import httpx

from bot.adapters.forge_github.answers import json_of
from bot.adapters.forge_github.auth import Tokens
from bot.adapters.forge_github.client import Answer, Request
from bot.adapters.forge_github.session import PER_PAGE, Session
from bot.adapters.forge_github.webhook import delivery_key, event_name
from bot.domain.errors import Ambiguous, ForgeUnavailable, Gone, NotAllowed
from bot.domain.events import ForgeEvent, Ignored
from bot.domain.refs import Repository
from bot.foreign.fields import MAX_URL, Fields, Incomplete
from bot.foreign.pacing import Urgency
from bot.ports.forge import Delivery
from bot.ports.webhooks import Hook, Sent

EVENTS: Final = ("issue_comment", "pull_request", "pull_request_review_comment", "push", "repository")
"""What a repository's webhook can tell us; events of checks and merge groups go to Apps alone."""
_MOST_HOOKS: Final = 2
"""Pages; GitHub allows 20 webhooks for an event, its server for enterprises 250."""
_MOST_PAGES: Final = 50
_LONGEST_ANSWER: Final = 100
_APP: Final = "/app/hook/deliveries"
_RIGHT: Final = (
    "the token may not manage webhooks of {path}: it needs the scope admin:repo_hook (fine-grained tokens: "
    "Webhooks, read and write), and its owner must be an admin of the repository"
)


class GitHubWebhooks:
    """`app` is None where a person's token is used. `parse` as in Forge."""

    def __init__(
        self, session: Session, app: Tokens | None, parse: Callable[[str, bytes], ForgeEvent | Ignored]
    ) -> None:
        self._session = session
        self._app = app
        self._parse = parse

    def of_installation(self) -> bool:
        return self._app is not None

    def put(self, repository: Repository, url: str, secret: str) -> int:
        body = {"active": True, "events": list(EVENTS), "config": _config(url, secret)}
        try:
            known = self._at(repository, url)
            self._session.reserve(repository, 1, Urgency.ASKED)
            if known is None:
                made = self._session.write(repository, "POST", "/hooks", {"name": "web", **body})
            else:
                made = self._session.overwrite(repository, "PATCH", "/hooks/{hook}", body, hook=str(known))
        except Gone as error:
            raise NotAllowed(_RIGHT.format(path=repository.path)) from error
        try:
            return Fields(made).number("id")
        except Incomplete as error:
            raise Ambiguous("a webhook was made, but its number is not known") from error

    def remove(self, hook: Hook) -> None:
        self._session.reserve(hook.repository, 1, Urgency.ASKED)
        try:
            self._session.overwrite(hook.repository, "DELETE", "/hooks/{hook}", None, hook=str(hook.number))
        except Gone:
            return

    def ping(self, hook: Hook) -> None:
        self._session.reserve(hook.repository, 1, Urgency.ASKED)
        self._session.overwrite(hook.repository, "POST", "/hooks/{hook}/pings", None, hook=str(hook.number))

    def trouble(self, hook: Hook) -> str:
        try:
            data = Fields(self._session.get(hook.repository, "/hooks/{hook}", hook=str(hook.number)))
        except Gone:
            return f"{hook.repository.path} has no such webhook any more, or the token may not see it"
        if not data.flag("active", default=True):
            return "the webhook is switched off"
        last = data.inner("last_response") if data.has("last_response") else Fields({})
        code = last.data.get("code")
        if not isinstance(code, int) or isinstance(code, bool) or httpx.codes.is_success(code):
            return ""
        return f"its last delivery was answered with {code}: {last.text('message', 200) or 'no words'}"

    def sent(self, hook: Hook | None, since: datetime) -> Sequence[Sent]:
        if hook is None and self._app is None:
            return ()
        found = []
        for row in self._rows(hook):
            one = _sent(row)
            if one is not None and one.at < since:
                break
            found += [one] if one else []
        return found

    def last(self, hook: Hook | None) -> Sent | None:
        if hook is None and self._app is None:
            return None
        return next(filter(None, map(_sent, self._rows(hook))), None)

    def send_again(self, hook: Hook | None, sent: Sent) -> None:
        if hook is not None:
            self._session.reserve(hook.repository, 1)
            path = "/hooks/{hook}/deliveries/{id}/attempts"
            self._session.overwrite(hook.repository, "POST", path, None, hook=str(hook.number), id=str(sent.id))
        elif self._app is not None:
            self._app.as_app(Request(method="POST", path=f"{_APP}/{{id}}/attempts", names={"id": str(sent.id)}))

    def fetch(self, hook: Hook | None, sent: Sent) -> Delivery:
        request = Fields(self._details(hook, sent)).inner("request")
        headers, payload = request.data.get("headers"), request.data.get("payload")
        if not isinstance(headers, dict) or not isinstance(payload, dict):
            raise ForgeUnavailable("a delivery without headers or payload")
        told = {str(name): str(value) for name, value in headers.items()}
        name, body = event_name(told), json.dumps(payload).encode()
        return Delivery(key=delivery_key(told), name=name, payload=body, event=self._parse(name, body))

    def _details(self, hook: Hook | None, sent: Sent) -> Any:
        if hook is not None:
            path = "/hooks/{hook}/deliveries/{id}"
            return self._session.get(hook.repository, path, hook=str(hook.number), id=str(sent.id))
        if self._app is None:
            raise Gone("no App, no webhook of an App")
        return self._app.as_app(Request(method="GET", path=f"{_APP}/{{id}}", names={"id": str(sent.id)}))

    def _at(self, repository: Repository, url: str) -> int | None:
        for page in self._session.pages(repository, "/hooks{?per_page,page}", _MOST_HOOKS):
            for one in Fields({"hooks": page}).each("hooks"):
                if one.has("config") and one.inner("config").text("url", MAX_URL) == url:
                    return one.number("id")
        return None

    def _rows(self, hook: Hook | None) -> Iterator[Fields]:
        """Page by page; only the cursor of the link to the next one is believed."""
        names = {"per_page": str(PER_PAGE)}
        for _ in range(_MOST_PAGES):
            answer = self._list(hook, names)
            data, more = json_of(answer, self._session.client.clock.now())
            yield from Fields({"rows": data}).each("rows")
            cursor = _cursor(answer) if more else ""
            if not cursor:
                return
            names["cursor"] = cursor

    def _list(self, hook: Hook | None, names: dict[str, str]) -> Answer:
        if hook is not None:
            path = "/hooks/{hook}/deliveries{?per_page,cursor}"
            return self._session.answer(hook.repository, path, hook=str(hook.number), **names)
        assert self._app is not None
        return self._app.answer_to_app(Request(method="GET", path=f"{_APP}{{?per_page,cursor}}", names=names))


def _config(url: str, secret: str) -> dict[str, str]:
    """Whole, for GitHub forgets what is left out of it."""
    return {"url": url, "content_type": "json", "insecure_ssl": "0", "secret": secret}


def _sent(row: Fields) -> Sent | None:
    """None: it can't be understood."""
    at, code = row.time("delivered_at"), row.data.get("status_code")
    guid = row.text("guid", 100)
    if at is None or not guid or not isinstance(row.data.get("id"), int):
        return None
    repository = row.data.get("repository_id")
    return Sent(
        id=row.data["id"],
        key=guid,
        at=at,
        arrived=isinstance(code, int) and httpx.codes.is_success(code),
        answer=row.text("status", _LONGEST_ANSWER),
        repository=repository if isinstance(repository, int) else None,
    )


def _cursor(answer: Answer) -> str:
    links = httpx.Response(200, headers=answer.headers).links
    try:
        return str(httpx.URL(links.get("next", {}).get("url", "")).params.get("cursor", ""))
    except httpx.InvalidURL:
        return ""
