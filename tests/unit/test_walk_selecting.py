"""Failed tests alone, again: by `retries` and by `/retest failed-tests` (BEHAVIOUR §2, `retry.select`)."""

import pytest

from bot.domain.results import Outcome, Results
from bot.domain.runs import Reason, Run, RunState
from bot.ports.queue import ExecuteRun
from bot.ports.sandbox import Exit
from tests.fakes.forge import a_change
from tests.fakes.sandbox import Act
from tests.talks import last_reply
from tests.walks import ONE, World

FILE = b"""suites:
  unit: {image: box, run: "all\\n", retry: {select: some}, reports: {junit: r.xml}, retries: %d}
"""
UNIT = "assay / unit"


def report(**tests: str) -> bytes:
    inner = {"failed": "<failure message='no'/>"}
    cases = "".join(
        f'<testcase classname="t" name="{name}">{inner.get(how, "")}</testcase>' for name, how in tests.items()
    )
    return f"<testsuite>{cases}</testsuite>".encode()


def act(world: World, script: str, code: int, **tests: str) -> None:
    world.sandbox.acts[script] = Act(exit=Exit(code=code), files={"r.xml": report(**tests)})


def begin(world: World, retries: int = 0) -> World:
    """A change whose suite failed: a and b failed, c passed."""
    world.forge.suite_files[""] = FILE % retries
    act(world, "all\n", 1, a="failed", b="failed", c="passed")
    world.open_change(a_change(7, ONE))
    if not retries:
        world.settle()
    return world


def newest(world: World) -> tuple[Run, Results]:
    with world.app.work() as work:
        build = work.builds.recent(1)[0]
        (run,) = work.runs.of_build(build.id)
        results = work.results.of_run(run.id)
    assert results is not None
    return run, results


def scripts(world: World) -> list[str]:
    return [job.script for job in world.sandbox.jobs]


def test_just_the_failed_tests_run_and_the_other_results_stand(world: World) -> None:
    begin(world)
    act(world, "some", 1, a="passed", b="failed")
    world.say("/retest failed-tests")
    assert scripts(world) == ["all\n", "some"]
    assert world.sandbox.jobs[-1].env["ASSAY_TESTS"] == "t::a\nt::b"
    run, results = newest(world)
    assert (run.state, run.reason) == (RunState.FAILED, Reason.TESTS)
    assert (results.passed, results.failed) == (2, 1)
    assert world.titles()[UNIT] == "1 test failed"
    with world.app.work() as work:
        cases = work.results.cases(run.id, 10)
    assert [(one.name, one.outcome) for one in cases] == [
        ("t::a", Outcome.PASSED),
        ("t::b", Outcome.FAILED),
        ("t::c", Outcome.PASSED),
    ]


def test_what_still_failed_alone_can_be_run_alone_once_more(world: World) -> None:
    begin(world)
    act(world, "some", 1, a="passed", b="failed")
    world.say("/retest failed-tests")
    act(world, "some", 0, b="passed")
    world.say("/retest failed-tests unit")
    assert world.sandbox.jobs[-1].env["ASSAY_TESTS"] == "t::b"
    run, results = newest(world)
    assert (run.state, results.passed) == (RunState.PASSED, 3)
    assert world.titles()[UNIT].startswith("3 passed in ")


def test_when_a_selected_test_does_not_run_the_whole_suite_does(world: World) -> None:
    begin(world)
    act(world, "some", 0, a="passed")
    act(world, "all\n", 0, a="passed", b="passed", c="passed")
    world.say("/retest failed-tests")
    assert scripts(world) == ["all\n", "some", "all\n"]
    run, results = newest(world)
    assert (run.state, run.attempt, results.passed) == (RunState.PASSED, 2, 3)
    log = world.app.logs.read(run.id, 0, 10_000)
    assert b"Just the tests that failed are run: 2." in log
    assert b"1 selected test did not run, so the whole suite is run" in log


@pytest.mark.parametrize("said", ["/retest", "/retest failed-tests\n/retest"])
def test_a_plain_retest_runs_the_whole_suite(world: World, said: str) -> None:
    begin(world)
    world.say(said)
    assert scripts(world) == ["all\n", "all\n"]


def test_a_suite_that_does_not_say_how_runs_whole(world: World) -> None:
    world.forge.suite_files[""] = (FILE % 0).replace(b"retry: {select: some}, ", b"")
    act(world, "all\n", 1, a="failed")
    world.open_change(a_change(7, ONE))
    world.settle()
    world.say("/retest failed-tests")
    assert scripts(world) == ["all\n", "all\n"]


def test_green_suites_stay_and_there_is_a_word_for_that(world: World) -> None:
    world.forge.suite_files[""] = FILE % 0
    act(world, "all\n", 0, a="passed")
    world.open_change(a_change(7, ONE))
    world.settle()
    world.say("/retest failed-tests")
    assert scripts(world) == ["all\n"]
    assert "Nothing to run again" in last_reply(world)


def test_a_retry_runs_just_the_failed_tests_and_a_pass_then_is_flaky(world: World) -> None:
    begin(world, retries=1)
    act(world, "some", 0, a="passed", b="passed")
    world.settle()
    assert scripts(world) == ["all\n", "some"]
    run, results = newest(world)
    assert (run.state, run.failures) == (RunState.PASSED, 1)
    assert (results.passed, results.flaky, results.failed) == (1, 2, 0)
    assert world.titles()[UNIT].startswith("1 passed, 2 flaky in ")


def test_a_worker_that_dies_in_the_second_attempt_loses_no_result_of_the_first(world: World) -> None:
    begin(world, retries=1)
    act(world, "some", 0, a="passed", b="passed")
    while not world.sandbox.jobs:
        world.step(type(world.queue.tasks[0]))
    (waiting,) = {one.run for one in world.queue.tasks if isinstance(one, ExecuteRun)}
    with world.app.work() as work:
        claimed = work.runs.claim(waiting, "dead", 60.0)
        assert claimed is not None
        assert work.runs.save(claimed, claimed.given_back(Reason.WORKER_LOST, world.app.now(), "lost"), "reaper")
    world.settle()
    run, results = newest(world)
    assert scripts(world) == ["all\n", "some"]
    assert (run.state, results.passed, results.flaky) == (RunState.PASSED, 1, 2)


def test_too_many_names_are_no_selection(world: World) -> None:
    world.forge.suite_files[""] = FILE % 0
    act(world, "all\n", 1, **{f"{'x' * 400}{number}": "failed" for number in range(300)})
    world.open_change(a_change(7, ONE))
    world.settle()
    world.say("/retest failed-tests")
    assert scripts(world) == ["all\n", "all\n"]
