"""From a queued run to its verdict, through faults of ours and of the suite (RELIABILITY §6.3, §6.4)."""

from pathlib import Path

import pytest

from bot.app import reclaiming
from bot.app.jobs import script
from bot.domain.errors import SandboxUnavailable, SourceRefused, SourceUnavailable
from bot.domain.runs import Reason, RunId, RunState
from bot.domain.suites import Limits, Network
from bot.ports.queue import ExecuteRun, HandleDelivery
from bot.ports.sandbox import Exit, Leftover, Stop
from tests.builders import a_suite
from tests.fakes.sandbox import Act
from tests.walks import ONE, TWO, World

SCRIPT = "sh tests/run.sh"


def events(world: World) -> list[RunState]:
    run = world.run().id
    with world.app.work() as work:
        return [one.after for one in work.runs.events(run)]


def test_a_run_goes_through_its_states_and_keeps_its_log(world: World) -> None:
    world.sandbox.acts[SCRIPT] = Act(output=b"hello\n")
    world.push()
    world.settle()
    assert events(world) == [
        RunState.QUEUED,
        RunState.PREPARING,
        RunState.RUNNING,
        RunState.PASSED,
    ]
    assert world.log() == b"hello\n"
    assert world.app.logs.is_closed(world.run().id)
    assert world.sandbox.left == {}


@pytest.mark.parametrize(
    ("end", "state", "reason"),
    [
        (Exit(code=0), RunState.PASSED, None),
        (Exit(code=0, out_of_memory=True), RunState.PASSED, None),
        (Exit(code=3), RunState.FAILED, Reason.COMMAND),
        (Exit(code=137), RunState.FAILED, Reason.COMMAND),
        (Exit(code=255), RunState.FAILED, Reason.COMMAND),
        (Exit(code=137, out_of_memory=True, by_itself=False), RunState.FAILED, Reason.OUT_OF_MEMORY),
        (Exit(code=159), RunState.FAILED, Reason.BLOCKED_SYSTEM_CALL),
        (Exit(code=153), RunState.FAILED, Reason.FILE_SIZE_LIMIT),
        (Exit(code=137, stopped=Stop.TIMEOUT, by_itself=False), RunState.TIMED_OUT, Reason.TIMEOUT),
        (Exit(code=0, stopped=Stop.TIMEOUT), RunState.TIMED_OUT, Reason.TIMEOUT),
        (Exit(code=137, stopped=Stop.LOG_LIMIT, by_itself=False), RunState.FAILED, Reason.LOG_LIMIT),
        (Exit(code=137, stopped=Stop.DISK_LIMIT, by_itself=False), RunState.FAILED, Reason.DISK_LIMIT),
        (Exit(code=None, error="exec: no such file"), RunState.FAILED, Reason.COMMAND_NOT_RUNNABLE),
    ],
)
def test_how_a_container_ends_decides_the_verdict(
    world: World, end: Exit, state: RunState, reason: Reason | None
) -> None:
    world.sandbox.acts[SCRIPT] = Act(exit=end)
    world.push()
    world.settle()
    assert (world.run().state, world.run().reason) == (state, reason)
    assert world.run().attempt == 1


def test_what_was_killed_from_outside_is_tried_three_times(world: World) -> None:
    world.sandbox.acts[SCRIPT] = Act(exit=Exit(code=137, by_itself=False))
    world.push()
    world.settle()
    run = world.run()
    assert (run.state, run.reason, run.attempt) == (RunState.ERRORED, Reason.KILLED_EXTERNALLY, 3)
    assert len(world.sandbox.jobs) == 3
    assert b"[assay] Attempt 2:" in world.log()
    assert world.conclusions()["assay / unit"] == "failure"
    assert world.titles()["assay / unit"].startswith("Could not run: ")


def test_the_check_never_goes_back_between_attempts(world: World) -> None:
    test_what_was_killed_from_outside_is_tried_three_times(world)
    history = world.forge.check(ONE, "assay / unit").history
    order = ["queued", "in_progress", "failure"]
    steps = [order.index(step) for step in history]
    assert steps == sorted(steps)
    assert steps.count(2) == 1


def test_an_image_that_nobody_has_is_an_error_at_once(world: World) -> None:
    world.sandbox.absent.add("busybox")
    world.push()
    world.settle()
    run = world.run()
    assert (run.state, run.reason, run.attempt) == (RunState.ERRORED, Reason.IMAGE_MISSING, 1)
    assert "busybox" in world.titles()["assay / unit"]


@pytest.mark.parametrize(
    ("fault", "attempts", "reason"),
    [
        (SourceUnavailable("the forge did not answer"), 3, Reason.SOURCE),
        (SourceRefused("commit is too large"), 1, Reason.SOURCE),
    ],
)
def test_sources_that_cannot_be_had_say_nothing_about_the_change(
    world: World, fault: Exception, attempts: int, reason: Reason
) -> None:
    world.source.fault = fault
    world.push()
    world.settle()
    run = world.run()
    assert (run.state, run.reason, run.attempt) == (RunState.ERRORED, reason, attempts)
    assert world.sandbox.jobs == []
    assert str(fault) in world.titles()["assay / unit"]


def test_a_passing_fault_of_the_sources_is_not_seen_by_anybody(world: World) -> None:
    world.source.fault = SourceUnavailable("the forge did not answer")
    world.push()
    world.step(HandleDelivery)
    world.step(ExecuteRun)
    world.source.fault = None
    world.settle()
    assert world.run().state is RunState.PASSED
    assert "failure" not in world.forge.check(ONE, "assay / unit").history


def test_a_log_over_its_limit_ends_the_suite_with_a_last_line_that_says_so(tmp_path: Path) -> None:
    world = World(tmp_path, ceiling=Limits(log=1000))
    world.sandbox.acts[SCRIPT] = Act(output=b"x" * 5000, endless=True)
    world.push()
    world.settle()
    run, log = world.run(), world.log()
    assert (run.state, run.reason) == (RunState.FAILED, Reason.LOG_LIMIT)
    assert log.startswith(b"x" * 1000 + b"\n[assay] The log reached its limit of 1000 bytes")
    assert log.endswith(b"is not kept.\n")


def test_a_suite_over_its_time_is_stopped(world: World) -> None:
    world.forge.suite_files[""] = b"suites:\n  unit: {image: busybox, run: sleep, timeout: 1s}\n"
    world.sandbox.acts["sleep"] = Act(output=b"it-began\n", endless=True)
    world.push()
    world.settle()
    assert (world.run().state, world.run().tail) == (RunState.TIMED_OUT, "it-began")


def test_a_worker_that_is_shut_down_gives_the_run_back(world: World) -> None:
    world.sandbox.acts[SCRIPT] = Act(endless=True)
    world.shutdown.set()
    world.push()
    world.step(HandleDelivery)
    world.step(ExecuteRun)
    assert (world.run().state, world.run().reason) == (RunState.QUEUED, Reason.WORKER_LOST)
    world.shutdown.clear()
    world.sandbox.acts.clear()
    world.settle()
    assert world.run().state is RunState.PASSED


def test_a_run_whose_lease_ended_is_reaped_and_its_container_removed(world: World) -> None:
    _claimed(world)
    with world.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE run SET lease_until = lease_until - 3600")
    assert world.turn("reaper") == 1
    assert world.sandbox.removed == [(world.run().id, 1)]
    world.settle()
    assert (world.run().state, world.run().attempt) == (RunState.PASSED, 2)


def test_a_living_lease_is_left_alone(world: World) -> None:
    _claimed(world)
    assert world.turn("reaper") == 0
    assert world.run().state is RunState.PREPARING


def test_a_run_that_kills_its_worker_each_time_stops_after_three_attempts(world: World) -> None:
    for _ in range(3):
        _claimed(world)
        with world.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE run SET lease_until = lease_until - 3600")
        world.turn("reaper")
    world.settle()
    run = world.run()
    assert (run.state, run.reason, run.attempt) == (RunState.ERRORED, Reason.WORKER_LOST, 3)
    assert world.titles()["assay / unit"] == "Could not run: the worker stopped answering"


def _claimed(world: World) -> None:
    """As if a worker had died right after its claim."""
    if not world.builds():
        world.push()
        world.step(HandleDelivery)
    world.lose_hints()
    run = world.run().id
    with world.app.work() as work:
        assert work.runs.claim(run, "here/2:b", 60)


def test_a_verdict_that_comes_after_the_run_was_handed_on_is_discarded(world: World) -> None:
    """The worker froze, the reaper gave its run to another one, then it thaws."""
    world.push()
    world.step(HandleDelivery)

    def handed_on() -> None:
        run = world.run()
        with world.app.work() as work:
            assert work.runs.save(run, run.given_back(Reason.WORKER_LOST, world.now, "frozen"), "reaper")

    world.source.meanwhile = handed_on
    world.step(ExecuteRun)
    assert (world.run().state, world.run().attempt) == (RunState.QUEUED, 1)
    world.source.meanwhile = None
    world.turn("runs")
    world.settle()
    assert (world.run().state, world.run().attempt) == (RunState.PASSED, 2)


def test_leftovers_without_a_live_attempt_are_removed(world: World) -> None:
    _claimed(world)
    live, dead, young = (RunId(name) for name in (world.run().id, "dead", "young"))
    world.sandbox.left = {
        (live, 1): Leftover(live, 1, 1, age=1000),
        (dead, 2): Leftover(dead, 2, 2, age=1000),
        (young, 1): Leftover(young, 1, 1, age=5),
    }
    assert world.turn("janitor") == 1
    assert set(world.sandbox.left) == {(live, 1), (young, 1)}


def test_a_worker_that_starts_removes_at_once_what_others_have_begun_elsewhere(world: World) -> None:
    _claimed(world)
    live, elsewhere = world.run().id, RunId("elsewhere")
    world.sandbox.left = {
        (live, 1): Leftover(live, 1, 1, age=0),
        (elsewhere, 1): Leftover(elsewhere, 1, 1, age=0),
    }
    reclaiming.take_over(world.app)
    assert set(world.sandbox.left) == {(live, 1)}


def test_a_run_that_has_not_ended_within_a_day_is_ended(world: World) -> None:
    world.push()
    world.step(HandleDelivery)
    world.lose_hints()
    with world.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE run SET since = since - 2 * 86400")
    assert world.turn("deadlines") == 1
    assert (world.run().state, world.run().reason) == (RunState.ERRORED, Reason.DEADLINE)


def test_the_promised_variables_are_there_and_names_are_only_data(world: World) -> None:
    world.push(branch="a;id$(touch x)")
    world.settle()
    (job,) = world.sandbox.jobs
    wanted = {"CI": "true", "ASSAY": "true", "ASSAY_SUITE": "unit", "ASSAY_COMMIT": ONE, "ASSAY_REPO": "acme/hello"}
    assert {key: job.env[key] for key in wanted} == wanted
    assert job.env["ASSAY_BRANCH"] == "a;id$(touch x)"
    assert job.env["ASSAY_RUN_URL"] == "https://ci.example.org/b/1/unit"
    assert "touch" not in job.script
    assert job.network is Network.INTERNET


def test_an_engine_that_is_gone_in_the_middle_is_not_the_suites_fault(world: World) -> None:
    world.push()
    world.step(HandleDelivery)
    world.source.meanwhile = lambda: setattr(world.sandbox, "broken", "the engine is out of reach")
    world.step(ExecuteRun)
    assert (world.run().state, world.run().reason) == (RunState.QUEUED, Reason.SANDBOX)
    world.source.meanwhile, world.sandbox.broken = None, ""
    world.settle()
    assert world.run().state is RunState.PASSED


def test_an_engine_that_is_lost_while_the_suite_runs_costs_an_attempt_and_nothing_else(world: World) -> None:
    world.sandbox.acts[SCRIPT] = Act(output=b"it-began\n")
    world.sandbox.on_end = lambda: _lose(world)
    world.push()
    world.step(HandleDelivery)
    world.step(ExecuteRun)
    assert (world.run().state, world.run().reason) == (RunState.QUEUED, Reason.SANDBOX)
    world.sandbox.on_end = lambda: None
    world.settle()
    assert (world.run().state, world.run().attempt) == (RunState.PASSED, 2)


def test_who_cancels_a_run_whose_engine_is_lost_is_told_at_once(world: World) -> None:
    def cancelled_and_lost() -> None:
        run = world.run().id
        with world.app.work() as work:
            assert work.runs.ask_to_end(run, Reason.USER, "ana")
        _lose(world)

    world.sandbox.on_end = cancelled_and_lost
    world.push()
    world.settle()
    run = world.run()
    assert (run.state, run.reason, run.note) == (RunState.CANCELLED, Reason.USER, "ana")
    assert run.started_at is not None


def _lose(world: World) -> None:
    raise SandboxUnavailable(f"the engine of {world.app.owner} is gone")


def test_a_list_of_commands_shows_each_before_it_runs_it() -> None:
    text = script(a_suite(commands=("make", "echo 'it''s'"), is_script=False), "w0rd")
    assert text.split("\n")[1:] == [
        "{ _assay_shows 1 $? 'make'; } 2>/dev/null",
        "make",
        "{ _assay_shows 2 $? 'echo '\\''it'\\'''\\''s'\\'''; } 2>/dev/null",
        "echo 'it''s'",
    ]


def test_a_script_is_run_as_it_is_written() -> None:
    assert script(a_suite(commands=("make\nmake test\n",)), "w0rd") == "make\nmake test\n"


@pytest.mark.parametrize(("user", "numbers"), [("1000", (1000, 1000)), ("'1000:50'", (1000, 50))])
def test_a_suite_runs_as_the_user_of_its_environment(world: World, user: str, numbers: tuple[int, int]) -> None:
    environment = f"environments:\n  app: {{image: busybox, user: {user}}}\n"
    world.forge.suite_files[""] = f"{environment}suites:\n  unit: {{environment: app, run: x}}\n".encode()
    world.push()
    world.settle()
    assert [job.user for job in world.sandbox.jobs] == [numbers]


LIST = b"suites: {unit: {image: busybox, run: [make, make test, make dist]}}\n"


def test_commands_of_a_list_are_groups_and_the_check_names_the_one_that_failed(world: World) -> None:
    world.forge.suite_files[""] = LIST
    output = b"\x1e1:0\n$ make\nbuilt\n\x1e2:0\n$ make test\nno\n"
    world.sandbox.acts["unit"] = Act(output=output, exit=Exit(code=2))
    world.push()
    world.settle()
    run = world.run()
    assert world.titles()["assay / unit"] == "make test exited with 2"
    assert [(one.number, one.offset, one.code) for one in run.groups] == [(1, 0, 0), (2, len(b"$ make\nbuilt\n"), 2)]
    assert world.app.logs.read(run.id, 0, 100) == b"$ make\nbuilt\n$ make test\nno\n"


def test_a_command_that_is_stopped_has_no_exit_code(world: World) -> None:
    world.forge.suite_files[""] = LIST.replace(b"dist]", b"dist], timeout: 1s")
    world.sandbox.acts["unit"] = Act(output=b"\x1e1:0\n$ make\n", endless=True)
    world.push()
    world.settle()
    (group,) = world.run().groups
    assert (world.titles()["assay / unit"], group.code) == ("Timed out after 1s in: make", None)


def test_a_hint_starts_the_run_whose_turn_it_is(world: World) -> None:
    world.push()
    world.step(HandleDelivery)
    world.push(TWO, branch="other")
    world.step(HandleDelivery)
    world.lose_hints()
    world.queue.send(ExecuteRun(world.run(2).id))
    world.step(ExecuteRun)
    assert [world.run(1).state, world.run(2).state] == [RunState.PASSED, RunState.QUEUED]
