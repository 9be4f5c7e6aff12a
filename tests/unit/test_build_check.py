"""The aggregate check: what a whole build comes to (BEHAVIOUR §1)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.build_check import build_check, newest_of_each_cell, verdict
from bot.domain.checks import Check, CheckStatus, Conclusion
from bot.domain.dialect import GITHUB
from bot.domain.errors import Problem
from bot.domain.runs import Build, Reason, Run, RunState
from bot.domain.suites import Limits
from tests.builders import NOON, a_build, a_run, a_suite

PAGE = "https://ci.example.org/b/12"


def check(*runs: Run, build: Build | None = None) -> Check:
    return build_check(build or a_build(), runs, PAGE, lambda suite: f"{PAGE}/{suite}", lambda _: Limits(), GITHUB)


def suite_run(name: str, state: RunState, **more: object) -> Run:
    return a_run(state, suite=a_suite(name, allow_failure=bool(more.pop("allow_failure", False))), **more)


def test_all_passed() -> None:
    shown = check(suite_run("unit", RunState.PASSED), suite_run("lint", RunState.PASSED))
    assert (shown.name, shown.conclusion, shown.title) == ("assay", Conclusion.SUCCESS, "2 passed in 1m 52s")
    assert shown.external_id == "build-12"
    assert f"| [unit]({PAGE}/unit) | ✓ passed | Passed in 1m 48s | 1m 48s |" in shown.summary


def test_skipped_and_allowed_failures_pass() -> None:
    shown = check(
        suite_run("unit", RunState.PASSED),
        suite_run("docs", RunState.SKIPPED, reason=Reason.PATHS, note="no changed file matches docs/**"),
        suite_run("later", RunState.FAILED, allow_failure=True, exit_code=1),
    )
    assert shown.conclusion is Conclusion.SUCCESS
    assert shown.title == "1 failed, 1 passed, 1 skipped in 1m 52s"


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.ERRORED, RunState.TIMED_OUT])
def test_one_bad_suite_fails_it_and_is_named_first(state: RunState) -> None:
    shown = check(suite_run("unit", RunState.PASSED), suite_run("lint", state, exit_code=1))
    assert shown.conclusion is Conclusion.FAILURE
    assert shown.title == f"lint {state.value.replace('_', ' ')}; 1 passed"
    assert shown.summary.index("[lint]") < shown.summary.index("[unit]")


def test_a_cancelled_build_is_cancelled() -> None:
    shown = check(suite_run("unit", RunState.PASSED), suite_run("lint", RunState.SUPERSEDED, note="superseded by x"))
    assert shown.conclusion is Conclusion.CANCELLED


def test_a_cancelled_suite_does_not_hide_a_failed_one() -> None:
    shown = check(suite_run("unit", RunState.FAILED, exit_code=1), suite_run("lint", RunState.CANCELLED))
    assert shown.conclusion is Conclusion.FAILURE


def test_nothing_to_run_is_a_success() -> None:
    assert check().conclusion is Conclusion.SUCCESS
    skipped = check(suite_run("docs", RunState.SKIPPED, note="why"))
    assert (skipped.conclusion, skipped.title) == (Conclusion.SUCCESS, "Nothing to run: every suite was skipped")


def test_it_is_queued_until_something_begins_and_counts_what_is_done() -> None:
    queued = check(suite_run("unit", RunState.QUEUED), suite_run("lint", RunState.QUEUED))
    begun = check(suite_run("unit", RunState.PASSED), suite_run("lint", RunState.QUEUED))
    assert (queued.status, queued.title) == (CheckStatus.QUEUED, "0 of 2 done")
    assert (begun.status, begun.conclusion, begun.title) == (CheckStatus.IN_PROGRESS, None, "1 of 2 done")


def test_a_strangers_build_waits_with_what_a_maintainer_must_look_at() -> None:
    build = a_build(change=7, sender="newbie", risky_paths=(".assay.yml", "scripts/ci.sh"))
    shown = check(suite_run("unit", RunState.AWAITING_APPROVAL), build=build)
    assert (shown.status, shown.conclusion) == (CheckStatus.COMPLETED, Conclusion.ACTION_REQUIRED)
    assert shown.title == "Not started: a maintainer must approve first"
    assert "- `.assay.yml`\n- `scripts/ci.sh`" in shown.summary
    assert "assay approve 12" in shown.summary


def test_a_faulty_suite_file_is_shown_line_by_line() -> None:
    problems = (
        Problem("C101", 8, 5, '"artefacts" is not a known key here', 'did you mean "artifacts"?', 14),
        Problem("C109", 12, 14, "a duration needs a unit"),
    )
    shown = check(build=a_build(problems=problems))
    assert (shown.conclusion, shown.title) == (Conclusion.FAILURE, ".assay.yml has 2 errors")
    assert [(one.path, one.line, one.column, one.end_column) for one in shown.annotations] == [
        (".assay.yml", 8, 5, 14),
        (".assay.yml", 12, 14, 0),
    ]
    assert "did you mean" in shown.annotations[0].message
    assert "| 12 | a duration needs a unit (C109) |" in shown.summary


def test_a_remark_of_the_plan_is_shown() -> None:
    shown = check(suite_run("unit", RunState.PASSED), build=a_build(note="Path filters were not used."))
    assert "Path filters were not used." in shown.summary


def test_the_newest_run_of_each_suite_counts() -> None:
    old = suite_run("unit", RunState.FAILED, exit_code=1)
    made_where_the_clock_is_late = NOON - timedelta(minutes=5)
    new = replace(old, state=RunState.PASSED, created_at=made_where_the_clock_is_late)
    skipped = suite_run("unit", RunState.SKIPPED, created_at=NOON + timedelta(minutes=9))
    lint = suite_run("lint", RunState.PASSED)
    assert newest_of_each_cell([old, new, skipped, lint]) == (new, lint)


@pytest.mark.parametrize(
    ("states", "word"),
    [
        ([RunState.PASSED, RunState.SKIPPED], "passed"),
        ([RunState.PASSED, RunState.FAILED], "failed"),
        ([RunState.PASSED, RunState.QUEUED], "running"),
        ([RunState.QUEUED], "queued"),
        ([RunState.RUNNING, RunState.QUEUED], "running"),
        ([RunState.AWAITING_APPROVAL], "waiting"),
        ([RunState.SUPERSEDED], "cancelled"),
    ],
)
def test_a_build_has_one_word(states: list[RunState], word: str) -> None:
    assert verdict(a_build(), [suite_run(f"s{n}", state) for n, state in enumerate(states)]) == word
