"""GitLab through a token: the Forge port."""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode

from requests.adapters import BaseAdapter

from bot.adapters.forge_gitlab.client import PER_PAGE, Client, is_below, name, project
from bot.adapters.forge_gitlab.conversation import react, reply
from bot.adapters.forge_gitlab.hooks import GitLabWebhooks
from bot.adapters.forge_gitlab.people import person as person_of
from bot.adapters.forge_gitlab.proposing import propose
from bot.adapters.forge_gitlab.publishing import publish
from bot.adapters.forge_gitlab.signature import Secrets, usable_secrets, verify
from bot.adapters.forge_gitlab.standing import examine
from bot.adapters.forge_gitlab.translation import translate
from bot.adapters.forge_gitlab.webhook import check_media, delivery_key, event_name
from bot.domain.checks import Check
from bot.domain.dialect import GITLAB, Dialect
from bot.domain.errors import BadInput, ForgeUnavailable, Gone, NotAllowed, Refused
from bot.domain.events import CommentKind, ForgeEvent, Ignored
from bot.domain.findings import Finding
from bot.domain.planning import ChangedFiles
from bot.domain.refs import ForgeName, Person, Repository, RepositorySeen, Sha
from bot.foreign.calls import json_object
from bot.foreign.fields import MAX_LABEL, MAX_MESSAGE, MAX_REF, MAX_TITLE, MAX_URL, Fields, understood
from bot.ports.forge import Access, Change, Commit, Delivery, NewFile, Permission, Reaction
from bot.ports.telemetry import NO_TRACES, Telemetry, Traces

MAX_OPEN_CHANGES: Final = 500
MAX_CHANGE_FILES: Final = 3000
"""More than these GitLab doesn't list (FORGES §3.5)."""
CERTAIN_FILES: Final = 100
"""So many files a server lists at least, whatever its administrator has set; above it the list may have been cut."""
_WRITE: Final = 30
"""Developer."""
_ADMIN: Final = 40
"""Maintainer."""
_READ: Final = 10
"""Guest."""


class GitLabForge:
    dialect: Dialect = GITLAB

    def __init__(
        self,
        name: ForgeName,
        *,
        url: str,
        token: str,
        secrets: Sequence[str] = (),
        adapter: BaseAdapter | None = None,
        telemetry: Telemetry,
        traces: Traces = NO_TRACES,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        """`url` is the address that people use, with the path below which GitLab lives on its host.

        Raises:
            BadInput: a secret that can be guessed.
        """
        self._name = name
        self._url = url.rstrip("/")
        self._token = token
        self._secrets = usable_secrets(secrets) if secrets else Secrets((), ())
        self._now = now
        self._client = Client(
            name,
            self._url,
            token,
            adapter=adapter,
            telemetry=telemetry,
            traces=traces,
            monotonic=monotonic,
            now=now,
        )
        self.webhooks = GitLabWebhooks(self._client, self.parse, now)

    def read(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str] | None = None) -> Delivery:
        """Raises: BadSignature, UnsupportedMedia, BadInput."""
        known = self._secrets if secrets is None else usable_secrets(secrets)
        signed_id = verify(known, headers, body, self._now())
        check_media(headers)
        key, event = delivery_key(headers, body, signed_id), event_name(headers)
        translated = translate(self._name, self._client.known_me, event, json_object(body))
        return Delivery(key=key, name=event, payload=body, event=translated)

    def parse(self, name: str, payload: bytes) -> ForgeEvent | Ignored:
        try:
            return translate(self._name, self._client.known_me, name, json_object(payload))
        except BadInput as error:
            return Ignored(str(error))

    def lacks(self) -> Sequence[str]:
        return ()

    def clock_ahead(self) -> float | None:
        return self._client.clock.ahead

    def examine(self) -> Sequence[Finding]:
        return tuple(examine(self._client, self._now()))

    def repository(self, repository: Repository) -> RepositorySeen:
        return self._seen(self._client.get(project(repository.forge_id)))

    def find(self, path: str) -> RepositorySeen:
        return self._seen(self._client.get(f"/projects/{name(path)}"))

    def change(self, repository: Repository, number: int) -> Change:
        data = Fields(self._client.get(f"{project(repository.forge_id)}/merge_requests/{number}"))
        base = self._base_of(repository, data)
        return understood(lambda: _change(data, base))

    def open_changes(self, repository: Repository) -> Sequence[Change]:
        """The list lacks what the changes are counted from: their targets' present heads are asked for once."""
        path = f"{project(repository.forge_id)}/merge_requests"
        order = {"state": "opened", "order_by": "updated_at", "sort": "desc"}
        pages = self._client.pages(path, MAX_OPEN_CHANGES // PER_PAGE, **order)
        listed = [Fields(one) for page in pages for one in page]
        targets = {understood(partial(one.word, "target_branch")) for one in listed}
        bases = {branch: self._head_of(repository, branch) for branch in targets}
        found = ((one, bases[one.word("target_branch")]) for one in listed)
        return [understood(partial(_change, one, base)) for one, base in found if base]

    def _head_of(self, repository: Repository, branch: str) -> Sha | None:
        """None: there is no such branch any more."""
        try:
            return self.commit(repository, branch).sha
        except Gone:
            return None

    def commit(self, repository: Repository, ref: str) -> Commit:
        data = Fields(self._client.get(f"{project(repository.forge_id)}/repository/commits/{name(ref)}"))
        author = data.text("author_name", MAX_LABEL)
        return understood(
            lambda: Commit(sha=data.sha("id"), message=data.text("message", MAX_MESSAGE), author=author)
        )

    def commit_message(self, repository: Repository, sha: Sha) -> str:
        return self.commit(repository, sha).message

    def permission(self, repository: Repository, person: Person) -> Permission:
        """Inherited membership counts; who is no member may do nothing here."""
        if not person.id:
            return Permission.NONE
        try:
            member = Fields(self._client.get(f"{project(repository.forge_id)}/members/all/{person.id}"))
        except Refused:
            return Permission.NONE
        if member.data.get("id") != person.id or not _is_active(member):
            return Permission.NONE
        return _permission(member.data.get("access_level"))

    def read_file(self, repository: Repository, sha: Sha, path: str, limit: int) -> bytes | None:
        where = f"{project(repository.forge_id)}/repository/files/{name(path.strip('/'))}/raw"
        try:
            return self._client.raw(where, limit + 1, ref=sha)
        except Gone as error:
            if "Commit Not Found" in str(error):
                raise ForgeUnavailable(f"GitLab does not show commit {sha} yet") from error
            return None

    def changed_files(
        self, repository: Repository, *, change: int | None, base: Sha | None, head: Sha
    ) -> ChangedFiles | None:
        if change is not None:
            return self._files_of_change(repository, change)
        return self._files_between(repository, base, head) if base else None

    def holds(self, repository: Repository, ref: str, sha: Sha) -> bool:
        return any(self._leads_to(repository, kind, ref, sha) for kind in ("branches", "tags"))

    def publish(self, repository: Repository, check: Check, ref: str | None, *, again: bool = False) -> str:
        return publish(self._client, repository, check, ref, again=again)

    def react(self, repository: Repository, change: int, comment: int, kind: CommentKind, reaction: Reaction) -> None:
        """Raises: NotAllowed: also for a locked discussion."""
        del kind  # notes of both kinds are numbered together
        react(self._client, repository, change, comment, reaction)

    def reply(self, repository: Repository, change: int, text: str, ref: str | None, *, unique: str = "") -> str:
        """Raises: NotAllowed: also for a locked discussion; Ambiguous: a new note may have been written."""
        return reply(self._client, repository, change, text, ref, unique)

    def proposes(self, repository: Repository) -> bool:
        del repository  # whether the token may write there shows when it does
        return True

    def propose(self, repository: Repository, file: NewFile) -> str:
        """Raises: Ambiguous: a branch or merge request may have been made; repeating finds it."""
        return propose(self._client, self._url, repository, file)

    def new_file_page(self, repository: Repository, path: str, text: str) -> str:
        """GitLab's own page takes no text."""
        del text
        query = urlencode({"file_name": path})
        return f"{repository.web_url.rstrip('/')}/-/new/{quote(repository.default_branch)}?{query}"

    def access(self, repository: Repository) -> Access:
        """Raises: Refused: the clone address is not on this forge, where the credential belongs."""
        if not is_below(repository.clone_url, self._url):
            raise Refused(f"the clone address of {repository.path} is on another host than the forge")
        basic = base64.b64encode(f"oauth2:{self._token}".encode()).decode()
        return Access(repository.clone_url, {"Authorization": f"Basic {basic}"})

    def _seen(self, answer: Any) -> RepositorySeen:
        data = Fields(answer)
        return understood(
            lambda: RepositorySeen(
                forge=self._name,
                forge_id=data.number("id"),
                path=data.word("path_with_namespace"),
                private=data.text("visibility", 20) != "public",
                default_branch=data.text("default_branch", MAX_REF),
                web_url=data.word("web_url", MAX_URL),
                clone_url=data.word("http_url_to_repo", MAX_URL),
            )
        )

    def _base_of(self, repository: Repository, change: Fields) -> Sha:
        """Just after a merge request was made its own answer may lack it."""
        if change.has("diff_refs") and change.inner("diff_refs").knows("start_sha"):
            return understood(lambda: change.inner("diff_refs").sha("start_sha"))
        return self.commit(repository, understood(lambda: change.word("target_branch"))).sha

    def _files_of_change(self, repository: Repository, number: int) -> ChangedFiles:
        path = f"{project(repository.forge_id)}/merge_requests/{number}"
        files = [one for page in self._client.pages(f"{path}/diffs", MAX_CHANGE_FILES // PER_PAGE) for one in page]
        complete = len(files) < CERTAIN_FILES or (
            Fields(self._client.get(path)).text("changes_count", 20) == str(len(files))
        )
        return _changed(files, complete=complete)

    def _files_between(self, repository: Repository, base: Sha, head: Sha) -> ChangedFiles | None:
        data = self._compared(repository, base, head)
        if data is None:
            return None
        files = data.get("diffs")
        if not isinstance(files, list):
            raise ForgeUnavailable("an answer without a list of files")
        return _changed(files, complete=len(files) < CERTAIN_FILES and data.get("compare_timeout") is not True)

    def _leads_to(self, repository: Repository, kind: str, ref: str, sha: Sha) -> bool:
        try:
            found = Fields(self._client.get(f"{project(repository.forge_id)}/repository/{kind}/{name(ref)}"))
        except NotAllowed:
            raise
        except Refused:
            return False
        data = self._compared(repository, understood(lambda: found.inner("commit").sha("id")), sha)
        return data is not None and data.get("commits") == []

    def _compared(self, repository: Repository, base: Sha, head: Sha) -> dict[str, Any] | None:
        """None: one of them is not there, or they have no history in common."""
        path = f"{project(repository.forge_id)}/repository/compare"
        try:
            data = self._client.get(path, **{"from": base, "to": head})
        except NotAllowed:
            raise
        except Refused:
            return None
        return data if isinstance(data, dict) else {}


def _permission(level: object) -> Permission:
    if isinstance(level, bool) or not isinstance(level, int):
        return Permission.NONE
    steps = ((_ADMIN, Permission.ADMIN), (_WRITE, Permission.WRITE), (_READ, Permission.READ))
    return next((permission for least, permission in steps if level >= least), Permission.NONE)


def _is_active(member: Fields) -> bool:
    """Neither blocked nor still to be let in."""
    found = (member.text("state", 50) or "active", member.text("membership_state", 50) or "active")
    return found == ("active", "active")


def _change(data: Fields, base: Sha) -> Change:
    return Change(
        number=data.number("iid"),
        is_open=data.word("state") == "opened",
        draft=data.flag("draft") or data.flag("work_in_progress"),
        title=data.text("title", MAX_TITLE),
        head=data.sha("sha"),
        head_ref=data.word("source_branch"),
        head_repository=data.number("source_project_id") if data.knows("source_project_id") else None,
        base_ref=data.word("target_branch"),
        base_sha=base,
        author=person_of(data.inner("author")) if data.has("author") else Person(0, "ghost"),
        labels=_labels(data.data.get("labels")),
    )


def _labels(found: object) -> tuple[str, ...]:
    names = found if isinstance(found, list) else []
    return tuple(name[:MAX_LABEL] for name in names if isinstance(name, str) and name)


def _changed(files: list[Any], *, complete: bool) -> ChangedFiles:
    """Old names of renamed files count as well: something has gone from there."""
    names = [one.get(key) for one in files if isinstance(one, dict) for key in ("new_path", "old_path")]
    paths = dict.fromkeys(path for path in names if isinstance(path, str) and path)
    return ChangedFiles(tuple(paths), complete=complete)
