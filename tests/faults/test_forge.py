"""A forge that is away, hangs, limits, loses answers or refuses: jobs run on, the end is shown once (F34 to F41)."""

import time

import pytest

from bot.demo.forge.hooks import wait_until
from tests.faults.place import PATIENCE, UNIT, Place, suite_file
from tests.faults.quiet import assert_quiet
from tests.images import busybox

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

PASSED = {"assay": "success", "assay / unit": "success"}
CREATE = r"/check-runs$"
CHANGE = r"/check-runs/\d+$"
ANY = r"/check-runs"
LONG_LEASE = "60"
"""A call may take ten seconds."""


def test_a_forge_that_fails_for_a_while_shows_the_end_all_the_same(here: Place) -> None:
    here.github.fail_next(ANY, how=502, count=4)
    here.serve.start(LEASE=LONG_LEASE)
    sha = here.push("echo all is well\n")
    assert here.conclusions(sha) == PASSED
    assert_quiet(here)


def test_jobs_go_on_while_the_forge_shows_nothing(here: Place) -> None:
    here.github.fail_next(ANY, how=503, count=1000)
    here.serve.start(LEASE=LONG_LEASE)
    sha = here.push("echo all is well\n")
    here.wait_output("run.ended")
    assert here.github.check_runs(here.repo, sha) == []
    here.github.fail_no_more()
    assert here.conclusions(sha) == PASSED
    assert_quiet(here)


def test_a_forge_that_never_answers_holds_up_no_other_report_for_long(here: Place) -> None:
    here.github.fail_next(CREATE, "POST", delay=12)
    here.serve.start(LEASE=LONG_LEASE)
    sha = here.push("echo all is well\n")
    assert here.conclusions(sha) == PASSED
    assert_quiet(here)


def test_a_pause_that_one_installation_is_asked_for_is_kept_and_others_go_on(here: Place) -> None:
    files = {".assay.yml": suite_file(busybox()), "test.sh": "true\n"}
    other = here.github.add_repository("elsewhere/app", files)
    here.github.fail_next(rf"/{here.repo.path}/check-runs", how=429, headers={"Retry-After": "6"})
    here.serve.start(LEASE=LONG_LEASE)
    sha = here.push("echo all is well\n")
    wait_until(lambda: 429 in [each.status for each in here.github.journal], PATIENCE, "no limit was told")
    limited_at = time.monotonic()
    there = here.github.commit(other, "main", {"test.sh": "echo there\n"})
    wait_until(lambda: here.ended(other, there), PATIENCE, "the other installation waits too")
    assert here.github.check_runs(here.repo, sha) == []
    wait_until(lambda: here.check(sha) is not None, PATIENCE, "nothing was sent after the pause")
    assert time.monotonic() - limited_at > 5
    assert here.conclusions(sha) == PASSED
    assert_quiet(here)


@pytest.mark.parametrize("how", ["reset", 502])
def test_a_check_whose_answer_was_lost_is_adopted(here: Place, how: int) -> None:
    here.github.fail_next(CREATE, "POST", how, count=2, when="after")
    here.serve.start(LEASE=LONG_LEASE)
    sha = here.push("echo all is well\n")
    assert here.conclusions(sha) == PASSED
    assert sorted(check.name for check in here.github.check_runs(here.repo, sha)) == sorted(PASSED)
    assert_quiet(here)


def test_a_state_that_the_forge_will_never_take_is_not_sent_again_and_the_page_says_so(here: Place) -> None:
    here.github.fail_next(CHANGE, "PATCH", 422, count=1000, body=b'{"message": "No commit found for SHA: gone"}')
    here.serve.start(LEASE=LONG_LEASE)
    sha = here.push("sleep 2; echo all is well\n")  # long enough that its progress is shown
    here.wait_output("run.ended")
    facts = assert_quiet(here)
    assert [report.dead for report in facts.reports] == [True, True]
    assert "No commit found" in here.page("/b/1")
    here.github.fail_no_more()
    assert here.conclusions(here.push("echo another\n")) == PASSED
    assert "completed" not in [check.status for check in here.github.check_runs(here.repo, sha)]


def test_a_slow_answer_about_the_start_does_not_overtake_the_end(here: Place) -> None:
    here.github.fail_next(CHANGE, "PATCH", "late", delay=3, count=2)
    here.serve.start(LEASE=LONG_LEASE)
    sha = here.push("echo all is well\n")
    assert here.conclusions(sha) == PASSED
    assert_quiet(here)
    check = here.check(sha, UNIT)
    assert check
    assert [body.get("status") for body in check.history][-1] == "completed"


def test_a_token_that_is_not_taken_any_more_is_renewed(here: Place) -> None:
    here.serve.start()
    assert here.conclusions(here.push("echo first\n")) == PASSED
    here.github.world.tokens.clear()
    assert here.conclusions(here.push("echo second\n")) == PASSED
    assert_quiet(here)
