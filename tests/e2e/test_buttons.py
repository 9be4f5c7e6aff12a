"""Buttons beside checks and the rarer ways to steer, over real HTTP and with real containers (BEHAVIOUR §1 to §3)."""

import pytest

from tests.faults.place import Place
from tests.steering import (
    NOBODY,
    SLOW,
    WHEN,
    WRITER,
    checks,
    died,
    open_change,
    push,
    say,
    suite,
    until,
    wait_begun,
    wait_shown,
)

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

UNIT = suite("unit", f"when: {{{WHEN}}}")
LINT = suite("lint", f"when: {{{WHEN}}}", "true")


def test_the_buttons_of_a_failed_build_run_what_failed_or_everything(here: Place) -> None:
    pull = open_change(here, UNIT, LINT, script="exit 4\n")
    wait_shown(here, pull, "assay", "failure")
    (shown,) = checks(here, pull, "assay")
    assert [button["identifier"] for button in shown.actions] == ["rerun_failed", "rerun_all"]
    here.github.press(shown, "rerun_failed", NOBODY)
    here.settle()
    wait_shown(here, pull, "assay / unit", "failure")
    here.github.press(shown, "rerun_failed", WRITER)
    wait_shown(here, pull, "assay", "failure", "failure")
    wait_shown(here, pull, "assay / unit", "failure", "failure")
    wait_shown(here, pull, "assay / lint", "success")
    here.github.press(checks(here, pull, "assay")[-1], "rerun_all", WRITER)
    wait_shown(here, pull, "assay / unit", "failure", "failure", "failure")
    wait_shown(here, pull, "assay / lint", "success", "success")


def test_the_forges_own_button_runs_one_suite_again(here: Place) -> None:
    pull = open_change(here, UNIT, LINT)
    wait_shown(here, pull, "assay", "success")
    here.github.rerequest(checks(here, pull, "assay / unit")[0], WRITER)
    wait_shown(here, pull, "assay / unit", "success", "success")
    wait_shown(here, pull, "assay / lint", "success")


def test_a_button_approves_one_commit_or_all_that_follow_until_that_is_taken_back(here: Place) -> None:
    pull = open_change(here, UNIT, stranger="mina")
    wait_shown(here, pull, "assay", "action_required")
    (shown,) = checks(here, pull, "assay")
    assert [button["identifier"] for button in shown.actions] == ["approve", "approve_pr"]
    here.github.press(shown, "approve", "mina")
    here.settle()
    wait_shown(here, pull, "assay", "action_required")
    here.github.press(shown, "approve", WRITER)
    wait_shown(here, pull, "assay", "action_required", "success")

    push(here, pull, "echo second\n")
    wait_shown(here, pull, "assay", "action_required")
    here.github.press(checks(here, pull, "assay")[0], "approve_pr", WRITER)
    wait_shown(here, pull, "assay", "action_required", "success")
    push(here, pull, "echo third\n")
    wait_shown(here, pull, "assay", "success")

    assert say(here, pull, "/ok-to-test stop") == "+1"
    push(here, pull, "echo fourth\n")
    wait_shown(here, pull, "assay", "action_required")
    assert WRITER in here.page("/audit")


def test_an_approval_that_comes_after_the_change_was_closed_runs_nothing(here: Place) -> None:
    pull = open_change(here, UNIT, stranger="olga")
    wait_shown(here, pull, "assay", "action_required")
    (shown,) = checks(here, pull, "assay")
    here.github.close_pull(pull)
    here.settle()
    here.github.press(shown, "approve", WRITER)
    here.settle()
    assert checks(here, pull, "assay / unit") == []


def test_a_merge_group_that_is_gone_ends_its_container(here: Place) -> None:
    pull = open_change(here, UNIT, script=SLOW)
    wait_begun(here, pull)
    group = here.github.queue_pull(pull)
    wait_shown(here, pull, "assay / unit", "in_progress", sha=group.head_sha)
    (shown,) = checks(here, pull, "assay / unit", group.head_sha)
    here.github.destroy_merge_group(group)
    wait_shown(here, pull, "assay / unit", "cancelled", sha=group.head_sha)
    until(lambda: died(here, shown.external_id), "its container lives")
    wait_shown(here, pull, "assay / unit", "in_progress")
    here.github.close_pull(pull)


def test_a_comment_at_a_line_counts_and_an_edited_one_does_not(here: Place) -> None:
    pull = open_change(here, UNIT, script="exit 4\n")
    wait_shown(here, pull, "assay", "failure")
    comment = here.github.comment(pull, WRITER, "nothing to see")
    here.github.edit_comment(comment, "/retest")
    here.settle()
    wait_shown(here, pull, "assay / unit", "failure")
    here.github.review_comment(pull, WRITER, "/retest")
    wait_shown(here, pull, "assay / unit", "failure", "failure")


def test_a_suite_is_skipped_by_name_and_says_by_whom(here: Place) -> None:
    pull = open_change(here, suite("unit", f"allow_failure: true, when: {{{WHEN}}}"), LINT, script="exit 4\n")
    wait_shown(here, pull, "assay", "success")
    assert say(here, pull, "/skip unit", by=NOBODY) == "confused"
    assert say(here, pull, "/skip unit") == "+1"
    wait_shown(here, pull, "assay / unit", "neutral", "skipped")
    assert WRITER in (checks(here, pull, "assay / unit")[-1].title or "")


def test_status_explain_and_help_answer_everybody_with_one_reply_each(here: Place) -> None:
    pull = open_change(here, UNIT)
    wait_shown(here, pull, "assay", "success")
    for _ in range(2):
        say(here, pull, "/assay status", by=NOBODY)
    say(here, pull, "/assay explain unit", by=NOBODY)
    say(here, pull, "/assay help")

    def replies() -> list[str]:
        return [one.body for one in here.github.comments(pull) if one.author.login not in (NOBODY, WRITER)]

    until(lambda: len(replies()) == 3, "not every answer came")
    assert any("/retest" in one for one in replies())
