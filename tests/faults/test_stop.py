"""Processes that are frozen, or asked to end (F17, F18, F19)."""

import pytest

from tests.faults.place import COUNTED, COUNTING, Place
from tests.faults.quiet import assert_quiet

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

PASSED = {"assay": "success", "assay / unit": "success"}
LONG = 'echo "attempt $ASSAY_ATTEMPT"; [ "$ASSAY_ATTEMPT" != 1 ] || sleep 60\n'


def test_a_worker_that_was_frozen_for_longer_than_its_lease_has_no_say_any_more(here: Place) -> None:
    here.serve.start()
    sha = here.push(LONG)
    here.wait_started()
    here.freeze()
    second = here.another("second").start()
    try:
        assert here.conclusions(sha) == PASSED
        here.serve.thaw()
        here.wait_output("run.verdict_discarded")
    finally:
        assert second.terminate() == 0
    (run,) = assert_quiet(here).runs
    assert run.outcomes == [("queued", "worker_lost"), ("passed", None)]
    assert b"attempt 2" in here.log(run.id)
    assert [one.what for one in here.engine.happened] == ["start", "die", "start", "die"]


def test_a_process_that_is_asked_to_end_finishes_what_it_runs(here: Place) -> None:
    here.serve.start()
    sha = here.push("sleep 1\n")
    here.wait_started()
    assert here.serve.terminate() == 0
    assert here.conclusions(sha) == PASSED
    here.serve.start()
    (run,) = assert_quiet(here).runs
    assert run.outcomes == [("passed", None)]


def test_a_process_that_is_asked_to_end_takes_nothing_new(here: Place) -> None:
    here.serve.start(WORKERS="1")
    running = here.push("sleep 2\n")
    here.wait_started()
    waiting = here.github.commit(here.repo, "other", {"test.sh": "true\n"})
    here.wait_status(waiting, "queued")
    assert here.serve.terminate() == 0
    assert [one.run for one in here.engine.happened if one.what == "start"] == [here.run_at(running)]
    here.serve.start()
    assert here.conclusions(waiting) == PASSED
    assert_quiet(here)


def test_a_job_that_is_longer_than_the_time_to_drain_goes_on_and_is_taken_over(here: Place) -> None:
    here.serve.start(DRAIN="1")
    sha = here.push(COUNTING)
    here.wait_log("line 20\n")
    assert here.serve.terminate() == 0
    assert [one.what for one in here.engine.happened] == ["start"]
    here.serve.start()
    here.let_go()
    assert here.conclusions(sha) == PASSED
    (run,) = assert_quiet(here).runs
    assert (run.attempt, run.outcomes) == (1, [("passed", None)])
    assert here.log(run.id).decode().splitlines() == COUNTED


def test_a_supervisor_that_loses_its_patience_does_no_harm(here: Place) -> None:
    here.serve.start()
    sha = here.push(COUNTING)
    here.wait_log("line 20\n")
    here.serve.ask_to_end()
    here.wait_output("serve.stopping")
    here.serve.kill()
    here.serve.start()
    here.let_go()
    assert here.conclusions(sha) == PASSED
    (run,) = assert_quiet(here).runs
    assert run.attempt == 1
