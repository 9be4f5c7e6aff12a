"""Reactions to comments and comments of our own (FORGES §1.7)."""

from collections.abc import Callable
from typing import Any, Final

from bot.adapters.forge_github.checks import cut
from bot.adapters.forge_github.session import Session
from bot.domain.errors import Ambiguous, Gone
from bot.domain.events import CommentKind
from bot.domain.refs import Repository
from bot.foreign.fields import Fields, Incomplete
from bot.foreign.pacing import Urgency
from bot.ports.forge import Reaction

MAX_COMMENT: Final = 65536
"""Characters."""
_MAX_PAGES: Final = 30
_REACTIONS: Final = {
    CommentKind.CHANGE: "/issues/comments/{comment}/reactions",
    CommentKind.REVIEW: "/pulls/comments/{comment}/reactions",
}


def react(session: Session, repository: Repository, comment: int, kind: CommentKind, reaction: Reaction) -> None:
    """As Forge.react."""
    session.reserve(repository, 1, Urgency.ASKED)
    try:
        session.overwrite(repository, "POST", _REACTIONS[kind], {"content": reaction.value}, comment=str(comment))
    except Gone:
        return


def reply(
    session: Session, repository: Repository, change: int, text: str, ref: str | None, *, mark: str = ""
) -> str:
    """As Forge.reply; `mark` goes behind the text."""
    body = _body(text, mark)
    if ref is not None:
        try:
            edit(session, repository, text, ref, mark=mark)
        except Gone:
            pass
        else:
            return ref
    session.reserve(repository, 1)
    return _id(session.write(repository, "POST", "/issues/{number}/comments", body, number=str(change)))


def edit(session: Session, repository: Repository, text: str, ref: str, *, mark: str = "") -> None:
    """Raises: Gone."""
    session.reserve(repository, 1)
    session.overwrite(repository, "PATCH", "/issues/comments/{comment}", _body(text, mark), comment=ref)


def find(
    session: Session, repository: Repository, change: int, words: str, is_ours: Callable[[Fields], bool]
) -> str | None:
    """The oldest of our comments that holds the words."""
    template = "/issues/{number}/comments{?per_page,page}"
    for page in session.pages(repository, template, _MAX_PAGES, number=str(change)):
        for comment in Fields({"comments": page}).each("comments"):
            if is_ours(comment) and words in comment.text("body", MAX_COMMENT):
                return _id(comment.data)
    return None


def _body(text: str, mark: str) -> dict[str, str]:
    return {"body": cut(text, MAX_COMMENT - len(mark)) + mark}


def _id(comment: Any) -> str:
    try:
        return str(Fields(comment).number("id"))
    except Incomplete as error:
        raise Ambiguous("a comment was written, but its number is not known") from error
