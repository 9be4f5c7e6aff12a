"""GitLab's webhook payloads as domain events: one closed table, everything else is ignored with its reason."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from bot.adapters.forge_gitlab.people import anybody
from bot.domain.events import (
    ChangeClosed,
    ChangeUpdated,
    Commented,
    CommentKind,
    ForgeEvent,
    Ignored,
    Pushed,
    RefDeleted,
)
from bot.domain.refs import ForgeName, Person, RepositorySeen
from bot.foreign.calls import printable
from bot.foreign.fields import MAX_MESSAGE, MAX_REF, MAX_URL, Fields, Incomplete

Translated = ForgeEvent | Ignored

PUBLIC: Final = 20
"""Level of visibility; 10 is for those who have an account, so not for everybody."""
_MAX_WORD: Final = 100


def translate(forge: ForgeName, me: int, name: str, data: Mapping[str, Any]) -> Translated:
    """Never raises for anything that JSON can hold. `me`: our own user's number; 0: not known."""
    if name not in _EVENTS:
        return Ignored(f"unsupported event: {name or 'none is named'}")
    kind, read = _EVENTS[name]
    fields = Fields(data)
    if fields.text("object_kind", _MAX_WORD) != kind:
        return Ignored(f"{name}: its object_kind is not {kind}")
    try:
        return read(forge, me, fields)
    except Incomplete as error:
        return Ignored(f"incomplete payload: {error}")


def _seen(forge: ForgeName, data: Fields) -> RepositorySeen:
    """What cannot be told is taken for private."""
    project = data.inner("project")
    web_url = project.text("web_url", MAX_URL)
    return RepositorySeen(
        forge=forge,
        # Older servers have the number only beside it.
        forge_id=project.number("id") if project.knows("id") else data.number("project_id"),
        path=project.word("path_with_namespace"),
        private=project.data.get("visibility_level") != PUBLIC,
        default_branch=project.text("default_branch", MAX_REF),
        web_url=web_url,
        clone_url=project.text("git_http_url", MAX_URL) or f"{web_url}.git",
    )


def _push(forge: ForgeName, me: int, data: Fields) -> Translated:
    del me  # what we push ourselves is a push
    kind, _, name = data.word("ref").removeprefix("refs/").partition("/")
    if kind not in ("heads", "tags") or not name:
        return Ignored("a push to neither branch nor tag")
    branch, tag = (name, None) if kind == "heads" else (None, name)
    if data.is_zero("after"):
        return RefDeleted(repository=_seen(forge, data), branch=branch, tag=tag)
    # Of an annotated tag `after` is the tag itself.
    sha = data.sha("checkout_sha") if data.knows("checkout_sha") else data.sha("after")
    messages = [one.text("message", MAX_MESSAGE) for one in data.each("commits") if one.text("id", 64) == sha]
    return Pushed(
        repository=_seen(forge, data),
        branch=branch,
        tag=tag,
        sha=sha,
        before=None if data.is_zero("before") else data.sha("before"),
        message=messages[-1] if messages else "",
        sender=anybody(data, "user_id", "user_username"),
    )


def _merge_request(forge: ForgeName, _: int, data: Fields) -> Translated:
    seen, change = _seen(forge, data), data.inner("object_attributes")
    if change.number("target_project_id") != seen.forge_id:
        return Ignored("a merge request into another project")
    action = change.text("action", _MAX_WORD)
    number, sender = change.number("iid"), anybody(data.inner("user"))
    if action in ("close", "merge"):
        return ChangeClosed(repository=seen, number=number, merged=action == "merge", sender=sender)
    meaning = _update(data, change) if action == "update" else _OPENED.get(action, "")
    if not meaning:
        return Ignored(f"merge request {printable(action, 64) or 'without action'}: nothing to do")
    return ChangeUpdated(
        repository=seen,
        number=number,
        action=meaning,
        head=change.inner("last_commit").sha("id"),
        updated_at=change.time("updated_at"),
        sender=sender,
    )


def _update(data: Fields, change: Fields) -> str:
    """GitLab says `update` of everything; only these are news for us (cases C19)."""
    if change.knows("oldrev"):
        return "synchronize"
    changes = data.inner("changes") if data.has("changes") else Fields({})
    if changes.has("target_branch"):
        return "retargeted"
    draft = changes.inner("draft") if changes.has("draft") else Fields({})
    if draft.flag("previous") and not draft.flag("current", default=True):
        return "ready_for_review"
    return "labeled" if changes.has("labels") else ""


def _note(forge: ForgeName, me: int, data: Fields) -> Translated:
    """Only a new note's own text counts; what we write ourselves never does (cases C13)."""
    note = data.inner("object_attributes")
    if note.text("noteable_type", _MAX_WORD) != "MergeRequest":
        return Ignored("a note on something else than a merge request")
    # Before 16.11 there is no action, and edits are not told.
    if (action := note.text("action", _MAX_WORD)) not in ("create", ""):
        return Ignored(f"note {printable(action, 64)}: only new ones are read")
    if note.flag("system"):
        return Ignored("a note by the system")
    if note.flag("internal") or note.flag("confidential") or data.text("event_type", 50) == "confidential_note":
        return Ignored("an internal note")
    author = _author(data, note)
    if me and author.id == me:
        return Ignored("a comment by ourselves")
    is_review = note.text("type", _MAX_WORD) == "DiffNote"
    return Commented(
        repository=_seen(forge, data),
        number=data.inner("merge_request").number("iid"),
        comment=note.number("id"),
        kind=CommentKind.REVIEW if is_review else CommentKind.CHANGE,
        author=author,
        text=note.text("note", MAX_MESSAGE),
        created_at=note.time("created_at"),
    )


def _author(data: Fields, note: Fields) -> Person:
    """Who wrote it; older servers give the number of the user nowhere else than here."""
    found = anybody(data.inner("user"))
    return replace(found, id=note.number("author_id"))


_OPENED: Final = {"open": "opened", "reopen": "reopened"}
_EVENTS: Final[Mapping[str, tuple[str, Callable[[ForgeName, int, Fields], Translated]]]] = {
    "Push Hook": ("push", _push),
    "Tag Push Hook": ("tag_push", _push),
    "Merge Request Hook": ("merge_request", _merge_request),
    "Note Hook": ("note", _note),
}
