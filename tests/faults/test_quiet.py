"""The quiet check finds every fault that it is there for."""

from dataclasses import replace
from typing import Final

import pytest

from tests.faults.engine import Happened
from tests.faults.quiet import CheckFact, Facts, ReportFact, RunFact, violations

RUN: Final = RunFact(
    id="r1",
    sha="c0",
    state="passed",
    attempt=1,
    moves=[(None, "queued"), ("queued", "preparing"), ("preparing", "running"), ("running", "passed")],
    log_size=10,
    log_closed=True,
    log_read=10,
)
REPORT: Final = ReportFact(sha="c0", name="assay / unit", run="r1", pending=False, dead=False)
CHECK: Final = CheckFact(sha="c0", name="assay / unit", external_id="r1", conclusions=[None, None, "success"])
FINE: Final = Facts(
    runs=[RUN],
    reports=[REPORT, replace(REPORT, name="assay", run=None)],
    checks=[CHECK, replace(CHECK, name="assay", external_id="build-1")],
    answered=["d1"],
    deliveries={"d1": ("processed", "build 1")},
    happened=[Happened("start", "r1", "1"), Happened("die", "r1", "1"), Happened("start", "r1", "2")],
)


def test_what_is_as_it_must_be_is_quiet() -> None:
    assert violations(FINE) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (replace(RUN, state="running", moves=RUN.moves[:-1]), "is running"),
        (
            replace(RUN, moves=[*RUN.moves, ("passed", "failed")]),
            "its history does not lead from its start to passed",
        ),
        (replace(RUN, moves=RUN.moves[1:]), "its history does not lead from its start to passed"),
        (
            replace(RUN, moves=[(None, "queued"), ("queued", "passed")]),
            "was queued, then moved from queued to passed",
        ),
        (replace(RUN, moves=[*RUN.moves[:-1], ("preparing", "passed")]), "was running, then moved from preparing"),
        (replace(RUN, log_closed=False), "its log is still open"),
        (replace(RUN, log_read=9), "9 bytes of its log can be read, not 10"),
    ],
)
def test_a_run_that_is_not_as_it_must_be_is_found(found: RunFact, words: str) -> None:
    assert f"run r1: {words}" in "\n".join(violations(replace(FINE, runs=[found])))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"reports": [replace(REPORT, pending=True)]}, "assay / unit at c0: waits to be sent"),
        ({"checks": FINE.checks[1:]}, "assay / unit at c0: the forge shows None, not success"),
        (
            {"checks": [replace(CHECK, conclusions=[None, "failure"]), FINE.checks[1]]},
            "assay / unit at c0: the forge shows failure, not success",
        ),
        ({"checks": [*FINE.checks, CHECK]}, "2 checks for r1"),
        (
            {"checks": [replace(CHECK, conclusions=["failure", "success"]), FINE.checks[1]]},
            "check assay / unit: had ended as failure, then became success",
        ),
        (
            {"checks": [replace(CHECK, conclusions=["success", None, "success"]), FINE.checks[1]]},
            "check assay / unit: had ended as success, then became None",
        ),
        ({"deliveries": {}}, "delivery d1: answered with 2xx, but not stored"),
        ({"deliveries": {"d1": ("received", "")}}, "delivery d1: is received because of ''"),
        (
            {"happened": [Happened("start", "r1", "1"), Happened("start", "r1", "2")]},
            "run r1: attempt 2 was started while another was live",
        ),
        ({"left": ["/assay-x"]}, "left over: /assay-x"),
        ({"readiness": 503}, "/readyz is 503"),
        ({"leaks": ["output"]}, "a secret is in output"),
        ({"stumbles": ["oh"]}, "stumbled: oh"),
    ],
)
def test_whatever_else_is_wrong_is_found(wrong: dict[str, object], words: str) -> None:
    facts = replace(FINE, **wrong)  # type: ignore[arg-type]  # replace() checks the names
    assert violations(facts) == [words]


def test_a_report_that_was_given_up_need_not_show_on_the_forge() -> None:
    given_up = [replace(each, dead=True) for each in FINE.reports]
    assert violations(replace(FINE, reports=given_up, checks=[])) == []


def test_a_strangers_build_may_wait_on_the_forge_before_its_check_goes_on() -> None:
    waited = replace(FINE.checks[1], conclusions=["action_required"])
    assert violations(replace(FINE, checks=[CHECK, waited, FINE.checks[1]])) == []


def test_a_strangers_change_that_was_closed_is_shown_as_cancelled() -> None:
    rejected = replace(
        RUN, state="rejected", attempt=0, moves=[(None, "awaiting_approval"), ("awaiting_approval", "rejected")]
    )
    shown = replace(FINE.checks[1], conclusions=["cancelled"])
    facts = replace(FINE, runs=[rejected], reports=[FINE.reports[1]], checks=[shown])
    assert violations(facts) == []


def test_where_the_forge_has_no_word_for_it_a_timeout_is_a_failure() -> None:
    late = replace(RUN, state="timed_out", moves=[*RUN.moves[:-1], ("running", "timed_out")])
    checks = [replace(CHECK, conclusions=["failure"]), replace(FINE.checks[1], conclusions=["failure"])]
    facts = replace(FINE, runs=[late], checks=checks)
    assert violations(replace(facts, reports=[replace(each, forge="gitlab") for each in FINE.reports])) == []
    assert violations(facts) == ["assay / unit at c0: the forge shows failure, not timed_out"]
