"""GitHub's webhook payloads as domain events: one closed table, everything else is ignored with its reason."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from bot.adapters.forge_github.people import person
from bot.domain.events import (
    ActionAsked,
    ChangeClosed,
    ChangeUpdated,
    Commented,
    CommentKind,
    ForgeEvent,
    Ignored,
    InstallationChanged,
    MergeGroupAsked,
    MergeGroupGone,
    Pushed,
    RefDeleted,
    RepositoryMoved,
    RerunAsked,
)
from bot.domain.refs import ForgeName, Person, RepositorySeen
from bot.foreign.calls import printable
from bot.foreign.fields import (
    MAX_LOGIN,
    MAX_MESSAGE,
    MAX_REF,
    MAX_URL,
    Fields,
    Incomplete,
)

Translated = ForgeEvent | Ignored

OURS: Final = "<!-- assay -->"
"""Ends what we write with a person's token, for nothing else tells it from what that person writes; never shown."""
_NO_COMMANDS: Final = "commands are read from comments on pull requests"
_MAX_WORD: Final = 100
"""Characters of the names that GitHub or we make up."""
_UPDATES: Final = frozenset({"opened", "reopened", "synchronize", "ready_for_review", "labeled", "unlabeled"})
_MOVES: Final = frozenset({"renamed", "transferred", "privatized", "publicized"})
_INSTALLED: Final = {
    "created": True,
    "unsuspend": True,
    "new_permissions_accepted": True,
    "deleted": False,
    "suspend": False,
}


def translate(forge: ForgeName, app_id: str, name: str, data: Mapping[str, Any]) -> Translated:
    """Never raises for anything that JSON can hold. `app_id`: our App's number or client id."""
    if name == "ping":
        return Ignored("ping")
    if name in _UNUSED:
        return Ignored(f"{name}: {_UNUSED[name]}")
    if name not in _EVENTS:
        return Ignored(f"unsupported event: {name or 'none is named'}")
    try:
        return _EVENTS[name](forge, app_id, Fields(data))
    except Incomplete as error:
        return Ignored(f"incomplete payload: {error}")


def repository_seen(forge: ForgeName, repository: Fields, installation: int | None) -> RepositorySeen:
    """What cannot be told is taken for private."""
    clone_url = repository.text("clone_url", MAX_URL)
    web_url = repository.text("html_url", MAX_URL) or clone_url.removesuffix(".git") or repository.word("html_url")
    return RepositorySeen(
        forge=forge,
        forge_id=repository.number("id"),
        path=repository.word("full_name"),
        private=repository.flag("private", default=True),
        default_branch=repository.text("default_branch", MAX_REF),
        web_url=web_url,
        clone_url=clone_url or f"{web_url}.git",
        installation=installation,
    )


def _seen(forge: ForgeName, data: Fields) -> RepositorySeen:
    installation = data.inner("installation").number("id") if data.has("installation") else None
    return repository_seen(forge, data.inner("repository"), installation)


def _push(forge: ForgeName, _: str, data: Fields) -> Translated:
    kind, _, name = data.word("ref").removeprefix("refs/").partition("/")
    if kind not in ("heads", "tags") or not name:
        return Ignored("a push to neither branch nor tag")
    if kind == "heads" and name.startswith("gh-readonly-queue/"):
        return Ignored("merge queue branch")
    branch, tag = (name, None) if kind == "heads" else (None, name)
    if data.flag("deleted") or data.is_zero("after"):
        return RefDeleted(repository=_seen(forge, data), branch=branch, tag=tag)
    head = data.inner("head_commit") if data.has("head_commit") else None
    return Pushed(
        repository=_seen(forge, data),
        branch=branch,
        tag=tag,
        sha=head.sha("id") if head else data.sha("after"),
        before=None if data.is_zero("before") or data.flag("created") else data.sha("before"),
        message=head.text("message", MAX_MESSAGE) if head else "",
        sender=_sender(data),
    )


def _sender(data: Fields) -> Person:
    """Deploy keys push without an account: then there is a name, but nobody (number 0) who could be asked about."""
    if not data.has("sender"):
        return Person(0, data.inner("pusher").text("name", MAX_LOGIN) if data.has("pusher") else "")
    sender = data.inner("sender")
    return person(data, "sender") if sender.knows("id") else Person(0, sender.text("login", MAX_LOGIN))


def _pull_request(forge: ForgeName, _: str, data: Fields) -> Translated:
    action, change = _action(data), data.inner("pull_request")
    if action == "closed":
        return ChangeClosed(
            repository=_seen(forge, data),
            number=change.number("number"),
            merged=change.flag("merged"),
            sender=_sender(data),
        )
    if action == "edited":
        if not (data.has("changes") and data.inner("changes").has("base")):
            return Ignored("pull_request edited: the target branch is the same")
        action = "retargeted"
    elif action not in _UPDATES:
        return _unused_action("pull_request", action)
    return ChangeUpdated(
        repository=_seen(forge, data),
        number=change.number("number"),
        action=action,
        head=change.inner("head").sha("sha"),
        updated_at=change.time("updated_at"),
        sender=_sender(data),
    )


def _issue_comment(forge: ForgeName, app_id: str, data: Fields) -> Translated:
    issue = data.inner("issue")
    if not issue.has("pull_request"):
        return Ignored("a comment on an issue, not on a pull request")
    return _comment(forge, app_id, data, issue, CommentKind.CHANGE)


def _review_comment(forge: ForgeName, app_id: str, data: Fields) -> Translated:
    return _comment(forge, app_id, data, data.inner("pull_request"), CommentKind.REVIEW)


def _comment(forge: ForgeName, app_id: str, data: Fields, change: Fields, kind: CommentKind) -> Translated:
    """Only a new comment's own text counts (S038, C18); what we write ourselves never does (C13)."""
    action, comment = _action(data), data.inner("comment")
    if action != "created":
        return Ignored(f"comment {printable(action, 64)}: only new ones are read")
    if any(is_ours(one, app_id, "performed_via_github_app") for one in (comment, data)):
        return Ignored("a comment by ourselves")
    if comment.text("body", MAX_MESSAGE).rstrip().endswith(OURS):
        return Ignored("a comment by ourselves")
    return Commented(
        repository=_seen(forge, data),
        number=change.number("number"),
        comment=comment.number("id"),
        kind=kind,
        author=person(comment, "user"),
        text=comment.text("body", MAX_MESSAGE),
        created_at=comment.time("created_at"),
    )


def _check_run(forge: ForgeName, app_id: str, data: Fields) -> Translated:
    action, run = _action(data), data.inner("check_run")
    if action not in ("rerequested", "requested_action"):
        return _unused_action("check_run", action)
    if not is_ours(run, app_id):
        return Ignored("a check of another App")
    seen, sha, external_id = _seen(forge, data), run.sha("head_sha"), run.word("external_id")
    if action == "rerequested":
        return RerunAsked(repository=seen, sha=sha, external_id=external_id, sender=_sender(data))
    identifier = data.inner("requested_action").word("identifier", _MAX_WORD)
    return ActionAsked(repository=seen, sha=sha, external_id=external_id, identifier=identifier, sender=_sender(data))


def _check_suite(forge: ForgeName, app_id: str, data: Fields) -> Translated:
    action, suite = _action(data), data.inner("check_suite")
    if action != "rerequested":
        return _unused_action("check_suite", action)
    if not is_ours(suite, app_id):
        return Ignored("checks of another App")
    return RerunAsked(
        repository=_seen(forge, data), sha=suite.sha("head_sha"), external_id=None, sender=_sender(data)
    )


def _merge_group(forge: ForgeName, _: str, data: Fields) -> Translated:
    action, group = _action(data), data.inner("merge_group")
    if action == "destroyed":
        reason = data.text("reason", _MAX_WORD)
        return MergeGroupGone(repository=_seen(forge, data), sha=group.sha("head_sha"), reason=reason)
    if action != "checks_requested":
        return _unused_action("merge_group", action)
    return MergeGroupAsked(
        repository=_seen(forge, data),
        sha=group.sha("head_sha"),
        ref=group.word("head_ref").removeprefix("refs/heads/"),
        base_ref=group.word("base_ref").removeprefix("refs/heads/"),
        base_sha=group.sha("base_sha"),
        message=group.inner("head_commit").text("message", MAX_MESSAGE) if group.has("head_commit") else "",
        sender=_sender(data),
    )


def is_ours(data: Fields, app_id: str, name: str = "app") -> bool:
    """Does that name our App, which is known by its number or its client id."""
    app = data.inner(name) if data.has(name) else Fields({})
    return app_id in (str(app.data.get("id")), app.data.get("client_id"))


def _repository(forge: ForgeName, _: str, data: Fields) -> Translated:
    action = _action(data)
    edited = action == "edited" and data.has("changes") and data.inner("changes").has("default_branch")
    if action in _MOVES or edited:
        return RepositoryMoved(repository=_seen(forge, data))
    return _unused_action("repository", action)


def _installation(forge: ForgeName, _: str, data: Fields) -> Translated:
    action = _action(data)
    if action not in _INSTALLED:
        return _unused_action("installation", action)
    number = data.inner("installation").number("id")
    return InstallationChanged(forge=forge, installation=number, active=_INSTALLED[action])


def _installation_repositories(forge: ForgeName, _: str, data: Fields) -> Translated:
    action = _action(data)
    if action not in ("added", "removed"):
        return _unused_action("installation_repositories", action)
    return InstallationChanged(
        forge=forge,
        installation=data.inner("installation").number("id"),
        active=True,
        removed=tuple(one.number("id") for one in data.each("repositories_removed")),
    )


def _action(data: Fields) -> str:
    return data.word("action", _MAX_WORD)


def _unused_action(name: str, action: str) -> Ignored:
    return Ignored(f"{name} {printable(action, 64)}: nothing to do")


_EVENTS: Final[Mapping[str, Callable[[ForgeName, str, Fields], Translated]]] = {
    "push": _push,
    "pull_request": _pull_request,
    "issue_comment": _issue_comment,
    "pull_request_review_comment": _review_comment,
    "check_run": _check_run,
    "check_suite": _check_suite,
    "merge_group": _merge_group,
    "repository": _repository,
    "installation": _installation,
    "installation_repositories": _installation_repositories,
}
_UNUSED: Final = {
    "commit_comment": _NO_COMMANDS,
    "pull_request_review": _NO_COMMANDS,
    "create": "the push says the same",
    "delete": "the push says the same",
    "installation_target": "names are read anew with the next event of a repository",
}

SUBSCRIBED: Final = (
    "check_run",
    "check_suite",
    "issue_comment",
    "merge_group",
    "pull_request",
    "pull_request_review_comment",
    "push",
    "repository",
)
"""What an App must ask for; events of installations come without being asked for (FORGES §1.2)."""
