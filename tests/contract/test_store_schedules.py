"""What every store must do with the times of schedules."""

from collections.abc import Callable
from datetime import timedelta

from bot.domain.suites import Schedule
from bot.ports.schedules import Planned
from bot.ports.store import UnitOfWork
from tests.contract.store_values import AT, stored_repository

OpenWork = Callable[[], UnitOfWork]

NIGHTLY = Planned(suite="nightly", schedule=Schedule(cron="0 3 * * *", timezone="Europe/Berlin"), due_at=AT)
WEEKLY = Planned(suite="weekly", schedule=Schedule(cron="0 4 * * mon"), due_at=AT + timedelta(days=2))


def test_what_is_planned_takes_the_place_of_what_was(work: OpenWork) -> None:
    with work() as unit:
        repository = stored_repository(unit).id
        unit.schedules.replace(repository, [WEEKLY, NIGHTLY])
    with work() as unit:
        assert unit.schedules.of_repository(repository) == [NIGHTLY, WEEKLY]
        unit.schedules.replace(repository, [WEEKLY])
        assert unit.schedules.of_repository(repository) == [WEEKLY]
        unit.schedules.replace(repository, [])
        assert unit.schedules.of_repository(repository) == []


def test_repositories_do_not_share_their_times(work: OpenWork) -> None:
    with work() as unit:
        mine, theirs = stored_repository(unit).id, stored_repository(unit, forge_id=7002, path="eve/evil").id
        unit.schedules.replace(mine, [NIGHTLY])
        unit.schedules.replace(theirs, [NIGHTLY, WEEKLY])
        unit.schedules.replace(theirs, [])
        assert unit.schedules.of_repository(mine) == [NIGHTLY]


def test_a_repository_is_due_from_its_first_time_on(work: OpenWork) -> None:
    with work() as unit:
        repository = stored_repository(unit).id
        unit.schedules.replace(repository, [NIGHTLY, WEEKLY])
        assert unit.schedules.due(AT - timedelta(microseconds=1), 9) == []
        assert unit.schedules.due(AT, 9) == [repository]
        assert unit.schedules.due(WEEKLY.due_at, 9) == [repository]


def test_the_longest_overdue_comes_first_and_a_limit_holds(work: OpenWork) -> None:
    with work() as unit:
        late, early = stored_repository(unit).id, stored_repository(unit, forge_id=7002, path="ada/other").id
        unit.schedules.replace(late, [WEEKLY])
        unit.schedules.replace(early, [NIGHTLY])
        assert unit.schedules.due(WEEKLY.due_at, 9) == [early, late]
        assert unit.schedules.due(WEEKLY.due_at, 1) == [early]
