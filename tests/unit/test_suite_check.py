"""What people read about a suite, state by state (PRODUCT §2.3)."""

from datetime import timedelta

import pytest

from bot.domain.checks import Check, CheckStatus, Conclusion
from bot.domain.runs import Group, Reason, Run, RunState, Trust
from bot.domain.suite_check import suite_check
from bot.domain.suites import MIB, Limits
from bot.domain.waiting import Outlook
from tests.builders import NOON, a_build, a_run, a_suite

PAGE = "https://ci.example.org/b/12/unit"


def check(run: Run, limits: Limits | None = None) -> Check:
    return suite_check(run, a_build(), PAGE, limits or Limits())


def test_a_passing_suite() -> None:
    shown = check(a_run(RunState.PASSED))
    assert (shown.name, shown.status, shown.conclusion) == ("assay / unit", CheckStatus.COMPLETED, Conclusion.SUCCESS)
    assert shown.title == "Passed in 1m 48s"
    assert shown.summary == f"**Passed** · 1m 48s\n\n[Log]({PAGE})"
    assert shown.text == "`main` at `a1b2c3d` · image `busybox:1` · waited 4s · attempt 1"
    assert (shown.external_id, shown.details_url) == ("run1", PAGE)


def test_a_failing_command_shows_its_last_lines() -> None:
    shown = check(a_run(RunState.FAILED, reason=Reason.COMMAND, exit_code=3, tail="row 1\nrow 2"))
    assert shown.conclusion is Conclusion.FAILURE
    assert shown.title == "sh tests/run.sh exited with 3"
    assert shown.summary == (
        f"**Failed** · 1m 48s\n\nThe last lines of its output:\n\n```\nrow 1\nrow 2\n```\n\n"
        f"To run it on your machine: `assay run unit`\n\n[Log]({PAGE})"
    )


def test_a_script_of_several_lines_is_not_quoted_in_the_title() -> None:
    suite = a_suite(commands=("make\nmake test\n",))
    shown = check(a_run(RunState.FAILED, reason=Reason.COMMAND, exit_code=2, suite=suite))
    assert shown.title == "The script exited with 2"


def test_output_cannot_leave_its_fence() -> None:
    shown = check(a_run(RunState.FAILED, reason=Reason.COMMAND, exit_code=1, tail="```\n@everyone\n````"))
    assert "\n`````\n```\n@everyone\n````\n`````\n" in shown.summary


@pytest.mark.parametrize(
    ("reason", "title"),
    [
        (Reason.OUT_OF_MEMORY, "Ran out of memory (64 MiB) in: sh tests/run.sh"),
        (Reason.LOG_LIMIT, "Stopped: it wrote more than 50 MiB of log"),
        (Reason.DISK_LIMIT, "Stopped: it used more than 10 GiB of disk"),
        (Reason.FILE_SIZE_LIMIT, "sh tests/run.sh wrote a file of more than 2 GiB"),
        (Reason.PIDS_LIMIT, "Needed more than 512 processes in: sh tests/run.sh"),
        (Reason.BLOCKED_SYSTEM_CALL, "sh tests/run.sh used a system call that is blocked here"),
    ],
)
def test_a_limit_that_was_hit_is_named(reason: Reason, title: str) -> None:
    shown = check(a_run(RunState.FAILED, reason=reason, exit_code=137), Limits(memory=64 * MIB))
    assert (shown.title, shown.conclusion) == (title, Conclusion.FAILURE)


@pytest.mark.parametrize(
    ("reason", "where"),
    [
        (Reason.OUT_OF_MEMORY, "`memory` of the suite's environment, at most to the server's `ASSAY_MEMORY_MAX`"),
        (Reason.DISK_LIMIT, "`disk` of the suite's environment, at most to the server's `ASSAY_DISK_MAX`"),
        (Reason.FILE_SIZE_LIMIT, "`disk` of the suite's environment, at most to the server's `ASSAY_DISK_MAX`"),
        (Reason.PIDS_LIMIT, "`ASSAY_PIDS_MAX`"),
        (Reason.LOG_LIMIT, "`ASSAY_LOG_LIMIT`"),
    ],
)
def test_where_a_limit_is_raised_is_said(reason: Reason, where: str) -> None:
    assert where in check(a_run(RunState.FAILED, reason=reason, exit_code=137)).summary


def test_a_suite_that_may_fail_is_neutral_and_says_so() -> None:
    shown = check(a_run(RunState.FAILED, reason=Reason.COMMAND, exit_code=1, suite=a_suite(allow_failure=True)))
    assert shown.conclusion is Conclusion.NEUTRAL
    assert shown.title == "sh tests/run.sh exited with 1 (allowed to fail)"


def test_what_could_not_run_is_never_neutral() -> None:
    run = a_run(RunState.ERRORED, reason=Reason.IMAGE_MISSING, note="image ci/none:9 was not found")
    shown = check(run)
    assert shown.conclusion is Conclusion.FAILURE
    assert shown.title == "Could not run: image ci/none:9 was not found"
    assert "this says nothing about the change" in shown.summary
    assert "check `image`" in shown.summary


def test_a_lost_worker_is_the_servers_fault() -> None:
    run = a_run(RunState.ERRORED, reason=Reason.WORKER_LOST, note="the worker stopped answering", attempt=3)
    shown = check(run)
    assert shown.title == "Could not run: the worker stopped answering"
    assert "Tried 3 times." in shown.summary
    assert "not of the change" in shown.summary


def test_a_suite_over_its_time() -> None:
    run = a_run(RunState.TIMED_OUT, reason=Reason.TIMEOUT, tail="it-began")
    shown = check(run)
    assert shown.conclusion is Conclusion.TIMED_OUT
    assert shown.title == "Timed out after 30m in: sh tests/run.sh"
    assert "it-began" in shown.summary
    assert "Raise `timeout`" in shown.summary


@pytest.mark.parametrize(
    ("state", "reason", "note", "title"),
    [
        (RunState.SUPERSEDED, Reason.SUPERSEDED, "superseded by 9f8e7d6", "Superseded by 9f8e7d6"),
        (RunState.CANCELLED, Reason.USER, "octocat", "Cancelled by octocat"),
        (RunState.CANCELLED, Reason.CLOSED, "pull request closed", "Cancelled: pull request closed"),
        (RunState.REJECTED, Reason.CLOSED, "pull request closed", "Cancelled: pull request closed"),
    ],
)
def test_a_run_that_nobody_wants_any_more(state: RunState, reason: Reason, note: str, title: str) -> None:
    shown = check(a_run(state, reason=reason, note=note))
    assert (shown.title, shown.conclusion) == (title, Conclusion.CANCELLED)


def test_a_skipped_suite_says_why() -> None:
    shown = check(a_run(RunState.SKIPPED, reason=Reason.PATHS, note="no changed file matches web/**"))
    assert shown.conclusion is Conclusion.SKIPPED
    assert shown.title == "Skipped: no changed file matches web/**"
    assert "[Log]" not in shown.summary


def test_a_queued_and_a_running_suite() -> None:
    queued, running = check(a_run()), check(a_run(RunState.RUNNING, started_at=NOON))
    assert (queued.status, queued.conclusion, queued.title) == (
        CheckStatus.QUEUED,
        None,
        "Queued: waits for a free worker",
    )
    assert (running.status, running.conclusion, running.title) == (
        CheckStatus.IN_PROGRESS,
        None,
        "Running: sh tests/run.sh",
    )


def test_a_run_that_is_queued_again_stays_in_progress() -> None:
    shown = check(a_run(RunState.QUEUED, attempt=1))
    assert shown.status is CheckStatus.IN_PROGRESS


def test_titles_are_one_line_of_at_most_120_characters() -> None:
    suite = a_suite(commands=("x" * 500,), allow_failure=True)
    shown = check(a_run(RunState.FAILED, reason=Reason.COMMAND, exit_code=1, suite=suite))
    assert len(shown.title) <= 120
    assert "\n" not in shown.title


def test_an_approved_strangers_run_says_what_it_lacked() -> None:
    shown = check(a_run(RunState.PASSED, trust=Trust.UNTRUSTED))
    assert "no secrets" in shown.text


def test_a_pass_with_a_child_out_of_memory_carries_a_warning() -> None:
    shown = check(a_run(RunState.PASSED, out_of_memory=True))
    assert shown.conclusion is Conclusion.SUCCESS
    assert "ran out of memory, but the suite passed" in shown.summary


def test_times_are_those_of_the_run() -> None:
    shown = check(a_run(RunState.PASSED))
    assert shown.started_at == NOON + timedelta(seconds=4)
    assert shown.completed_at == NOON + timedelta(seconds=112)


def test_a_pass_after_failures_says_that_it_is_flaky() -> None:
    shown = check(a_run(RunState.PASSED, attempt=3, failures=2))
    assert shown.title == "Passed in 1m 48s (flaky: failed 2 times before)"
    assert "**flaky**: failed 2 times before on this commit" in shown.summary
    assert shown.conclusion is Conclusion.SUCCESS


def test_between_two_attempts_the_check_says_why_there_is_another() -> None:
    shown = check(
        a_run(RunState.QUEUED, attempt=1, failures=1, reason=Reason.COMMAND, note="the last attempt exited with 1")
    )
    assert (shown.title, shown.status) == ("Trying again: the last attempt exited with 1", CheckStatus.IN_PROGRESS)


LIST = a_suite(commands=("pip install .", "pytest -q", "for x in 1 2\ndo false\ndone"), is_script=False)


@pytest.mark.parametrize(
    ("last", "title"),
    [(1, "pip install . exited with 3"), (2, "pytest -q exited with 3"), (3, "for x in 1 2 … exited with 3")],
)
def test_of_several_commands_the_one_that_failed_is_named(last: int, title: str) -> None:
    groups = tuple(Group(number=number, offset=number, seconds=1, code=0) for number in range(1, last + 1))
    run = a_run(RunState.FAILED, reason=Reason.COMMAND, exit_code=3, suite=LIST, groups=groups)
    assert check(run).title == title


def test_several_commands_of_which_none_began_are_the_script() -> None:
    run = a_run(RunState.FAILED, reason=Reason.COMMAND, exit_code=3, suite=LIST)
    assert check(run).title == "The script exited with 3"


def timed(state: RunState, usual: float | None, **more: object) -> Check:
    return suite_check(a_run(state, **more), a_build(), PAGE, Limits(), outlook=Outlook(usual=usual))


def test_a_running_suite_says_how_long_it_usually_takes() -> None:
    assert timed(RunState.RUNNING, 108).title == "Running: sh tests/run.sh, usually 1m 48s"
    assert timed(RunState.RUNNING, None).title == "Running: sh tests/run.sh"


def test_a_suite_that_timed_out_says_how_long_it_usually_takes() -> None:
    shown = timed(RunState.TIMED_OUT, 250, reason=Reason.TIMEOUT)
    assert "It usually takes 4m 10s." in shown.summary
    assert "usually" not in timed(RunState.TIMED_OUT, 250, reason=Reason.NO_OUTPUT).summary


@pytest.mark.parametrize(("usual", "hinted"), [(79, False), (80, True), (None, False)])
def test_a_suite_that_usually_takes_nearly_its_limit_says_so_before_it_times_out(
    usual: float | None, hinted: bool
) -> None:
    shown = timed(RunState.PASSED, usual, suite=a_suite(timeout=100))
    hint = "This suite usually takes 1m 20s of the 1m40s that it may take: raise its timeout or split it."
    assert (hint in shown.summary) is hinted
    assert shown.conclusion is Conclusion.SUCCESS
