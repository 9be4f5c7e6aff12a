"""Telling channels what became of a branch (PRODUCT §2.12): an outbox like that of reports, in smaller."""

from collections.abc import Iterable
from typing import Final

import structlog

from bot.app import findings, globs
from bot.app.context import App
from bot.domain.errors import Refused, Unavailable
from bot.domain.notices import PAUSES, Message, Notice, NoticeState, culprit, message, news_of
from bot.domain.plain import PLAIN
from bot.domain.planning import Trigger
from bot.domain.refs import RepositoryId
from bot.domain.runs import Build, Cause, Run, Trust
from bot.domain.suite_check import has_passed
from bot.domain.suites import Notify
from bot.ports.notices import Channel, StoredChannel
from bot.ports.queue import SendNotice
from bot.ports.store import UnitOfWork

log = structlog.get_logger()

_LEASE: Final = 120.0
"""Seconds; longer than any channel may take."""
_OF_A_BRANCH: Final = frozenset({Cause.PUSH, Cause.SCHEDULE, Cause.RERUN})


def plan(work: UnitOfWork, build: Build, trigger: Trigger, wanted: Iterable[Notify]) -> None:
    """Remember, with the build, who wants to hear of it; changes and strangers' commits are news to no channel."""
    if not _is_of_a_branch(trigger) or trigger.change is not None or trigger.trust is not Trust.TRUSTED:
        return
    default = (trigger.repository.default_branch,)
    for one in wanted:
        if globs.matches_branch(one.branches or default, trigger.ref):
            work.notices.add(build.id, one)


def _is_of_a_branch(trigger: Trigger) -> bool:
    """Who orders suites over the API sees what becomes of them, but a registered suite says itself who hears.

    So does the file of a plain repository, which nobody pushes to here.
    """
    is_own_wish = trigger.chosen is not None or trigger.repository.forge == PLAIN
    return trigger.cause in _OF_A_BRANCH or (trigger.cause is Cause.API and is_own_wish)


def send(app: App, task: SendNotice) -> None:
    """Safe to repeat: nothing is said before the build has ended, and once it is said the notice has ended."""
    with app.work() as work:
        notice = work.notices.claim(task.notice, _LEASE)
        if notice is None:
            return
        build = work.builds.get(notice.build)
        runs = _counted(notice, work.runs.of_build(build.id))
        if any(not run.state.is_final for run in runs):
            work.notices.settle(notice.id, NoticeState.PENDING)
            return
        said = _message(app, work, notice, build, runs)
        if said is None:
            work.notices.settle(notice.id, NoticeState.NOTHING)
            return
        own = work.own_channels.get(build.repository, notice.channel)
    _say(app, notice, own, said)


def again(app: App, number: int, *, actor: str, repository: RepositoryId | None = None) -> bool:
    """Send an ended one once more; False: there is none (in that repository), or it is on its way."""
    with app.work() as work:
        is_ended = work.notices.again(number, repository=repository)
        if is_ended:
            work.send(SendNotice(number))
            subject = f"notice:{number}"
            work.audit.add(repository=repository, actor=actor, action="notify again", subject=subject, detail="")
    return is_ended


def _counted(notice: Notice, runs: Iterable[Run]) -> list[Run]:
    return [run for run in runs if not notice.suites or run.suite.name in notice.suites]


def _message(app: App, work: UnitOfWork, notice: Notice, build: Build, runs: list[Run]) -> Message | None:
    if notice.bisection is not None:
        told = findings.look_at(work, work.bisections.get(notice.bisection)).told
        return culprit(notice, told, work.repositories.get(build.repository), build, app.build_url(build.id))
    before = work.builds.finished_before(build)
    earlier = None if before is None else _passed(before, _counted(notice, work.runs.of_build(before.id)))
    news = news_of(notice.send, earlier, _passed(build, runs))
    if news is None:
        return None
    repository = work.repositories.get(build.repository)
    return message(notice, news, repository, build, runs, app.build_url(build.id))


def _passed(build: Build, runs: Iterable[Run]) -> bool:
    return not build.problems and all(has_passed(run) for run in runs)


def _say(app: App, notice: Notice, own: StoredChannel | None, said: Message) -> None:
    """The repository's own channel of that name goes before the operator's."""
    if own is None and notice.channel not in app.channels:
        _settle(app, notice, NoticeState.DEAD, f"nobody has set up a channel {notice.channel}")
        return
    try:
        channel = opened(app, own) if own else app.channels[notice.channel]
        channel.send(said)
    except Refused as error:
        _settle(app, notice, NoticeState.DEAD, str(error))
    except Unavailable as error:
        is_last = notice.attempts >= len(PAUSES)
        pause = 0.0 if is_last else PAUSES[notice.attempts]
        _settle(app, notice, NoticeState.DEAD if is_last else NoticeState.PENDING, str(error), pause)
    else:
        _settle(app, notice, NoticeState.SENT)


def opened(app: App, own: StoredChannel) -> Channel:
    """Raises: Refused: no key of ours opens its address, or nothing may be sent there (any more). Unavailable."""
    return app.open_channel(app.vault.decrypt(own.address).decode())


def _settle(app: App, notice: Notice, state: NoticeState, error: str = "", again_in: float = 0.0) -> None:
    with app.work() as work:
        work.notices.settle(notice.id, state, error[:500], again_in=again_in)
    log.info("notice.tried", notice=notice.id, channel=notice.channel, state=state.value, error=error)
