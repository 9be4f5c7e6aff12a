"""Webhooks that come twice, late, together or in another order (F42, S006)."""

import pytest

from bot.demo.forge.hooks import wait_until
from tests.faults.place import PATIENCE, Place, suite_file
from tests.faults.quiet import assert_quiet
from tests.images import busybox

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

PASSED = {"assay": "success", "assay / unit": "success"}


def test_fifty_copies_at_the_same_time_make_one_run(here: Place) -> None:
    sha = here.push("echo all is well\n")
    lost = here.last_delivery()
    here.serve.start()
    copies = here.github.hooks.redeliver(lost.guid, copies=50)
    assert {each.status_code for each in copies} <= {200, 202}
    assert here.conclusions(sha) == PASSED
    (late,) = here.github.hooks.redeliver(lost.guid)
    assert (late.status_code, "duplicate" in late.answer) == (200, True)
    (run,) = assert_quiet(here).runs
    assert run.attempt == 1


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [2, 0, 1, 1, 0]])
def test_whatever_the_order_of_a_changes_deliveries_only_its_newest_head_runs(here: Place, order: list[int]) -> None:
    here.serve.start()
    here.github.commit(here.repo, "topic", {"test.sh": "echo older\n"})
    here.settle()
    before = [each.sha for each in assert_quiet(here).runs]
    here.github.hooks.hold()
    here.github.open_pull(here.repo, "topic")
    here.github.commit(here.repo, "topic", {"test.sh": "sleep 1; echo old\n"})
    newest = here.github.commit(here.repo, "topic", {"test.sh": "echo new\n"})
    here.keep_held("pull_request")
    here.github.hooks.release(order)
    assert here.conclusions(newest) == PASSED
    assert [each.sha for each in assert_quiet(here).runs] == [*before, newest]


def test_a_change_that_was_closed_before_its_last_push_was_heard_of_runs_nothing(here: Place) -> None:
    here.serve.start()
    here.github.hooks.hold()
    here.github.commit(here.repo, "topic", {"test.sh": "echo old\n"})
    pull = here.github.open_pull(here.repo, "topic")
    here.github.commit(here.repo, "topic", {"test.sh": "echo new\n"})
    here.github.close_pull(pull)
    here.keep_held("pull_request")
    here.github.hooks.release([2, 1, 0])
    here.settle()
    assert assert_quiet(here).runs == []


def test_pushes_in_a_hurry_end_with_the_newest_head_and_nothing_else_alive(here: Place) -> None:
    for_changes = suite_file(busybox(), "    when: {events: [pull_request]}\n")
    here.github.commit(here.repo, "topic", {"test.sh": "sleep 50\n", ".assay.yml": for_changes})
    here.forget()
    here.serve.start()
    here.github.open_pull(here.repo, "topic")
    here.wait_started()
    older = [here.github.commit(here.repo, "topic", {"test.sh": f"sleep 50; echo {number}\n"}) for number in "12"]
    newest = here.github.commit(here.repo, "topic", {"test.sh": "echo new\n"})
    assert here.conclusions(newest) == PASSED
    facts = assert_quiet(here)
    assert [each.sha for each in facts.runs if each.state == "passed"] == [newest]
    assert {each.state for each in facts.runs if each.sha != newest} == {"superseded"}
    assert {each.sha for each in facts.runs} <= {facts.runs[0].sha, *older, newest}


def test_a_force_push_back_to_an_older_commit_gives_that_one_a_result(here: Place) -> None:
    here.serve.start()
    first = here.github.commit(here.repo, "topic", {"test.sh": "echo first\n"})
    here.github.open_pull(here.repo, "topic")
    assert here.conclusions(first) == PASSED
    second = here.github.commit(here.repo, "topic", {"test.sh": "echo second\n"})
    assert here.conclusions(second) == PASSED
    here.github.push(here.repo, "topic", first)
    here.settle()
    assert here.conclusions(first) == PASSED
    assert {each.state for each in assert_quiet(here).runs} == {"passed"}


def test_what_was_missed_while_the_receiver_was_down_comes_by_redelivery(here: Place) -> None:
    missed = [here.push(f"echo {number}\n") for number in "123"]
    here.github.hooks.settle()
    lost = [each.guid for each in here.github.hooks.sent if each.event == "push"]
    here.serve.start()
    answers = [each.status_code for guid in lost for each in here.github.hooks.redeliver(guid)]
    assert answers == [202, 202, 202]
    wait_until(lambda: all(here.check(sha) for sha in missed), PATIENCE, "not all were made up for")
    assert [here.conclusions(sha) for sha in missed] == [PASSED] * 3
    assert len(assert_quiet(here).runs) == 3
