"""What people read about test results, word by word (PRODUCT §2.3)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.domain.cells_check import cells_check
from bot.domain.results import Failure, Mark, Results, Slow
from bot.domain.runs import Reason, Run, RunId, RunState
from bot.domain.suite_check import suite_check
from bot.domain.suites import Limits
from bot.domain.tests_words import coverage_of, failed_words, passed_words, percent
from tests.builders import a_build, a_run, a_suite

PAGE = "https://ci.example.org/b/12/unit"
EMPTY = Failure(
    name="tests/test_parse.py::test_empty_input",
    message="AssertionError: assert None == []",
    details="    assert parse('') == []\nE   AssertionError: assert None == []\n\ntests/test_parse.py:41: Oops",
    path="tests/test_parse.py",
    line=41,
    log_line=214,
)
PROXY = Failure(
    name="tests/test_net.py::test_proxy",
    mark=Mark.KNOWN,
    since=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
    since_sha="77aa01c" + "0" * 33,
    times=6,
)
FAILED = Results(passed=407, failed=2, skipped=3, new=1, known=1, base="main", failures=(EMPTY, PROXY))


def failed_run(results: Results = FAILED, **more: object) -> Run:
    return a_run(RunState.FAILED, reason=Reason.TESTS, exit_code=1, note=failed_words(results), **more)


def test_the_check_of_failing_tests() -> None:
    results = replace(
        FAILED,
        flaky=1,
        unsteady=(Failure(name="tests/test_feed.py::test_refresh", message="TimeoutError: feed"),),
        slowest=(Slow(name="tests/test_sync.py::test_full", seconds=21.4, usual=20.9),),
        removed=("tests/test_old.py::test_gone",),
        newly_skipped=("tests/test_net.py::test_slow",),
    )
    shown = suite_check(failed_run(), a_build(), PAGE, Limits(), results)
    assert shown.title == "2 of 412 tests failed (1 new)"
    assert (
        shown.summary
        == f"""\
**2 failed** · 407 passed · 3 skipped · 1 flaky · 1m 48s

### New in this change
**`tests/test_parse.py::test_empty_input`** — [log line 214]({PAGE}#L214)
```
AssertionError: assert None == []
```

### Also fails on `main`
**`tests/test_net.py::test_proxy`** — since 21 Nov, `77aa01c` · failed 6 times there in 14 days


To run it on your machine: `assay run unit`

[Log]({PAGE}) · [Test results]({PAGE}#tests)"""
    )
    assert (
        shown.text
        == """\
<details><summary>Flaky: passed after a failure (1)</summary>

- `tests/test_feed.py::test_refresh` — `TimeoutError: feed`
</details>
<details><summary>Tests that are gone (1)</summary>

- `tests/test_old.py::test_gone`
</details>
<details><summary>Tests that are skipped now (1)</summary>

- `tests/test_net.py::test_slow`
</details>
<details><summary>Slowest tests</summary>

| test | time | usual |
| --- | ---: | ---: |
| `tests/test_sync.py::test_full` | 21.4 s | 20.9 s |
</details>

`main` at `a1b2c3d` · image `busybox:1` · waited 4s · attempt 1"""
    )


def test_the_annotation_of_a_failing_test() -> None:
    (note,) = suite_check(failed_run(), a_build(), PAGE, Limits(), FAILED).annotations
    assert (note.path, note.line, note.level) == ("tests/test_parse.py", 41, "failure")
    assert note.title == "test_empty_input failed (new)"
    assert note.message == f"AssertionError: assert None == []\nLog: {PAGE}#L214"
    assert note.details == EMPTY.details


def test_the_check_of_passing_tests() -> None:
    results = Results(passed=412, skipped=3, coverage=(849, 1000))
    run = a_run(RunState.PASSED, note=passed_words(results))
    shown = suite_check(run, a_build(), PAGE, Limits(), results)
    assert shown.title == "412 passed, 3 skipped in 1m 48s"
    assert shown.summary == (
        "**412 passed** · 3 skipped · 84.9 % of lines covered · 1m 48s\n\n"
        f"[Log]({PAGE}) · [Test results]({PAGE}#tests)"
    )


def test_a_promised_report_that_is_missing() -> None:
    run = a_run(RunState.FAILED, reason=Reason.REPORT, exit_code=0, note="No test report at out/junit*.xml")
    shown = suite_check(run, a_build(), PAGE, Limits(), Results(faults=(run.note,)))
    assert shown.title == "No test report at out/junit*.xml"
    assert shown.summary == (
        "**Failed**, though the command exited with 0: a promised report is not as it should be\n\n"
        r"- No test report at out/junit\*.xml" + f"\n\n[Log]({PAGE})"
    )


def test_a_suite_that_ran_out_of_time_keeps_what_had_ended() -> None:
    shown = suite_check(a_run(RunState.TIMED_OUT, reason=Reason.TIMEOUT), a_build(), PAGE, Limits(), FAILED)
    assert shown.title == "Timed out after 30m in: sh tests/run.sh"
    assert "### New in this change" in shown.summary


@pytest.mark.parametrize(
    ("results", "words"),
    [
        (Results(failed=1, passed=3), "1 test failed"),
        (Results(failed=2, passed=3), "2 of 5 tests failed"),
        (Results(failed=1, new=1, base="main"), "1 test failed (new)"),
        (Results(failed=2, new=2, base="main"), "2 of 2 tests failed (all new)"),
        (Results(failed=2, new=1, known=1, base="main"), "2 of 2 tests failed (1 new)"),
        (Results(failed=1, known=1, base="main"), "1 test failed, also failing on main"),
        (Results(failed=3, passed=409, known=3, base="main"), "3 of 412 tests failed, all also failing on main"),
        (Results(failed=2, known_flaky=2, base="main"), "2 of 2 tests failed, all known to be flaky"),
        (Results(failed=2, known=1, known_flaky=1, base="main"), "2 of 2 tests failed, none of them new"),
        (Results(failed=3, quarantined=2, new=1, base="main"), "1 test failed (new)"),
    ],
)
def test_titles_of_failures(results: Results, words: str) -> None:
    assert failed_words(results) == words


def test_titles_of_passes() -> None:
    assert passed_words(Results(passed=3, skipped=1, flaky=1)) == "3 passed, 1 skipped, 1 flaky"
    assert passed_words(Results(passed=3, failed=1, quarantined=1)) == "3 passed, 1 failed in quarantine"
    assert passed_words(Results()) == ""


def test_only_all_is_a_hundred_percent() -> None:
    assert [percent(999_999, 1_000_000), percent(3, 4), percent(5, 5)] == ["99.9 %", "75 %", "100 %"]


def test_the_same_failure_of_several_cells_is_told_once() -> None:
    cells = [failed_run(id=RunId(f"r{v}"), suite=a_suite(cell=(("python", v),))) for v in ("3.9", "3.13")]
    only = replace(FAILED, failed=1, known=0, failures=(EMPTY,))
    told = list(zip(cells, (FAILED, only), strict=True))
    shown = cells_check(cells, a_build(), PAGE, lambda run: f"{PAGE}?run={run.id}", lambda _: Limits(), "r1", told)
    assert shown.title == "2 of 412 tests failed (1 new) in 2 of 2 environments"
    assert f"test_empty_input`** — 3.9, 3.13 · [log line 214]({PAGE}?run=r3.9#L214)" in shown.summary
    assert "test_proxy`** — 3.9 · since" in shown.summary
    (note,) = shown.annotations
    assert note.title == "test_empty_input failed in 2 environments (new)"
    assert note.message.endswith(f"\n3.9, 3.13. Log: {PAGE}?run=r3.9#L214")


def test_hostile_names_and_messages_stay_inert() -> None:
    evil = "`@octo/team` ![i](http://x.test/p.png) </details> #1 ```"
    results = Results(failed=1, failures=(replace(EMPTY, name=evil, message=f"```\n@everyone\n{evil}"),))
    summary = suite_check(failed_run(results), a_build(), PAGE, Limits(), results).summary
    assert f"**```` {evil} ````**" in summary
    assert "\n````\n```\n@everyone\n" in summary


def test_long_lists_and_messages_stay_within_the_forges_limits() -> None:
    many = tuple(replace(EMPTY, name=f"test {number}", message="x" * 1000) for number in range(400))
    results = replace(FAILED, failed=1000, failures=many)
    shown = suite_check(failed_run(results), a_build(), PAGE, Limits(), results)
    assert len(shown.summary) < 20_000
    assert "more in the test results." in shown.summary
    assert len(shown.annotations) == 30


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ([], None),
        ([None], None),
        ([(0, 0)], None),
        ([(849, 1000)], 84.9),
        ([(2, 3)], 66.6),
        ([(1, 2), None, (3, 4)], 75.0),
    ],
)
def test_a_check_knows_the_best_coverage_of_its_environments(
    found: list[tuple[int, int] | None], shown: float | None
) -> None:
    told = [(a_run(RunState.PASSED), Results(passed=1, coverage=one)) for one in found]

    assert coverage_of(told) == shown
