"""People steer `assay serve` from the forge, over real HTTP and with real containers (BEHAVIOUR §1 to §3)."""

import pytest

from tests.faults.place import Place
from tests.steering import (
    ADMIN,
    NOBODY,
    SLOW,
    WHEN,
    WRITER,
    checks,
    died,
    next_build,
    open_change,
    push,
    say,
    started,
    suite,
    until,
    wait_begun,
    wait_shown,
)

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]


def test_retest_runs_what_failed_and_nothing_else(here: Place) -> None:
    flaky = f'case "$ASSAY_RUN_URL" in */b/{next_build(here)}/*) exit 3;; esac\n'
    pull = open_change(
        here, suite("unit", f"when: {{{WHEN}}}"), suite("lint", f"when: {{{WHEN}}}", "true"), script=flaky
    )
    wait_shown(here, pull, "assay", "failure")
    assert say(here, pull, "/retest") == "+1"
    wait_shown(here, pull, "assay", "failure", "success")
    wait_shown(here, pull, "assay / unit", "failure", "success")
    wait_shown(here, pull, "assay / lint", "success")
    assert say(here, pull, "/retest") == "+1"
    until(lambda: "Nothing to run again" in here.github.comments(pull)[-1].body, "no answer")


def test_one_cell_is_tested_by_its_value(here: Place) -> None:
    pull = open_change(here, suite("cells", f"when: {{{WHEN}}}, matrix: {{word: [one, two]}}", "echo $MATRIX_WORD"))
    wait_shown(here, pull, "assay", "success")
    assert say(here, pull, "/test cells word=two") == "+1"
    wait_shown(here, pull, "assay / cells", "success", "success")
    newest = checks(here, pull, "assay / cells")[-1]
    assert here.log(newest.external_id) in (b"one\n", b"two\n")
    until(lambda: len(started(here, b"two\n")) == 2, "it was not started twice")
    assert say(here, pull, "/test cells word=three") == "confused"


@pytest.mark.parametrize("way", ["comment", "button"])
def test_a_manual_suite_is_started_by_a_person_who_may_write(here: Place, way: str) -> None:
    pull = open_change(here, suite("stage", f"when: {{{WHEN}, start: manual}}"))
    wait_shown(here, pull, "assay / stage", "neutral")
    (shown,) = checks(here, pull, "assay / stage")
    assert [button["label"] for button in shown.actions] == ["Start"]
    if way == "comment":
        assert say(here, pull, "/run stage", by=NOBODY) == "confused"
        assert say(here, pull, "/run stage") == "+1"
    else:
        here.github.press(shown, "start", NOBODY)
        here.github.press(shown, "start", WRITER)
    wait_shown(here, pull, "assay / stage", "neutral", "success")


def test_cancelling_ends_the_container_of_a_running_suite(here: Place) -> None:
    pull = open_change(here, suite("unit", f"when: {{{WHEN}}}"), script=SLOW)
    run = wait_begun(here, pull)
    assert say(here, pull, "/cancel unit") == "+1"
    wait_shown(here, pull, "assay / unit", "cancelled")
    until(lambda: died(here, run), "its container lives")
    assert say(here, pull, "/cancel") == "+1"
    wait_shown(here, pull, "assay / unit", "cancelled")


def test_a_strangers_change_runs_when_somebody_who_may_write_has_approved_it(here: Place) -> None:
    pull = open_change(here, suite("unit", f"when: {{{WHEN}}}"), stranger="eve")
    wait_shown(here, pull, "assay", "action_required")
    assert ".assay.yml" in (checks(here, pull, "assay")[0].summary or "")
    assert say(here, pull, "/ok-to-test", by="eve") == "confused"
    until(lambda: int(here.github.world.now()) > int(pull.updated_at), "the clock stands")
    assert say(here, pull, "/ok-to-test") == "+1"
    wait_shown(here, pull, "assay", "action_required", "success")
    wait_shown(here, pull, "assay / unit", "success")
    push(here, pull, "echo more\n")
    wait_shown(here, pull, "assay", "action_required")


def test_a_push_ends_what_the_one_before_it_started_and_closing_ends_the_rest(here: Place) -> None:
    pull = open_change(here, suite("unit", f"when: {{{WHEN}}}"), script=SLOW)
    wait_begun(here, pull)
    older = pull.head_sha
    push(here, pull, f"echo; {SLOW}")
    wait_shown(here, pull, "assay / unit", "cancelled", sha=older)
    assert "uperseded" in (checks(here, pull, "assay / unit", older)[0].title or "")
    wait_begun(here, pull)
    here.github.close_pull(pull)
    wait_shown(here, pull, "assay / unit", "cancelled")


def test_a_rerun_of_a_running_suite_takes_its_check_over_silently(here: Place) -> None:
    slow_first = f'case "$ASSAY_RUN_URL" in */b/{next_build(here)}/*) {SLOW.strip()};; esac\n'
    pull = open_change(here, suite("unit", f"when: {{{WHEN}}}"), script=slow_first)
    wait_begun(here, pull)
    assert say(here, pull, "/test unit") == "+1"
    wait_shown(here, pull, "assay / unit", "success")
    wait_shown(here, pull, "assay", "success")


def test_a_burst_of_buttons_is_one_request(here: Place) -> None:
    pull = open_change(here, suite("unit", f"when: {{{WHEN}}}"), script="exit 4\n")
    wait_shown(here, pull, "assay", "failure")
    here.github.rerequest(checks(here, pull, "assay")[0], WRITER)
    here.github.rerequest_all(here.repo, pull.head_sha, WRITER)
    here.settle()
    wait_shown(here, pull, "assay", "failure", "failure")
    wait_shown(here, pull, "assay / unit", "failure", "failure")


def test_an_override_passes_with_the_name_and_the_reason_and_is_on_the_audit_page(here: Place) -> None:
    pull = open_change(here, suite("unit", f"when: {{{WHEN}}}"), script="exit 4\n")
    wait_shown(here, pull, "assay", "failure")
    assert say(here, pull, "/override unit known, see 12") == "confused"
    assert say(here, pull, "/override unit known, see 12", by=ADMIN) == "+1"
    wait_shown(here, pull, "assay", "failure", "success")
    until(
        lambda: "ada: known, see 12" in (checks(here, pull, "assay / unit")[-1].title or ""), "no name at the suite"
    )
    assert "known, see 12" in here.page("/audit")


def test_a_merge_queue_is_served_on_its_own_commit_under_the_same_names(here: Place) -> None:
    pull = open_change(here, suite("unit", f"when: {{{WHEN}}}"))
    wait_shown(here, pull, "assay", "success")
    group = here.github.queue_pull(pull)
    wait_shown(here, pull, "assay", "success", sha=group.head_sha)
    wait_shown(here, pull, "assay / unit", "success", sha=group.head_sha)
