"""What every store must know of how far runs are and of how long they take."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from bot.domain.runs import Cause, Group, Progress, Reason, Run, RunId, RunState
from bot.domain.suites import Suite
from bot.ports.store import UnitOfWork
from tests.contract.store_values import AT, a_run, stored_build, stored_run

OpenWork = Callable[[], UnitOfWork]


def claimed(work: OpenWork) -> Run:
    with work() as unit:
        run = unit.runs.claim(stored_run(unit).id, "worker-1", 60)
    assert run is not None
    return run


def took(unit: UnitOfWork, seconds: float, state: RunState = RunState.PASSED, **more: object) -> Run:
    """A finished run of `unit`, of a build of its own; `more` is of the build."""
    end = AT + timedelta(seconds=seconds)
    return stored_run(unit, stored_build(unit, **more), state=state, started_at=AT, finished_at=end)


def test_groups_of_the_log_are_kept_while_it_runs_and_only_by_whoever_has_it(work: OpenWork) -> None:
    run, groups = claimed(work), (Group(number=1, offset=0, seconds=1.5, code=0), Group(number=2, offset=7))
    with work() as unit:
        assert unit.runs.keep_groups(run.id, run.fence, groups)
        assert not unit.runs.keep_groups(run.id, run.fence + 1, ())
    with work() as unit:
        assert unit.runs.get(run.id).groups == groups
        begun = run.running(AT)
        assert unit.runs.save(run, begun, "worker-1")
        assert unit.runs.get(run.id).groups == ()
        assert unit.runs.save(begun, replace(begun, groups=groups).ended(RunState.PASSED, None, AT), "worker-1")
    with work() as unit:
        assert unit.runs.get(run.id).groups == groups
        assert not unit.runs.keep_groups(run.id, run.fence, ())


def test_progress_is_kept_while_it_runs_and_forgotten_with_its_next_move(work: OpenWork) -> None:
    run, progress = claimed(work), Progress(done=7, failed=1, total=12)
    with work() as unit:
        assert unit.runs.keep_progress(run.id, run.fence, progress)
        assert not unit.runs.keep_progress(run.id, run.fence + 1, Progress(done=8, failed=1))
    with work() as unit:
        assert unit.runs.get(run.id).progress == progress
        assert unit.runs.save(run, run.running(AT), "worker-1")
        assert unit.runs.get(run.id).progress is None


def test_the_times_of_a_suite_are_those_of_its_last_passes_on_the_branch(work: OpenWork) -> None:
    with work() as unit:
        for seconds in (10, 20, 30):
            took(unit, seconds)
        took(unit, 1, RunState.FAILED)
        took(unit, 2, ref="other")
        took(unit, 3, cause=Cause.CHANGE, change=7)
        took(unit, 4, cause=Cause.TAG)
        run = stored_run(unit, state=RunState.PASSED, started_at=AT, finished_at=AT)
        assert unit.runs.times(run, "main", 2) == [30, 20]
        assert unit.runs.times(run, "other", 2) == [2]


def test_a_pass_that_was_not_a_whole_run_tells_no_time(work: OpenWork) -> None:
    end = AT + timedelta(seconds=9)
    with work() as unit:
        for how in ({"reason": Reason.OVERRIDE}, {"repeats": RunId("another")}):
            unit.runs.add(a_run(stored_build(unit), state=RunState.PASSED, started_at=AT, finished_at=end, **how))
        assert unit.runs.times(stored_run(unit), "main", 5) == []


def test_each_cell_has_its_own_times(work: OpenWork) -> None:
    old, new = (
        Suite(name="unit", image="box", commands=("true",), cell=(("python", version),))
        for version in ("3.11", "3.12")
    )
    with work() as unit:
        stored_run(unit, None, old, state=RunState.PASSED, started_at=AT, finished_at=AT + timedelta(seconds=5))
        assert unit.runs.times(stored_run(unit, None, old), "main", 5) == [5]
        assert unit.runs.times(stored_run(unit, None, new), "main", 5) == []


def test_the_last_pass_of_a_suite_is_a_whole_one_on_the_branch(work: OpenWork) -> None:
    with work() as unit:
        run = stored_run(unit, state=RunState.FAILED, finished_at=AT)
        assert unit.runs.last_passed(run, "main") is None
        took(unit, 10)
        newest = took(unit, 20)
        took(unit, 1, RunState.FAILED)
        took(unit, 2, ref="other")
        took(unit, 3, cause=Cause.CHANGE, change=7)
        assert unit.runs.last_passed(run, "main") == newest
