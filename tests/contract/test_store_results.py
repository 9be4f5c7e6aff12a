"""What every store must do with test results."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.domain.checks import Annotation
from bot.domain.refs import Sha
from bot.domain.results import Case, Failure, Outcome, Results
from bot.domain.runs import Run
from bot.domain.suites import Suite
from bot.ports.results import Base
from bot.ports.store import UnitOfWork
from tests.contract.store_values import OTHER_SHA, SHA, a_run, stored_build

OpenWork = Callable[[], UnitOfWork]

P, F, S, K = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED, Outcome.FLAKY
DAY = 86400.0


def a_case(name: str, outcome: Outcome = P, seconds: float | None = None) -> Case:
    return Case(name=name, outcome=outcome, seconds=seconds, message="no" if outcome in (F, K) else "")


def ran(
    unit: UnitOfWork,
    *cases: Case,
    branch: str = "main",
    sha: Sha = SHA,
    suite: Suite | str = "unit",
    concluded: bool = True,
    sender: int = 1,
) -> Run:
    """A run of a build of its own, with these results."""
    run = a_run(stored_build(unit, sha=sha, sender_id=sender), suite)
    unit.runs.add(run)
    unit.results.begin(run)
    unit.results.add(run, cases)
    if concluded:
        unit.results.conclude(run, branch, Results(passed=1))
    return run


def test_what_a_run_came_to_is_found_by_it_once_it_is_concluded(work: OpenWork) -> None:
    results = Results(passed=3, failed=1, base="main", failures=(Failure(name="a", message="é"),), coverage=(3, 4))
    with work() as unit:
        run = ran(unit, concluded=False)
        assert unit.results.of_run(run.id) is None
        unit.results.conclude(run, "main", results)
    with work() as unit:
        assert unit.results.of_run(run.id) == results


def test_half_a_character_in_what_a_tool_found_does_not_cost_the_verdict(work: OpenWork) -> None:
    found = Annotation(path="a.py", line=1, title="rule \ud800", message="a \udfff b, é")
    with work() as unit:
        run = ran(unit, concluded=False)
        unit.results.conclude(run, "main", Results(annotations=(found,)))
    with work() as unit:
        (kept,) = (unit.results.of_run(run.id) or Results()).annotations
    assert kept == replace(found, title="rule \ufffd", message="a \ufffd b, é")


def test_tests_are_listed_by_name_with_what_failed_ones_said(work: OpenWork) -> None:
    told = Case(name="b", outcome=F, seconds=1.5, message="m\0", details="d", file="f.py", line=3)
    with work() as unit:
        run = ran(unit, a_case("c"), told, a_case("a", S))
        assert [one.name for one in unit.results.cases(run.id, 10)] == ["a", "b", "c"]
        assert unit.results.cases(run.id, 1, after="a") == [replace(told, message="m\N{REPLACEMENT CHARACTER}")]
        assert [one.name for one in unit.results.cases(run.id, 10, outcome=S)] == ["a"]


def test_a_second_attempt_takes_the_place_of_the_first(work: OpenWork) -> None:
    with work() as unit:
        run = ran(unit, a_case("a", F), a_case("b"))
        unit.results.begin(run)
        unit.results.add(run, [a_case("a")])
        assert [(one.name, one.outcome) for one in unit.results.cases(run.id, 10)] == [("a", P)]
        assert unit.results.of_run(run.id) is None


def test_many_tests_come_in_portions(work: OpenWork) -> None:
    names = [f"test {number:04}" for number in range(1201)]
    with work() as unit:
        run = ran(unit, *map(a_case, names))
        unit.results.add(ran(unit, concluded=False), list(map(a_case, names)))
        assert [one.name for one in unit.results.cases(run.id, 2000)] == names


def test_the_base_is_the_newest_concluded_build_of_the_branch_before_the_run(work: OpenWork) -> None:
    with work() as unit:
        ran(unit, sha=OTHER_SHA)
        newest = ran(unit, a_case("a", F), a_case("b"))
        ran(unit, branch="")
        ran(unit, concluded=False)
        ran(unit, suite="lint")
        mine = ran(unit, branch="", concluded=False)
        ran(unit)
        base = unit.results.base(mine, "main")
        assert base == Base(branch="main", build=newest.build, sha=SHA)
        assert unit.results.base(mine, "other") is None
        exact = unit.results.base(mine, "main", OTHER_SHA)
        assert exact is not None
        assert exact.sha == OTHER_SHA


def test_what_tests_came_to_in_the_base(work: OpenWork) -> None:
    with work() as unit:
        ran(unit, a_case("a", F), a_case("b"))
        mine = ran(unit, branch="")
        base = unit.results.base(mine, "main")
        assert base is not None
        assert unit.results.in_base(mine, base) == {"a": F, "b": P}
        assert unit.results.in_base(mine, base, ["a", "c"]) == {"a": F}


def test_all_shards_of_a_build_are_its_base(work: OpenWork) -> None:
    one, two = (Suite(name="unit", image="b", commands=("x",), shard=number, shards=2) for number in (1, 2))
    with work() as unit:
        build = stored_build(unit)
        for suite, name in ((one, "a"), (two, "b")):
            run = a_run(build, suite)
            unit.runs.add(run)
            unit.results.add(run, [a_case(name)])
            unit.results.conclude(run, "main", Results())
        mine = ran(unit, suite=one)
        base = unit.results.base(mine, "main")
        assert base is not None
        assert unit.results.in_base(mine, base) == {"a": P, "b": P}


def test_the_newest_results_of_a_shard_are_its_own(work: OpenWork) -> None:
    one, two = (Suite(name="unit", image="b", commands=("x",), shard=number, shards=2) for number in (1, 2))
    with work() as unit:
        for passed in (3, 5):
            build = stored_build(unit)
            for suite in (one, two):
                run = a_run(build, suite)
                unit.runs.add(run)
                unit.results.conclude(run, "main", Results(passed=passed + suite.shard))
        mine = ran(unit, suite=two)
        assert unit.results.newest(mine, "main") == Results(passed=7)
        assert unit.results.newest(mine, "other") is None


def test_the_history_of_a_test_has_the_newest_first(work: OpenWork) -> None:
    with work() as unit:
        first = ran(unit, a_case("a", F, 2.0))
        ran(unit, a_case("a"), branch="")
        ran(unit, a_case("a"), concluded=False)
        last = ran(unit, a_case("a", P, 1.0))
        of = (first.repository, "unit", "", "a", 10)
        past = unit.results.history(*of, branch="main")
        assert [(one.run, one.outcome, one.seconds) for one in past] == [(last.id, P, 1.0), (first.id, F, 2.0)]
        assert [one.branch for one in unit.results.history(*of)] == ["main", "", "main"]


def test_cells_have_histories_of_their_own(work: OpenWork) -> None:
    cell = Suite(name="unit", image="b", commands=("x",), cell=(("python", "3.12"),))
    with work() as unit:
        run = ran(unit, a_case("a"), suite=cell)
        assert unit.results.history(run.repository, "unit", "", "a", 10) == []
        assert len(unit.results.history(run.repository, "unit", "3.12", "a", 10)) == 1


def test_flaky_is_what_failed_and_passed_on_one_commit(work: OpenWork) -> None:
    with work() as unit:
        ran(unit, a_case("both"), a_case("steady"), a_case("elsewhere"))
        ran(unit, a_case("both", F), a_case("steady", F), sha=OTHER_SHA)
        ran(unit, a_case("both"), sha=OTHER_SHA)
        ran(unit, a_case("in one run", K), sha=OTHER_SHA)
        mine = ran(unit, branch="", sha=Sha("c3" * 20), concluded=False)
        names = ["both", "steady", "elsewhere", "in one run", "never seen"]
        assert unit.results.flaky_among(mine, names, DAY) == {"both", "in one run"}
        assert unit.results.flaky_among(mine, names, -1) == frozenset()


def test_a_failure_after_a_pass_on_the_same_commit_is_flaky(work: OpenWork) -> None:
    with work() as unit:
        ran(unit, a_case("a"))
        mine = ran(unit, a_case("a", F), concluded=False)
        assert unit.results.flaky_among(mine, ["a"], DAY) == {"a"}


def test_the_usual_time_is_the_middle_of_the_last_ones(work: OpenWork) -> None:
    with work() as unit:
        runs = [ran(unit, a_case("a", P, seconds), a_case("b")) for seconds in (1.0, 9.0, 2.0)]
        assert unit.results.usual_seconds(runs[-1], ["a", "b", "c"], "main") == {"a": 2.0}


def test_flaky_tests_are_listed_by_how_many_people_they_held_up(work: OpenWork) -> None:
    with work() as unit:
        for sender in (1, 2):
            ran(unit, a_case("worse", F), a_case("steady", F), sender=sender)
        ran(unit, a_case("worse"), a_case("bad", F), sender=3)
        run = ran(unit, a_case("bad"), sender=3)
        worse, bad = unit.results.flaky(run.repository, DAY, 10)
    assert (worse.name, worse.people, worse.failures, worse.runs, worse.commits) == ("worse", 2, 2, 3, 1)
    assert (bad.name, bad.people, bad.suite, bad.cell) == ("bad", 1, "unit", "")


def test_old_results_are_forgotten_in_portions(work: OpenWork) -> None:
    with work() as unit:
        runs = [ran(unit, a_case("a", F)) for _ in range(3)]
        assert unit.results.prune(DAY, 10) == 0
        assert unit.results.prune(-1, 2) == 2
        assert [unit.results.of_run(run.id) is None for run in runs] == [True, True, False]
        assert unit.results.cases(runs[0].id, 10) == []
        assert len(unit.results.cases(runs[2].id, 10)) == 1


@pytest.mark.parametrize("name", ["a\0b", "half \ud800", "ü" * 500])
def test_any_name_can_be_stored(work: OpenWork, name: str) -> None:
    with work() as unit:
        run = ran(unit, a_case(name, F))
        assert len(unit.results.cases(run.id, 10)) == 1


def test_the_first_plan_for_the_shards_of_a_commit_stays(work: OpenWork) -> None:
    first, second = (Suite(name="unit", image="box", commands=("x",), shard=shard, shards=2) for shard in (1, 2))
    with work() as unit:
        one = ran(unit, a_case("a", seconds=2.0), a_case("b"), suite=first)
        base = unit.results.base(a_run(stored_build(unit), second), "main")
        assert base
        assert unit.results.seconds_in_base(one, base) == {"a": 2.0}
        assert unit.results.shard_plan(one) is None
        assert unit.results.keep_shard_plan(one, "1 a") == "1 a"
    with work() as unit:
        other = ran(unit, suite=second)
        assert unit.results.keep_shard_plan(other, "2 a") == "1 a"
        assert unit.results.shard_plan(ran(unit, suite=second, sha=OTHER_SHA)) is None
