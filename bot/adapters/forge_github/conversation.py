"""Reactions to comments and comments of our own (FORGES §1.7)."""

from typing import Any, Final

from bot.adapters.forge_github.checks import cut
from bot.adapters.forge_github.fields import Fields, Incomplete
from bot.adapters.forge_github.session import Session
from bot.domain.errors import Ambiguous, Gone
from bot.domain.events import CommentKind
from bot.domain.refs import Repository
from bot.ports.forge import Reaction

MAX_COMMENT: Final = 65536
"""Characters."""
_REACTIONS: Final = {
    CommentKind.CHANGE: "/issues/comments/{comment}/reactions",
    CommentKind.REVIEW: "/pulls/comments/{comment}/reactions",
}


def react(session: Session, repository: Repository, comment: int, kind: CommentKind, reaction: Reaction) -> None:
    """As Forge.react."""
    session.reserve(repository, 1, hurry=True)
    try:
        session.overwrite(repository, "POST", _REACTIONS[kind], {"content": reaction.value}, comment=str(comment))
    except Gone:
        return


def reply(
    session: Session, repository: Repository, change: int, text: str, ref: str | None, *, mark: str = ""
) -> str:
    """As Forge.reply; `mark` goes behind the text."""
    body = {"body": cut(text, MAX_COMMENT - len(mark)) + mark}
    if ref is not None and _edited(session, repository, ref, body):
        return ref
    session.reserve(repository, 1)
    return _id(session.write(repository, "POST", "/issues/{number}/comments", body, number=str(change)))


def _edited(session: Session, repository: Repository, ref: str, body: dict[str, str]) -> bool:
    """False: it is gone."""
    session.reserve(repository, 1)
    try:
        session.overwrite(repository, "PATCH", "/issues/comments/{comment}", body, comment=ref)
    except Gone:
        return False
    return True


def _id(comment: Any) -> str:
    try:
        return str(Fields(comment).number("id"))
    except Incomplete as error:
        raise Ambiguous("a comment was written, but its number is not known") from error
