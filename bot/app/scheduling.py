"""Suites that run at times: `when.schedule` of the default branch's suite file.

Each time starts one build with all suites that are due then. The build's key holds the time, so that it is started
once whatever dies in between; a time that passed while nobody looked is made up for once, late.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final

import structlog

from bot.app import globs, starting, suite_files
from bot.app.context import App
from bot.app.suitefile import next_time
from bot.app.turns import one_at_a_time
from bot.domain.errors import BotError, InvalidSuiteFile, Refused
from bot.domain.planning import Sharing, Trigger
from bot.domain.refs import Person, Repository, RepositoryId
from bot.domain.runs import Cause, Trust
from bot.domain.suites import Occasion, Schedule, SuiteFile
from bot.ports.forge import Commit
from bot.ports.schedules import Planned

log = structlog.get_logger()

_MANY: Final = 1000
_SCHEDULER: Final = Person(0, "schedule")


def note_push(app: App, repository: Repository, file: SuiteFile | InvalidSuiteFile | None) -> None:
    """The default branch has this suite file now, as far as one delivery can know; an invalid one changes nothing.

    Deliveries may be late: when something differs, the forge is asked what the branch really has.
    """
    if isinstance(file, InvalidSuiteFile):
        return
    with app.work() as work:
        known = {one.suite: one.schedule for one in work.schedules.of_repository(repository.id)}
    if known == _scheduled(repository, file):
        return
    with _alone(app, repository.id) as alone:
        _, now = _head(alone, repository)
        if not isinstance(now, InvalidSuiteFile):
            _plan(alone, repository, _scheduled(repository, now))


def start_due(app: App) -> int:
    """Start what is due; how many builds. What fails for one repository keeps no other waiting."""
    with app.work() as work:
        due = work.schedules.due(app.now(), _MANY)
    count = 0
    for number in due:
        try:
            with _alone(app, number) as alone:
                count += _start_due_of(alone, number)
        except BotError as error:
            log.warning("schedule.failed_for_one", repository=number, error=str(error))
    return count


def _start_due_of(app: App, number: RepositoryId) -> int:
    now = app.now()
    with app.work() as work:
        repository = work.repositories.get(number)
        planned = work.schedules.of_repository(number)
    try:
        commit, file = _head(app, repository)
    except Refused as error:  # uninstalled, gone, without that branch: this time is left out
        log.warning("schedule.left_out", repository=number, error=str(error))
        _plan(app, repository, {one.suite: one.schedule for one in planned})
        return 0
    if isinstance(file, InvalidSuiteFile):
        log.warning("schedule.left_out", repository=number, error=str(file))
        _plan(app, repository, {one.suite: one.schedule for one in planned})
        return 0
    wanted = _scheduled(repository, file)
    by_time: dict[datetime, list[str]] = defaultdict(list)
    for one in planned:
        if one.due_at <= now and one.suite in wanted:
            by_time[one.due_at].append(one.suite)
    count = sum(_start(app, repository, commit, due, names) for due, names in sorted(by_time.items()))
    _plan(app, repository, wanted)
    return count


def _start(app: App, repository: Repository, commit: Commit, due: datetime, names: Sequence[str]) -> bool:
    trigger = Trigger(
        key=f"{Cause.SCHEDULE}:{repository.id}:{due.isoformat()}",
        repository=repository,
        sha=commit.sha,
        cause=Cause.SCHEDULE,
        ref=repository.default_branch,
        title=commit.message.strip().partition("\n")[0][:200],
        message=commit.message,
        sender=_SCHEDULER,
        # Only people with write access change the default branch.
        trust=Trust.TRUSTED,
        sharing=Sharing.UNFINISHED,
        only=tuple(names),
    )
    started = starting.start(app, trigger)
    log.info("schedule.due", repository=repository.id, due=due.isoformat(), suites=names, reason=started.reason)
    return started.build is not None


def _head(app: App, repository: Repository) -> tuple[Commit, SuiteFile | InvalidSuiteFile | None]:
    commit = app.forge_of(repository).commit(repository, repository.default_branch)
    return commit, suite_files.at(app, repository, commit.sha)


def _scheduled(repository: Repository, file: SuiteFile | None) -> Mapping[str, Schedule]:
    """Suites with a schedule that counts: it is one of their events, and the default branch one of their branches."""
    return {
        suite.name: suite.when.schedule
        for suite in (file.suites if file else ())
        if suite.when.schedule is not None
        and Occasion.SCHEDULE in suite.when.events
        and not suite.when.manual
        and (not suite.when.branches or globs.matches_branch(suite.when.branches, repository.default_branch))
    }


def _plan(app: App, repository: Repository, wanted: Mapping[str, Schedule]) -> None:
    """Under `_alone`: a time that is still to come stays as it is, the others are worked out from now on."""
    now = app.now()
    with app.work() as work:
        known = {(one.suite, one.schedule): one.due_at for one in work.schedules.of_repository(repository.id)}
        planned = [
            Planned(suite=suite, schedule=schedule, due_at=due if due and due > now else next_time(schedule, now))
            for suite, schedule in wanted.items()
            for due in [known.get((suite, schedule))]
        ]
        work.schedules.replace(repository.id, planned)


def _alone(app: App, repository: RepositoryId) -> AbstractContextManager[App]:
    return one_at_a_time(app, f"schedule:{repository}")
