"""A comment with commands: who may, what comes of it, and an answer only where there is news (BEHAVIOUR §2)."""

from dataclasses import dataclass
from typing import Final

import structlog
from pydantic import TypeAdapter

from bot.app import commands, obeying, standing
from bot.app.context import App
from bot.domain.commands import Command, Explain, Help, Status
from bot.domain.errors import Gone, NotAllowed, Unavailable
from bot.domain.events import Commented
from bot.domain.refs import Repository
from bot.domain.texts import cut
from bot.ports.forge import Change, Permission, Reaction

log = structlog.get_logger()

_HOUR: Final = 3600.0
_MANY: Final = 30
"""Comments with commands that one change may have in an hour."""
_FEW: Final = 3
"""The same in ten minutes for somebody without write access."""
_FEW_WINDOW: Final = 600.0
_YOUNG: Final = 600.0
"""Seconds in which a further answer to the same person replaces the last one."""
_FOREVER: Final = 10 * 365 * 86400.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said back. Answers of one topic replace each other."""

    words: str
    topic: str
    max_age: float = _YOUNG
    only_once: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the commands of one comment came to."""

    answers: tuple[Answer, ...] = ()
    refused: bool = False


_OUTCOME: Final = TypeAdapter(Outcome)


def hear(app: App, repository: Repository, event: Commented) -> str:
    """Safe to repeat: what a comment asks for is granted once."""
    said = commands.parse(event.text, bare=app.rules.bare_commands)
    if not said:
        return "no command in it"
    if event.author.is_bot:
        return "a bot's comment"
    with app.work() as work:
        known = work.conversations.outcome(repository.id, event.comment)
    outcome = _OUTCOME.validate_json(known) if known else _obey_once(app, repository, event, said)
    if outcome is None:
        return "the change is closed"
    for answer in outcome.answers:
        _say(app, repository, event.number, answer)
    _react(app, repository, event, Reaction.REFUSED if outcome.refused else Reaction.DONE)
    return f"{len(said)} commands, {'refused' if outcome.refused else 'obeyed'}"


def _obey_once(app: App, repository: Repository, event: Commented, said: tuple[Command, ...]) -> Outcome | None:
    """Obey, and note what came of it before anything is said: a forge that fails then must not make us obey again.

    None: the change is closed, nothing was done.
    """
    _show_that_it_was_seen(app, repository, event)
    change = app.forge_of(repository).change(repository, event.number)
    if not change.is_open:
        return None
    outcome = _obey(app, repository, change, event, said)
    with app.work() as work:
        text = _OUTCOME.dump_json(outcome).decode()
        work.conversations.note(repository.id, event.number, event.comment, event.author.id, text)
    return outcome


def _obey(app: App, repository: Repository, change: Change, event: Commented, said: tuple[Command, ...]) -> Outcome:
    permission = app.forge_of(repository).permission(repository, event.author)
    speaker = obeying.Speaker(event.author, permission, is_author=event.author.id == change.author.id)
    if too_many := _too_many(app, repository, event, permission):
        return Outcome((Answer(too_many, f"limit:{event.author.id}", _HOUR, only_once=True),), refused=True)
    questions = [one for one in said if isinstance(one, Status | Explain | Help)]
    answers = tuple(
        Answer(standing.answer(app, repository, change, one), type(one).__name__.lower(), _FOREVER)
        for one in questions
    )
    orders = [one for one in said if one not in questions]
    if not orders:
        return Outcome(answers)
    context = obeying.Context(app, repository, change, speaker, event.comment, event.created_at)
    outcome = _take_orders(context, orders)
    return Outcome(answers + outcome.answers, refused=outcome.refused)


def _take_orders(context: obeying.Context, orders: list[Command]) -> Outcome:
    person = context.speaker.person.id
    try:
        words = obeying.obey(context, orders)
    except NotAllowed as error:
        answer = Answer(_sentence(str(error)), f"refused:{person}", _FOREVER, only_once=True)
        return Outcome((answer,), refused=True)
    except obeying.Unclear as error:
        return Outcome((Answer(_sentence(str(error)), f"answer:{person}"),), refused=True)
    return Outcome((Answer(words, f"answer:{person}"),) if words else ())


def _too_many(app: App, repository: Repository, event: Commented, permission: Permission) -> str:
    with app.work() as work:
        all_said = work.conversations.count(repository.id, event.number, _HOUR)
        theirs = work.conversations.count(repository.id, event.number, _FEW_WINDOW, event.author.id)
    if all_said >= _MANY:
        what = app.dialect_of(repository).change
        return f"At most {_MANY} comments with commands an hour in one {what}; try again later."
    if permission < Permission.WRITE and theirs >= _FEW:
        return (
            f"At most {_FEW} comments with commands in ten minutes for people without write access; try again later."
        )
    return ""


def _say(app: App, repository: Repository, change: int, answer: Answer) -> None:
    with app.work() as work:
        ref = work.conversations.reply(repository.id, change, answer.topic, answer.max_age)
    if ref is not None and answer.only_once:
        return
    try:
        ref = app.forge_of(repository).reply(repository, change, answer.words, ref)
    except (NotAllowed, Gone) as error:
        log.warning("reply.refused", error=str(error), repository=repository.id, change=change)
        return
    with app.work() as work:
        work.conversations.keep_reply(repository.id, change, answer.topic, ref)


def _show_that_it_was_seen(app: App, repository: Repository, event: Commented) -> None:
    """A courtesy: a forge that is slow or tired of us must not hold up the command itself."""
    try:
        _react(app, repository, event, Reaction.SEEN)
    except Unavailable as error:
        log.warning("reaction.left_out", error=str(error), repository=repository.id)


def _react(app: App, repository: Repository, event: Commented, reaction: Reaction) -> None:
    """A conversation may be locked; that must not keep a command from being obeyed."""
    try:
        app.forge_of(repository).react(repository, event.number, event.comment, event.kind, reaction)
    except NotAllowed as error:
        log.warning("reaction.refused", error=str(error), repository=repository.id)


def _sentence(text: str) -> str:
    text = cut(text, 1000)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")
