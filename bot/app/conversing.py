"""A comment with commands: who may, what comes of it, and an answer only where there is news (BEHAVIOUR §2)."""

from dataclasses import dataclass, field
from typing import Final

import structlog

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


@dataclass(slots=True)
class Outcome:
    """What the commands of one comment came to."""

    answers: list[Answer] = field(default_factory=list)
    refused: bool = False


def hear(app: App, repository: Repository, event: Commented) -> str:
    """Safe to repeat: what a comment asks for is granted once."""
    said = commands.parse(event.text, bare=app.rules.bare_commands)
    if not said:
        return "no command in it"
    if event.author.is_bot:
        return "a bot's comment"
    with app.work() as work:
        if work.conversations.knows(repository.id, event.comment):
            return "this comment was obeyed before"
    _show_that_it_was_seen(app, repository, event)
    forge = app.forge_of(repository)
    change = forge.change(repository, event.number)
    if not change.is_open:
        return "the change is closed"
    outcome = _obey(app, repository, change, event, said)
    for answer in outcome.answers:
        _say(app, repository, change.number, answer)
    _react(app, repository, event, Reaction.REFUSED if outcome.refused else Reaction.DONE)
    with app.work() as work:
        work.conversations.note(repository.id, event.number, event.comment, event.author.id)
    return f"{len(said)} commands, {'refused' if outcome.refused else 'obeyed'}"


def _obey(app: App, repository: Repository, change: Change, event: Commented, said: tuple[Command, ...]) -> Outcome:
    permission = app.forge_of(repository).permission(repository, event.author)
    speaker = obeying.Speaker(event.author, permission, is_author=event.author.id == change.author.id)
    outcome = Outcome()
    if too_many := _too_many(app, repository, event, permission):
        outcome.refused = True
        outcome.answers.append(Answer(too_many, f"limit:{event.author.id}", _HOUR, only_once=True))
        return outcome
    questions = [one for one in said if isinstance(one, Status | Explain | Help)]
    for question in questions:
        topic = type(question).__name__.lower()
        outcome.answers.append(Answer(standing.answer(app, repository, change, question), topic, _FOREVER))
    orders = [one for one in said if one not in questions]
    if orders:
        _take_orders(app, repository, change, event, speaker, orders, outcome)
    return outcome


def _take_orders(
    app: App,
    repository: Repository,
    change: Change,
    event: Commented,
    speaker: obeying.Speaker,
    orders: list[Command],
    outcome: Outcome,
) -> None:
    context = obeying.Context(app, repository, change, speaker, event.comment, event.created_at)
    try:
        words = obeying.obey(context, orders)
    except NotAllowed as error:
        outcome.refused = True
        outcome.answers.append(
            Answer(_sentence(str(error)), f"refused:{speaker.person.id}", _FOREVER, only_once=True)
        )
    except obeying.Unclear as error:
        outcome.refused = True
        outcome.answers.append(Answer(_sentence(str(error)), f"answer:{speaker.person.id}"))
    else:
        if words:
            outcome.answers.append(Answer(words, f"answer:{speaker.person.id}"))


def _too_many(app: App, repository: Repository, event: Commented, permission: Permission) -> str:
    with app.work() as work:
        all_said = work.conversations.count(repository.id, event.number, _HOUR)
        theirs = work.conversations.count(repository.id, event.number, _FEW_WINDOW, event.author.id)
    if all_said >= _MANY:
        return f"At most {_MANY} comments with commands an hour in one pull request; try again later."
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
        app.forge_of(repository).react(repository, event.comment, event.kind, reaction)
    except NotAllowed as error:
        log.warning("reaction.refused", error=str(error), repository=repository.id)


def _sentence(text: str) -> str:
    text = cut(text, 1000)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")
