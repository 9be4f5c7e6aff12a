"""Tests that somebody with write access lets not count for a while: shown in the check, ended by itself."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from bot.app.context import App
from bot.domain.errors import BadInput
from bot.domain.refs import Repository, RepositoryId
from bot.domain.results import NAME_MAX, Mute
from bot.domain.texts import one_line
from bot.ports.store import UnitOfWork

LONGEST: Final = 90
"""Days."""
_REASON: Final = 200


def mute(app: App, repository: Repository, wanted: Mute) -> None:
    """Who may is the caller's to know. Raises: BadInput: no reason, or a day that can't be."""
    today = app.now().date()
    reason = one_line(wanted.reason, _REASON)
    if not reason:
        raise BadInput("say why the test is muted")
    if not today <= wanted.until <= today + timedelta(days=LONGEST):
        raise BadInput(f"the last day is today at the earliest, and in {LONGEST} days at the latest")
    if not wanted.suite or not 0 < len(wanted.name) <= NAME_MAX:
        raise BadInput("say which test of which suite is muted")
    found = Mute(suite=wanted.suite, name=wanted.name, until=wanted.until, reason=reason, actor=wanted.actor)
    with app.work() as work:
        work.results.mute(repository.id, found)
        _note(work, repository, found.actor, "mute", f"{found.suite}: {found.name} {found.words}")


def unmute(app: App, repository: Repository, suite: str, name: str, actor: str) -> bool:
    """False: it was not muted."""
    with app.work() as work:
        was_muted = work.results.unmute(repository.id, suite, name)
        if was_muted:
            _note(work, repository, actor, "unmute", f"{suite}: {name}")
    return was_muted


def of_suite(work: UnitOfWork, repository: RepositoryId, suite: str, today: date) -> Mapping[str, Mute]:
    """Those that hold today, by the names of their tests."""
    return {one.name: one for one in work.results.mutes(repository) if one.suite == suite and one.until >= today}


def _note(work: UnitOfWork, repository: Repository, actor: str, action: str, detail: str) -> None:
    subject = f"repository:{repository.path}"
    work.audit.add(repository=repository.id, actor=actor, action=action, subject=subject, detail=detail)
