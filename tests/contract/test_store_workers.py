"""What every store promises about workers: who is there, what each has left, and whose turn it is there."""

from dataclasses import replace
from typing import Final

import sqlalchemy as sa

from bot.adapters.store_sql.tables import run as run_table
from bot.domain.runs import RunId, RunState
from bot.domain.suites import GIB, Limits, Service
from bot.domain.workers import Worker
from bot.ports.store import UnitOfWork
from tests.builders import a_suite
from tests.contract.conftest import OpenWork
from tests.contract.store_values import stored_build, stored_run

CEILING: Final = Limits(cpus=8.0, memory=32 * GIB)
LABELS: Final = frozenset({"gpu", "amd64"})
NORTH: Final = Worker(process="north/1", name="big", labels=LABELS, slots=2, cpus=4.0, memory=8 * GIB)
SOUTH: Final = Worker(process="south/1", name="small", slots=4, cpus=4.0, memory=8 * GIB)


def turn(unit: UnitOfWork, process: str = NORTH.process) -> RunId | None:
    return unit.runs.whose_turn(unit.workers.room(process, CEILING))


def queued(unit: UnitOfWork, name: str, **asks: object) -> RunId:
    return stored_run(unit, stored_build(unit), replace(a_suite(name), **asks)).id  # type: ignore[arg-type]  # replace()


def test_a_worker_is_there_for_as_long_as_it_says(work: OpenWork) -> None:
    with work() as unit:
        assert unit.workers.announce(NORTH, 60) == NORTH
        unit.workers.announce(SOUTH, 60)
        assert list(unit.workers.every()) == [NORTH, SOUTH]
        unit.workers.leave(NORTH.process)
        unit.workers.announce(replace(SOUTH, labels=frozenset({"arm64"})), 60)
        assert [(one.name, one.labels) for one in unit.workers.every()] == [("small", frozenset({"arm64"}))]


def test_a_drained_worker_stays_drained_when_it_starts_anew_and_is_shown_while_it_is_gone(work: OpenWork) -> None:
    with work() as unit:
        unit.workers.announce(NORTH, 60)
        assert [one.draining for one in unit.workers.drain("big", draining=True)] == [True]
        unit.workers.leave(NORTH.process)
        assert [(one.draining, one.is_live) for one in unit.workers.every()] == [(True, False)]
        assert unit.workers.announce(NORTH, 60).draining
        room = unit.workers.room(NORTH.process, CEILING)
        assert room is not None
        assert not room.is_there
        assert [one.draining for one in unit.workers.drain("north", draining=False)] == [False]
        assert unit.workers.drain("nobody", draining=True) == []


def test_only_a_worker_with_all_labels_of_a_run_gets_it(work: OpenWork) -> None:
    with work() as unit:
        unit.workers.announce(NORTH, 60)
        unit.workers.announce(SOUTH, 60)
        labelled = queued(unit, "training", runs_on=("gpu", "amd64"))
        queued(unit, "elsewhere", runs_on=("gpu", "arm64"))
        assert turn(unit, SOUTH.process) is None
        assert turn(unit) == labelled


def test_what_does_not_fit_beside_what_runs_lets_others_pass(work: OpenWork) -> None:
    with work() as unit:
        unit.workers.announce(SOUTH, 60)
        first = queued(unit, "first", memory=5 * GIB)
        assert unit.runs.claim(first, "south/1:a", 60)
        queued(unit, "large", memory=4 * GIB)
        small = queued(unit, "small", memory=GIB)
        assert turn(unit, SOUTH.process) == small


def test_services_count_among_the_memory_that_is_asked_for(work: OpenWork) -> None:
    with work() as unit:
        unit.workers.announce(SOUTH, 60)
        queued(unit, "wide", memory=GIB, services=(Service(name="db", image="box", memory=8 * GIB),))
        assert turn(unit, SOUTH.process) is None


def test_what_asks_for_nothing_takes_a_slots_share_so_that_all_slots_can_be_used(work: OpenWork) -> None:
    with work() as unit:
        unit.workers.announce(SOUTH, 60)
        for number in range(4):
            run = queued(unit, f"usual-{number}")
            assert turn(unit, SOUTH.process) == run
            assert unit.runs.claim(run, "south/1:a", 60)
        room = unit.workers.room(SOUTH.process, CEILING)
        assert room is not None
        assert (room.is_there, room.cpus, room.memory) == (False, 0.0, 0)


def test_more_cpus_than_there_are_is_all_of_them(work: OpenWork) -> None:
    with work() as unit:
        unit.workers.announce(SOUTH, 60)
        run = queued(unit, "greedy", cpus=64.0)
        assert turn(unit, SOUTH.process) == run
        assert unit.runs.claim(run, "south/1:a", 60)
        queued(unit, "next")
        assert turn(unit, SOUTH.process) is None


def test_what_is_large_and_has_waited_long_is_not_passed_any_more(work: OpenWork, engine: sa.Engine) -> None:
    with work() as unit:
        unit.workers.announce(SOUTH, 60)
        first = unit.runs.claim(queued(unit, "first", memory=5 * GIB), "south/1:a", 60)
        large = queued(unit, "large", memory=8 * GIB)
        queued(unit, "small", memory=GIB)
    with engine.begin() as connection:
        connection.execute(sa.update(run_table).where(run_table.c.id == large).values(since=0.0))
    with work() as unit:
        assert turn(unit, SOUTH.process) is None
        assert first
        assert unit.runs.save(first, first.ended(RunState.CANCELLED, None, first.created_at), "south/1:a")
        assert turn(unit, SOUTH.process) == large


def test_what_no_machine_can_hold_keeps_nobody_waiting(work: OpenWork, engine: sa.Engine) -> None:
    with work() as unit:
        unit.workers.announce(SOUTH, 60)
        huge = queued(unit, "huge", memory=16 * GIB)
        small = queued(unit, "small")
    with engine.begin() as connection:
        connection.execute(sa.update(run_table).where(run_table.c.id == huge).values(since=0.0))
    with work() as unit:
        assert turn(unit, SOUTH.process) == small
