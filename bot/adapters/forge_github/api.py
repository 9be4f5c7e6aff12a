"""GitHub through its App, or with a person's token: the Forge port."""

import base64
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx

from bot.adapters.forge_github import proposing, publishing, standing, statuses
from bot.adapters.forge_github.auth import AppKey, Credentials, PersonalToken, Scope, Tokens
from bot.adapters.forge_github.client import RAW, Client, http_client
from bot.adapters.forge_github.conversation import edit, find, react, reply
from bot.adapters.forge_github.hooks import GitHubWebhooks
from bot.adapters.forge_github.people import person
from bot.adapters.forge_github.session import PER_PAGE, Session
from bot.adapters.forge_github.signature import usable_secrets, verify
from bot.adapters.forge_github.translation import OURS, SUBSCRIBED, is_ours, repository_seen, translate
from bot.adapters.forge_github.webhook import delivery_key, event_name, payload_of
from bot.domain.checks import Check
from bot.domain.dialect import GITHUB, Dialect
from bot.domain.errors import BadInput, ForgeUnavailable, Gone, NotAllowed, Refused
from bot.domain.events import CommentKind, ForgeEvent, Ignored
from bot.domain.findings import Finding
from bot.domain.planning import ChangedFiles
from bot.domain.refs import ForgeName, Person, Repository, RepositoryId, RepositorySeen, Sha
from bot.foreign.calls import json_object
from bot.foreign.clock import ServerClock
from bot.foreign.fields import MAX_LABEL, MAX_MESSAGE, MAX_TITLE, Fields, understood
from bot.foreign.pacing import Lanes
from bot.ports.forge import Access, Change, Commit, Delivery, NewFile, Permission, Reaction
from bot.ports.telemetry import NO_TRACES, Telemetry, Traces

MAX_OPEN_CHANGES: Final = 500
MAX_CHANGE_FILES: Final = 3000
MAX_COMPARE_FILES: Final = 300
"""More than these GitHub doesn't list (FORGES §1.8)."""
_STATUS: Final = "status:"
"""Begins what names a check of an App that may make no check runs (BEHAVIOUR §3)."""
_ERROR_SIZE: Final = 65536
"""Bytes of an answer that are read at least, so that its reason can be told."""
_PERMISSIONS: Final = {
    "admin": Permission.ADMIN,
    "maintain": Permission.WRITE,
    "write": Permission.WRITE,
    "triage": Permission.READ,
    "read": Permission.READ,
}


class GitHubForge:
    dialect: Dialect = GITHUB

    def __init__(
        self,
        name: ForgeName,
        *,
        url: str,
        app_id: str = "",
        private_key: str = "",
        token: str = "",
        secrets: Sequence[str] = (),
        http: httpx.Client | None = None,
        telemetry: Telemetry,
        traces: Traces = NO_TRACES,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
        api_version: str = "2022-11-28",
    ) -> None:
        """`url` is the address that people use: `https://github.com`, or a GitHub Enterprise Server's.

        `token` is a person's, instead of an App: then results are commit statuses, and `secrets` may be missing.

        Raises:
            BadInput: a secret that can be guessed, or a key that can't sign.
        """
        self._name = name
        self._secrets = usable_secrets(secrets) if secrets or not token else ()
        self._app_id = app_id
        self._origin = _origin(url)
        self._http = http or http_client()
        client = Client(
            name,
            api_url(url),
            http=self._http,
            clock=ServerClock(name, now),
            telemetry=telemetry,
            traces=traces,
            monotonic=monotonic,
            api_version=api_version,
        )
        self._app = None if token else Tokens(client, AppKey(app_id, private_key), monotonic)
        self._tokens: Credentials = self._app or PersonalToken(token)
        self._session = Session(client, self._tokens, Lanes(monotonic))
        self.webhooks = GitHubWebhooks(self._session, self._app, self.parse)

    def close(self) -> None:
        self._http.close()

    def read(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str] | None = None) -> Delivery:
        """Raises: BadSignature, UnsupportedMedia, BadInput."""
        verify(self._secrets if secrets is None else [one.encode() for one in secrets], headers, body)
        payload = payload_of(headers, body)
        key, name = delivery_key(headers), event_name(headers)
        event = translate(self._name, self._app_id, name, json_object(payload))
        return Delivery(key=key, name=name, payload=payload, event=event)

    def parse(self, name: str, payload: bytes) -> ForgeEvent | Ignored:
        try:
            return translate(self._name, self._app_id, name, json_object(payload))
        except BadInput as error:
            return Ignored(str(error))

    def lacks(self) -> Sequence[str]:
        return () if self._app else standing.LACKING

    def clock_ahead(self) -> float | None:
        return self._session.client.clock.ahead

    def examine(self) -> Sequence[Finding]:
        if self._app:
            return tuple(standing.of_app(self._session.client, self._app, SUBSCRIBED))
        return tuple(standing.of_person(self._session.client, self._tokens.token(Scope(0))))

    def repository(self, repository: Repository) -> RepositorySeen:
        try:
            data = self._session.by_number(repository)
        except Gone:
            data = self._session.get(repository, "")
        installation = self._tokens.installation(repository)
        seen = understood(lambda: repository_seen(self._name, Fields(data), installation))
        if seen.forge_id != repository.forge_id:
            raise Gone(f"{repository.path} is another repository now")
        return seen

    def find(self, path: str) -> RepositorySeen:
        installation = self._tokens.installation_at(path)
        data = self._session.get(_named(self._name, path, installation), "")
        return understood(lambda: repository_seen(self._name, Fields(data), installation))

    def open_changes(self, repository: Repository) -> Sequence[Change]:
        path = "/pulls{?state,sort,direction,per_page,page}"
        order = {"state": "open", "sort": "updated", "direction": "desc"}
        pages = self._session.pages(repository, path, MAX_OPEN_CHANGES // PER_PAGE, **order)
        return [understood(partial(_change, one)) for page in pages for one in Fields({"pulls": page}).each("pulls")]

    def commit(self, repository: Repository, ref: str) -> Commit:
        data = Fields(self._session.get(repository, "/commits{/ref*}", ref=ref.split("/")))
        inner = understood(lambda: data.inner("commit"))
        author = inner.inner("author").text("name", MAX_LABEL) if inner.has("author") else ""
        sha = understood(lambda: data.sha("sha"))
        return Commit(sha=sha, message=inner.text("message", MAX_MESSAGE), author=author)

    def change(self, repository: Repository, number: int) -> Change:
        data = Fields(self._session.get(repository, "/pulls/{number}", number=str(number)))
        change = understood(lambda: _change(data))
        base = data.inner("base")
        if base.has("repo") and base.inner("repo").data.get("id") != repository.forge_id:
            raise Gone(f"{repository.path} is another repository now")
        return change

    def commit_message(self, repository: Repository, sha: Sha) -> str:
        data = Fields(self._session.get(repository, "/commits/{sha}", sha=sha))
        return understood(lambda: data.inner("commit").text("message", MAX_MESSAGE))

    def permission(self, repository: Repository, person: Person) -> Permission:
        if not person.id or not person.login:
            return Permission.NONE
        try:
            path = "/collaborators/{login}/permission"
            data = Fields(self._session.get(repository, path, login=person.login))
        except Refused:
            return Permission.NONE
        if not data.has("user") or data.inner("user").data.get("id") != person.id:
            return Permission.NONE
        return _PERMISSIONS.get(data.text("permission", 20), Permission.NONE)

    def read_file(self, repository: Repository, sha: Sha, path: str, limit: int) -> bytes | None:
        template = "/contents{/path*}{?ref}"
        try:
            answer = self._session.fetch(
                repository, template, RAW, max(limit + 1, _ERROR_SIZE), path=path.strip("/").split("/"), ref=sha
            )
        except Gone as error:
            if "No commit found" in str(error):
                raise ForgeUnavailable(f"GitHub does not show commit {sha} yet") from error
            return None
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()
        return None if kind == "application/json" else answer.body[: limit + 1]

    def changed_files(
        self, repository: Repository, *, change: int | None, base: Sha | None, head: Sha
    ) -> ChangedFiles | None:
        if change is not None:
            return self._files_of_change(repository, change)
        return self._files_between(repository, base, head) if base else None

    def holds(self, repository: Repository, ref: str, sha: Sha) -> bool:
        return any(self._leads_to(repository, f"{kind}/{ref}", sha) for kind in ("heads", "tags"))

    def publish(self, repository: Repository, check: Check, ref: str | None, *, again: bool = False) -> str:
        if self._app is None:
            return statuses.publish(self._session, repository, check, again=again)
        if ref is not None and ref.startswith(_STATUS):
            return self._as_status(repository, check, again=again)
        try:
            return publishing.publish(self._session, self._app_id, repository, check, ref, again=again)
        except NotAllowed as error:
            with suppress(NotAllowed):
                return self._as_status(repository, check, again=again)
            raise error from None

    def _as_status(self, repository: Repository, check: Check, *, again: bool) -> str:
        return f"{_STATUS}{statuses.publish(self._session, repository, check, again=again)}"

    def react(self, repository: Repository, change: int, comment: int, kind: CommentKind, reaction: Reaction) -> None:
        """Raises: NotAllowed: also for a locked conversation."""
        del change  # comments have numbers of their own
        react(self._session, repository, comment, kind, reaction)

    def reply(self, repository: Repository, change: int, text: str, ref: str | None, *, unique: str = "") -> str:
        """Raises: NotAllowed: also for a locked conversation; Ambiguous: a new comment may have been written."""
        mark = "" if self._app else f"\n\n{OURS}"
        if not unique:
            return reply(self._session, repository, change, text, ref, mark=mark)
        if ref is None:
            ref = find(self._session, repository, change, unique, self._wrote(repository))
        if ref is None:
            return reply(self._session, repository, change, text, None, mark=mark)
        edit(self._session, repository, text, ref, mark=mark)
        return ref

    def _wrote(self, repository: Repository) -> Callable[[Fields], bool]:
        """Tells our comments from others', who may copy what ours hold."""
        if self._app:
            return lambda comment: is_ours(comment, self._app_id, "performed_via_github_app")
        account = Fields(self._session.account(repository))
        me = understood(lambda: account.number("id"))
        return lambda comment: comment.has("user") and comment.inner("user").data.get("id") == me

    def proposes(self, repository: Repository) -> bool:
        return self._app is not None and self._app.writes_files(repository)

    def propose(self, repository: Repository, file: NewFile) -> str:
        """Raises: Ambiguous: a branch or pull request may have been made; repeating finds it."""
        if not self.proposes(repository):
            raise NotAllowed("the GitHub App may read files there and write none")
        address = proposing.propose(replace(self._session, writes_files=True), repository, file)
        if _origin(address) != self._origin:
            raise ForgeUnavailable("the answer leads to another host")
        return address

    def new_file_page(self, repository: Repository, path: str, text: str) -> str:
        """GitHub's own page offers to commit to a new branch and to open a pull request from there."""
        query = urlencode({"filename": path, "value": text})
        return f"{repository.web_url.rstrip('/')}/new/{quote(repository.default_branch)}?{query}"

    def access(self, repository: Repository) -> Access:
        """Raises: Refused: the clone address is not on this forge, where the credential belongs."""
        if _origin(repository.clone_url) != self._origin:
            raise Refused(f"the clone address of {repository.path} is on another host than the forge")
        scope = Scope(self._tokens.installation(repository), repository.forge_id)
        token = self._tokens.token(scope)
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}"}
        return Access(repository.clone_url, headers, refused=lambda: self._tokens.drop(scope, token))

    def _files_of_change(self, repository: Repository, number: int) -> ChangedFiles:
        path = "/pulls/{number}/files{?per_page,page}"
        most = MAX_CHANGE_FILES // PER_PAGE
        files: list[Any] = []
        for page in self._session.pages(repository, path, most, number=str(number)):
            files += _list(page)
        return _changed(files, MAX_CHANGE_FILES)

    def _files_between(self, repository: Repository, base: Sha, head: Sha) -> ChangedFiles | None:
        data = self._compared(repository, base, head)
        return None if data is None else _changed(_list(data.get("files")), MAX_COMPARE_FILES)

    def _leads_to(self, repository: Repository, ref: str, sha: Sha) -> bool:
        try:
            tip = self.commit(repository, ref).sha
        except NotAllowed:
            raise
        except Refused:
            return False
        data = self._compared(repository, tip, sha)
        return data is not None and data.get("status") in ("behind", "identical")

    def _compared(self, repository: Repository, base: Sha, head: Sha) -> dict[str, Any] | None:
        """None: one of them is not there, or they have no history in common."""
        try:
            data = self._session.get(repository, "/compare/{range}", range=f"{base}...{head}")
        except NotAllowed:
            raise
        except Refused:
            return None
        return data if isinstance(data, dict) else {}


def api_url(url: str) -> str:
    """The API of the forge at that address (DESIGN §5). Raises: BadInput."""
    scheme, host, _ = _origin(url)
    if scheme not in ("https", "http") or not host:
        raise BadInput("the forge's address must begin with https:// or http://")
    if _origin(url) == _origin("https://github.com"):
        return "https://api.github.com"
    return f"{url.rstrip('/')}/api/v3"


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "", "", None
    return parsed.scheme, parsed.host, parsed.port


def _change(data: Fields) -> Change:
    head, base = data.inner("head"), data.inner("base")
    return Change(
        number=data.number("number"),
        is_open=data.word("state") == "open",
        draft=data.flag("draft"),
        title=data.text("title", MAX_TITLE),
        head=head.sha("sha"),
        head_ref=head.word("ref"),
        head_repository=head.inner("repo").number("id") if head.has("repo") else None,
        base_ref=base.word("ref"),
        base_sha=base.sha("sha"),
        author=person(data, "user") if data.has("user") else Person(0, "ghost"),
        labels=tuple(name for one in data.each("labels") if (name := one.text("name", MAX_LABEL))),
    )


def _list(files: Any) -> list[Any]:
    """An empty list would mean that nothing has changed, so it isn't guessed."""
    if not isinstance(files, list):
        raise ForgeUnavailable("an answer without a list of files")
    return files


def _changed(files: list[Any], most: int) -> ChangedFiles:
    """Old names of renamed files count as well: something has gone from there."""
    names = [one.get(key) for one in files if isinstance(one, dict) for key in ("filename", "previous_filename")]
    paths = dict.fromkeys(name for name in names if isinstance(name, str) and name)
    return ChangedFiles(tuple(paths), complete=len(files) < most)


def _named(forge: ForgeName, path: str, installation: int | None) -> Repository:
    """Just enough to ask for what a repository is."""
    return Repository(
        id=RepositoryId(0),
        forge=forge,
        forge_id=0,
        path=path,
        private=True,
        default_branch="",
        web_url="",
        clone_url="",
        installation=installation,
    )
