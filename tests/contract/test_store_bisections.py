"""What every store must do with searches for the commit that broke a branch."""

from collections.abc import Callable
from dataclasses import replace

from bot.domain.bisecting import Bisection, BisectionState
from bot.domain.catalog import Chosen
from bot.domain.refs import Sha
from bot.domain.runs import Cause, Run, RunState
from bot.domain.suites import Suite
from bot.ports.store import UnitOfWork
from tests.contract.store_values import AT, OTHER_SHA, SHA, a_run, stored_build

OpenWork = Callable[[], UnitOfWork]


def a_search(run: Run) -> Bisection:
    return Bisection(
        repository=run.repository,
        build=run.build,
        run=run.id,
        branch="main",
        suite=run.suite.key,
        good=OTHER_SHA,
        commits=(SHA,),
        actor="ana",
        created_at=AT,
    )


def pushed(unit: UnitOfWork, state: RunState, **more: object) -> Run:
    build = stored_build(unit, ref="main", cause=Cause.PUSH, change=None, **more)
    run = a_run(build, state=state, finished_at=AT)
    unit.runs.add(run)
    return run


def test_a_run_has_one_search_which_ends_once(work: OpenWork) -> None:
    with work() as unit:
        failed = pushed(unit, RunState.FAILED)
        one = unit.bisections.add(a_search(failed))
        assert unit.bisections.add(replace(a_search(failed), actor="bob")) == one
    with work() as unit:
        assert unit.bisections.of_run(failed.id) == unit.bisections.get(one.id) == one
        assert unit.bisections.of_build(failed.build) == unit.bisections.running(10) == [one]
        ended = replace(
            one, state=BisectionState.FOUND, first_bad=SHA, note="it", author="Ana", finished_at=AT, untestable=(SHA,)
        )
        assert unit.bisections.save(ended)
        assert not unit.bisections.save(replace(ended, state=BisectionState.STOPPED))
        assert unit.bisections.get(one.id) == ended
        assert unit.bisections.running(10) == []


def test_its_runs_speak_for_nothing_else_and_pushes_tell_it_what_they_know(work: OpenWork) -> None:
    with work() as unit:
        good = pushed(unit, RunState.PASSED, sha=OTHER_SHA)
        failed = pushed(unit, RunState.FAILED)
        assert unit.bisections.last_good(failed, "main", None) == good
        assert unit.bisections.last_good(failed, "other", None) is None
        one = unit.bisections.add(a_search(failed))
        assert unit.bisections.told(one, None) == [failed]
        build = stored_build(unit, ref="main", cause=Cause.BISECT, change=None)
        step = a_run(build, bisection=one.id)
        unit.runs.add(step)
        assert unit.bisections.runs(one.id) == [step]
        assert unit.runs.of_commit(step.repository, SHA) == [failed]
        latest = unit.runs.latest_at(step.repository, SHA, step.suite.key)
        assert latest == failed
        assert build not in unit.builds.at(build.repository, SHA)


def test_a_shard_was_good_where_all_its_siblings_passed(work: OpenWork) -> None:
    shards = [Suite(name="unit", image="box", commands=("true",), shard=one, shards=2) for one in (1, 2)]

    def push(sha: Sha, *states: RunState) -> list[Run]:
        build = stored_build(unit, ref="main", cause=Cause.PUSH, change=None, sha=sha)
        runs = [a_run(build, suite, state=state, finished_at=AT) for suite, state in zip(shards, states, strict=True)]
        for one in runs:
            unit.runs.add(one)
        return runs

    with work() as unit:
        good, _ = push(OTHER_SHA, RunState.PASSED, RunState.PASSED)
        push(Sha("d" * 40), RunState.PASSED, RunState.FAILED)
        failed, _ = push(SHA, RunState.FAILED, RunState.PASSED)
        assert unit.bisections.last_good(failed, "main", None) == good


def test_a_registered_suite_is_told_of_by_orders_of_that_version_alone(work: OpenWork) -> None:
    chosen = Chosen(suite="s1", suite_version=2, environment="e1", environment_version=1)

    def ordered(unit: UnitOfWork, state: RunState, sha: Sha, what: Chosen, cause: Cause = Cause.API) -> Run:
        build = stored_build(unit, ref="main", cause=cause, change=None, sha=sha, chosen=what)
        run = a_run(build, state=state, finished_at=AT)
        unit.runs.add(run)
        return run

    with work() as unit:
        pushed(unit, RunState.PASSED, sha=Sha("c" * 40))
        good = ordered(unit, RunState.PASSED, OTHER_SHA, chosen)
        ordered(unit, RunState.PASSED, Sha("d" * 40), replace(chosen, suite_version=1))
        ordered(unit, RunState.PASSED, Sha("e" * 40), replace(chosen, suite="s2"), Cause.RERUN)
        failed = ordered(unit, RunState.FAILED, SHA, chosen)
        assert unit.bisections.last_good(failed, "main", chosen) == good
        one = unit.bisections.add(replace(a_search(failed), commits=(OTHER_SHA, SHA)))
        assert unit.bisections.told(one, chosen) == [good, failed]
        assert unit.bisections.told(one, None) == []
