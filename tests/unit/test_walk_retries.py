"""Runs that fail and are tried again because their suite says so (`retries`)."""

import pytest

from bot.domain.runs import Reason, RunState
from bot.ports.queue import ExecuteRun, HandleDelivery
from bot.ports.sandbox import Exit, Stop
from tests.fakes.sandbox import Act
from tests.walks import ONE, World

SCRIPT = "sh tests/run.sh"
FILE = """
suites:
  unit:
    image: busybox
    run: sh tests/run.sh
    retries: 2
    artifacts: {{paths: [out/], store: {store}}}
"""
BAD = Exit(code=1)


@pytest.fixture
def world(world: World) -> World:
    world.forge.suite_files[""] = FILE.format(store="always").encode()
    return world


def log_of(world: World) -> str:
    return world.app.logs.read(world.run().id, 0, 1 << 20).decode()


def act(world: World, *acts: Act) -> None:
    world.sandbox.turns[SCRIPT] = list(acts)
    world.push()
    world.settle()


def test_a_pass_after_a_failure_is_passed_and_shown_as_flaky(world: World) -> None:
    act(world, Act(output=b"first\n", exit=BAD), Act(output=b"second\n"))
    run = world.run()
    assert (run.state, run.reason, run.attempt, run.failures) == (RunState.PASSED, None, 2, 1)
    assert run.is_flaky
    assert world.titles()["assay / unit"].endswith("(flaky: failed once before)")
    assert world.titles()["assay"].endswith("(1 flaky)")
    assert world.conclusions() == {"assay / unit": "success", "assay": "success"}


def test_one_log_holds_every_attempt_with_a_line_between(world: World) -> None:
    act(world, Act(output=b"first\n", exit=BAD), Act(output=b"second\n", exit=Exit(code=7)), Act(output=b"third\n"))
    assert log_of(world) == (
        "first\n"
        "\n[assay] Attempt 2: the last attempt exited with 1.\nsecond\n"
        "\n[assay] Attempt 3: the last attempt exited with 7.\nthird\n"
    )
    assert world.app.logs.is_closed(world.run().id)


def test_each_attempt_has_a_place_of_its_own_and_nothing_is_left(world: World) -> None:
    act(world, Act(files={"out/old": b"old"}, exit=BAD), Act(files={"out/new": b"new"}))
    assert [(job.attempt, job.env["ASSAY_ATTEMPT"]) for job in world.sandbox.jobs] == [(1, "1"), (2, "2")]
    assert {attempt for _, attempt in world.sandbox.removed} == {1, 2}
    assert world.sandbox.left == {}
    assert kept(world) == ["out/new"]


def kept(world: World) -> list[str]:
    run = world.run().id
    with world.app.work() as work:
        return [one.path for one in work.artifacts.of_run(run)]


def test_what_a_failed_attempt_left_stays_when_only_failures_are_kept(world: World) -> None:
    world.forge.suite_files[""] = FILE.format(store="on-failure").encode()
    act(world, Act(files={"out/old": b"old"}, exit=BAD), Act(files={"out/new": b"new"}))
    assert kept(world) == ["out/old"]


def test_the_last_failure_decides_when_all_attempts_fail(world: World) -> None:
    world.sandbox.acts[SCRIPT] = Act(exit=BAD)
    act(world)
    run = world.run()
    assert (run.state, run.reason, run.attempt, run.failures) == (RunState.FAILED, Reason.COMMAND, 3, 2)
    assert world.titles()["assay / unit"] == "sh tests/run.sh exited with 1 (all 3 attempts failed)"


@pytest.mark.parametrize(
    "end",
    [
        Exit(code=137, stopped=Stop.TIMEOUT, by_itself=False),
        Exit(code=137, stopped=Stop.NO_OUTPUT, by_itself=False),
        Exit(code=137, stopped=Stop.LOG_LIMIT, by_itself=False),
        Exit(code=137, stopped=Stop.DISK_LIMIT, by_itself=False),
        Exit(code=153),
        Exit(code=159),
        Exit(code=None, error="exec: no such file"),
    ],
)
def test_what_would_be_the_same_again_is_not_tried_again(world: World, end: Exit) -> None:
    act(world, Act(exit=end))
    assert world.run().state.is_final
    assert len(world.sandbox.jobs) == 1


@pytest.mark.parametrize("end", [Exit(code=1), Exit(code=137, out_of_memory=True, by_itself=False)])
def test_commands_and_memory_get_another_attempt(world: World, end: Exit) -> None:
    act(world, Act(exit=end))
    assert world.run().is_flaky


def test_the_check_stays_in_progress_between_the_attempts(world: World) -> None:
    act(world, Act(exit=BAD), Act())
    history = world.forge.check(ONE, "assay / unit").history
    assert history[-1] == "success"
    assert set(history) <= {"queued", "in_progress", "success"}


def test_a_failed_run_that_somebody_wants_to_end_is_not_tried_again(world: World) -> None:
    def ask() -> None:
        run = world.run().id
        with world.app.work() as work:
            work.runs.ask_to_end(run, Reason.USER, "ana")

    world.sandbox.on_end = ask
    act(world, Act(exit=BAD))
    assert (world.run().state, world.run().attempt) == (RunState.FAILED, 1)


def test_a_missing_image_is_not_tried_again(world: World) -> None:
    world.sandbox.absent.add("busybox")
    act(world)
    assert (world.run().state, world.run().attempt) == (RunState.ERRORED, 1)


def test_a_worker_that_dies_between_two_attempts_loses_nothing(world: World) -> None:
    world.sandbox.turns[SCRIPT] = [Act(exit=BAD)]
    world.push()
    world.step(HandleDelivery)
    world.step(ExecuteRun)
    assert (world.run().state, world.run().failures) == (RunState.QUEUED, 1)
    world.lose_hints()
    assert world.turn("runs") == 1
    world.settle()
    assert (world.run().state, world.run().failures) == (RunState.PASSED, 1)


def test_a_worker_that_dies_in_the_second_attempt_costs_none_of_the_retries(world: World) -> None:
    act(world, Act(exit=BAD), Act(exit=Exit(code=137, by_itself=False)), Act(exit=BAD), Act())
    run = world.run()
    assert (run.state, run.attempt, run.failures) == (RunState.PASSED, 4, 2)


def test_failures_of_its_own_use_up_none_of_the_attempts_for_our_faults(world: World) -> None:
    lost = Act(exit=Exit(code=137, by_itself=False))
    act(world, Act(exit=BAD), lost, Act(exit=BAD), lost, Act())
    assert (world.run().state, world.run().attempt) == (RunState.PASSED, 5)


def test_our_faults_alone_make_nothing_flaky(world: World) -> None:
    act(world, Act(exit=Exit(code=137, by_itself=False)), Act())
    assert (world.run().state, world.run().attempt, world.run().is_flaky) == (RunState.PASSED, 2, False)
