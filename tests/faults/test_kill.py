"""kill -9 at every fault point, then a new start: the run ends once and rightly, nothing is left (F01 to F15)."""

import pytest

from tests.faults.place import COUNTED, COUNTING, Place, suite_file
from tests.faults.quiet import assert_quiet
from tests.images import busybox

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

PASSED = {"assay": "success", "assay / unit": "success"}
FAILED = {"assay": "failure", "assay / unit": "failure"}
SLOW_AT_FIRST = 'if [ "$ASSAY_ATTEMPT" = 1 ]; then echo first; sleep 60; fi\necho second\n'


def killed_at(here: Place, point: str, script: str = "echo all is well\n") -> str:
    """The commit that was pushed when it happened."""
    here.serve.start(f"{point}=kill")
    sha = here.push(script)
    here.serve.wait_killed()
    return sha


def test_a_delivery_that_was_never_stored_is_asked_for_by_the_next_process(here: Place) -> None:
    sha = killed_at(here, "web.after_body")
    lost = here.last_delivery()
    here.serve.start()
    assert here.conclusions(sha) == PASSED
    assert (lost.status_code, here.last_delivery().status_code) == (0, 202)
    assert here.last_delivery().guid == lost.guid
    assert len(assert_quiet(here).runs) == 1


def test_a_delivery_that_was_stored_is_done_although_nobody_heard_of_it(here: Place) -> None:
    sha = killed_at(here, "web.after_commit")
    unheard = here.last_delivery()
    here.serve.start()
    assert here.conclusions(sha) == PASSED
    (again,) = here.github.hooks.redeliver(unheard.guid)
    assert (unheard.status_code, again.status_code) == (0, 200)
    assert len(assert_quiet(here).runs) == 1


def test_a_delivery_that_was_answered_is_done(here: Place) -> None:
    sha = killed_at(here, "web.after_answer")
    assert here.last_delivery().status_code == 202
    here.serve.start()
    assert here.conclusions(sha) == PASSED
    assert len(assert_quiet(here).runs) == 1


def test_a_hint_that_was_lost_costs_no_attempt(here: Place) -> None:
    sha = killed_at(here, "worker.after_hint")
    here.serve.start()
    assert here.conclusions(sha) == PASSED
    (run,) = assert_quiet(here).runs
    assert run.attempt == 1


@pytest.mark.parametrize(
    "point",
    [
        "worker.after_claim",
        "sandbox.after_create",
        "sandbox.after_start",
    ],
)
def test_a_worker_that_dies_before_it_noted_a_start_loses_one_attempt(here: Place, point: str) -> None:
    sha = killed_at(here, point)
    here.serve.start()
    assert here.conclusions(sha) == PASSED
    (run,) = assert_quiet(here).runs
    assert (run.state, run.attempt) == ("passed", 2)
    assert run.outcomes == [("queued", "worker_lost"), ("passed", None)]


@pytest.mark.parametrize("point", ["worker.while_running", "worker.after_exit", "worker.in_parser"])
def test_what_a_dead_worker_had_started_its_successor_brings_to_its_end(here: Place, point: str) -> None:
    sha = killed_at(here, point)
    here.serve.start()
    assert here.conclusions(sha) == PASSED
    (run,) = assert_quiet(here).runs
    assert (run.attempt, run.outcomes) == (1, [("passed", None)])
    assert [one.what for one in here.engine.happened] == ["start", "die"]
    assert here.log(run.id) == b"all is well\n"


def test_a_failing_suite_fails_after_the_worker_died_as_well(here: Place) -> None:
    sha = killed_at(here, "worker.after_exit", "echo broken; exit 3\n")
    here.serve.start()
    assert here.conclusions(sha) == FAILED
    (run,) = assert_quiet(here).runs
    assert (run.state, run.attempt) == ("failed", 1)


def test_a_log_has_every_line_once_however_often_its_worker_was_killed(here: Place) -> None:
    here.serve.start()
    sha = here.push(COUNTING)
    for _ in range(2):
        here.wait_log("line 20\n")
        here.serve.kill()
        here.serve.start()
    here.let_go()
    assert here.conclusions(sha) == PASSED
    (run,) = assert_quiet(here).runs
    assert run.outcomes == [("passed", None)]
    assert [one.what for one in here.engine.happened] == ["start", "die"]
    assert here.log(run.id).decode().splitlines() == COUNTED


def test_what_ended_while_no_worker_was_there_has_its_verdict_and_its_whole_log(here: Place) -> None:
    sha = killed_at(here, "worker.while_running", "seq 1 2000\nexit 3\n")
    here.serve.start()
    assert here.conclusions(sha) == FAILED
    (run,) = assert_quiet(here).runs
    assert (run.state, run.attempt) == ("failed", 1)
    assert here.log(run.id).decode().splitlines() == [str(number) for number in range(1, 2001)]


def test_the_time_that_passed_without_a_worker_counts(here: Place) -> None:
    here.serve.start()
    sha = push_with(here, "    timeout: 3s\n", "echo on\nsleep 60\n")
    here.wait_log("on\n")
    here.serve.kill()
    here.serve.start()
    assert here.conclusions(sha) == {name: "timed_out" if name == "assay / unit" else "failure" for name in FAILED}
    (run,) = assert_quiet(here).runs
    assert (run.state, run.attempt) == ("timed_out", 1)


def test_a_container_that_went_with_its_worker_is_started_again(here: Place) -> None:
    here.serve.start()
    sha = here.push(SLOW_AT_FIRST)
    here.wait_log("first\n")
    here.serve.kill()
    here.engine.clear()
    here.serve.start()
    assert here.conclusions(sha) == PASSED
    (run,) = assert_quiet(here).runs
    assert run.outcomes == [("queued", "worker_lost"), ("passed", None)]


def test_a_network_of_a_dead_worker_goes_with_its_container(here: Place) -> None:
    here.serve.start("sandbox.after_start=kill", NETWORK_DEFAULT="internet")
    sha = here.push("echo all is well\n")
    here.serve.wait_killed()
    assert any(name.startswith("network") for name in here.engine.left())
    here.serve.start(NETWORK_DEFAULT="internet")
    assert here.conclusions(sha) == PASSED
    assert_quiet(here)


def test_a_verdict_stands_and_is_reported_although_its_worker_died(here: Place) -> None:
    sha = killed_at(here, "worker.after_verdict")
    here.serve.start()
    assert here.conclusions(sha) == PASSED
    (run,) = assert_quiet(here).runs
    assert (run.state, run.attempt) == ("passed", 1)


def test_a_log_is_whole_although_its_packing_was_cut_off(here: Place) -> None:
    sha = killed_at(here, "logs.after_pack", "seq 20000\n")
    here.serve.start()
    assert here.conclusions(sha) == PASSED
    (run,) = assert_quiet(here).runs
    assert run.attempt == 1
    assert here.log(run.id).splitlines()[-20000:] == [b"%d" % number for number in range(1, 20001)]


@pytest.mark.parametrize("point", ["reporter.after_publish", "reporter.after_sent"])
def test_a_reporter_that_dies_leaves_one_check_of_each_name(here: Place, point: str) -> None:
    sha = killed_at(here, point)
    here.serve.start()
    here.conclusions(sha)
    (run,) = assert_quiet(here).runs
    assert run.state == "passed"
    assert sorted(check.name for check in here.github.check_runs(here.repo, sha)) == sorted(PASSED)


def test_a_final_state_that_may_have_been_shown_is_shown_again_without_harm(here: Place) -> None:
    here.github.fail_next(r"/check-runs/\d+$", "PATCH", 503, count=1000)
    here.serve.start()
    sha = here.push("echo all is well\n")
    here.wait_output("run.ended")
    here.serve.kill()
    here.github.fail_no_more()
    here.serve.start("reporter.after_publish=kill")
    here.serve.wait_killed()
    here.serve.start()
    assert here.conclusions(sha) == PASSED
    assert_quiet(here)


def test_a_removal_that_was_cut_off_is_finished(here: Place) -> None:
    sha = killed_at(here, "worker.after_verdict")
    here.serve.start("janitor.while_removing=kill")
    here.serve.wait_killed()
    assert here.engine.containers() == []
    here.serve.start()
    assert here.conclusions(sha) == PASSED
    assert_quiet(here)


def test_a_run_that_kills_its_worker_each_time_is_given_up_and_others_go_on(here: Place) -> None:
    sha = killed_at(here, "worker.in_parser")
    for _ in range(5):  # each attempt is taken over once, and then begun anew
        here.serve.start("worker.in_parser=kill!")
        here.serve.wait_killed()
    here.serve.start("worker.in_parser=kill!")
    assert here.conclusions(sha) == FAILED
    here.serve.kill()
    here.serve.start()
    other = here.push("echo another\n")
    assert here.conclusions(other) == PASSED
    poisoned, well = assert_quiet(here).runs
    assert (poisoned.state, poisoned.attempt, well.state) == ("errored", 3, "passed")
    assert poisoned.outcomes == [("queued", "worker_lost")] * 2 + [("errored", "worker_lost")]


def test_a_worker_that_dies_between_two_attempts_of_a_suite_forgets_no_failure(here: Place) -> None:
    here.serve.start("worker.after_verdict=kill")
    sha = push_with(here, "    retries: 1\n", 'echo "try $ASSAY_ATTEMPT"; test "$ASSAY_ATTEMPT" = 2\n')
    here.serve.wait_killed()
    here.serve.start()
    assert here.conclusions(sha) == PASSED
    (run,) = assert_quiet(here).runs
    assert (run.state, run.attempt) == ("passed", 2)
    assert run.outcomes == [("queued", "command"), ("passed", None)]
    check = here.check(sha)
    assert check is not None
    assert "(flaky: failed once before)" in (check.title or "")
    assert [line for line in here.log(run.id).decode().splitlines() if line] == [
        "try 1",
        "[assay] Attempt 2: the last attempt exited with 1.",
        "try 2",
    ]


def test_a_worker_that_dies_while_it_keeps_a_cache_leaves_no_part_of_it(here: Place) -> None:
    here.serve.start("caches.before_publish=kill")
    sha = push_with(here, "    cache: {key: lib, paths: [lib/]}\n", "ls lib || mkdir lib; echo library > lib/file\n")
    here.serve.wait_killed()
    caches = here.serve.data / "storage" / "caches"
    assert list(caches.glob("*/*/*")) == []
    here.serve.start()
    assert here.conclusions(sha) == PASSED
    (run,) = assert_quiet(here).runs
    assert (run.state, run.attempt) == ("passed", 1)
    assert list(caches.glob("*/default/*")) == []
    sha = push_with(here, "    cache: {key: lib, paths: [lib/]}\n", "ls lib || mkdir lib; echo other > lib/file\n")
    assert here.conclusions(sha) == PASSED
    assert len(list(caches.glob("*/default/*"))) == 1
    (run,) = (one for one in assert_quiet(here).runs if one.sha == sha)
    assert b"kept" in here.log(run.id)


def push_with(here: Place, keys: str, script: str) -> str:
    files = {".assay.yml": suite_file(busybox(), keys), "test.sh": script}
    return here.github.commit(here.repo, "main", files)
