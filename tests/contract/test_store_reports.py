"""What every store must do with reports: the newest is sent, once, and nothing goes back (RELIABILITY §6.7)."""

from collections.abc import Callable

import pytest

from bot.domain.runs import Build, Run, RunState
from bot.ports.reports import Report
from bot.ports.store import UnitOfWork
from tests.contract.store_values import OTHER_SHA, SHA, stored_build, stored_run

OpenWork = Callable[[], UnitOfWork]
NAME = "assay / unit"


@pytest.fixture
def run(work: OpenWork) -> Run:
    with work() as unit:
        return stored_run(unit)


@pytest.fixture
def report(work: OpenWork, run: Run) -> int:
    """Owned by `run`."""
    return own(work, run)


def own(work: OpenWork, run: Run) -> int:
    with work() as unit:
        return unit.reports.own(run.repository, run.sha, NAME, run.build, run.id)


def touch(work: OpenWork, run: Run) -> int | None:
    with work() as unit:
        return unit.reports.touch(run.repository, run.sha, NAME)


def touch_calmly(work: OpenWork, run: Run) -> None:
    with work() as unit:
        unit.reports.touch(run.repository, run.sha, NAME, pause=60)


def claim(work: OpenWork, report: int, lease: float = 60) -> Report:
    with work() as unit:
        claimed = unit.reports.claim(report, lease)
    assert claimed is not None
    return claimed


def send(work: OpenWork, report: Report, *, ref: str = "check-1", ended: bool = False, digest: str = "d") -> bool:
    with work() as unit:
        return unit.reports.sent(report, ref=ref, ended=ended, digest=digest)


def due(work: OpenWork) -> list[int]:
    with work() as unit:
        return list(unit.reports.due(10))


def test_progress_waits_for_its_pause_and_the_end_for_nothing(work: OpenWork, run: Run, report: int) -> None:
    send(work, claim(work, report))
    touch_calmly(work, run)
    assert due(work) == []

    touch(work, run)

    assert due(work) == [report]
    assert claim(work, report).version == 3


def test_progress_holds_up_nothing_that_is_due(work: OpenWork, run: Run, report: int) -> None:
    touch_calmly(work, run)

    assert due(work) == [report]


def test_progress_shortens_no_wait_that_the_forge_asked_for(work: OpenWork, run: Run, report: int) -> None:
    claimed = claim(work, report)
    with work() as unit:
        unit.reports.postpone(claimed, 60, "slow down")
    touch_calmly(work, run)

    assert due(work) == []


def test_a_name_that_is_new_may_wait_for_its_pause_too(work: OpenWork, run: Run) -> None:
    with work() as unit:
        number = unit.reports.own(run.repository, run.sha, "assay", run.build, None, pause=60)
    assert due(work) == []
    with work() as unit:
        assert unit.reports.own(run.repository, run.sha, "assay", run.build, None) == number

    assert due(work) == [number]


def test_a_new_report_is_due_and_is_claimed_once(work: OpenWork, run: Run, report: int) -> None:
    assert due(work) == [report]
    claimed = claim(work, report)
    with work() as unit:
        assert unit.reports.claim(report, 60) is None
    assert due(work) == []
    assert claimed == Report(
        id=report,
        repository=run.repository,
        sha=run.sha,
        name=NAME,
        build=run.build,
        run=run.id,
        version=1,
        sent_version=0,
        ref=None,
        ended=False,
        digest="",
        ambiguous=False,
        attempts=1,
        fence=1,
    )


def test_what_was_sent_is_not_due_and_is_remembered(work: OpenWork, run: Run, report: int) -> None:
    assert not send(work, claim(work, report), ref="check-9", ended=True, digest="abc")
    with work() as unit:
        assert unit.reports.claim(report, 60) is None
        (stored,) = unit.reports.at(run.repository, run.sha)
    assert due(work) == []
    assert (stored.sent_version, stored.ref, stored.ended, stored.digest) == (1, "check-9", True, "abc")
    assert stored.attempts == 0


def test_what_changed_while_it_was_sent_is_due_again_with_the_newest_version_alone(
    work: OpenWork, run: Run, report: int
) -> None:
    claimed = claim(work, report)
    assert touch(work, run) == touch(work, run) == report
    assert due(work) == []
    assert send(work, claimed)
    assert due(work) == [report]
    newest = claim(work, report)
    assert (newest.version, newest.sent_version) == (3, 1)
    assert not send(work, newest)
    assert due(work) == []


def test_the_aggregate_is_touched_whoever_owns_it(work: OpenWork, run: Run) -> None:
    with work() as unit:
        assert unit.reports.touch(run.repository, run.sha, "assay") is None
        aggregate = unit.reports.own(run.repository, run.sha, "assay", run.build, None)
        assert unit.reports.touch(run.repository, run.sha, "assay") == aggregate
    assert claim(work, aggregate).version == 2


def test_a_name_on_another_commit_is_another_report(work: OpenWork, run: Run, report: int) -> None:
    with work() as unit:
        other = unit.reports.own(run.repository, OTHER_SHA, NAME, run.build, None)
        assert [one.id for one in unit.reports.at(run.repository, SHA)] == [report]
    assert other != report


def test_a_postponed_report_waits_and_keeps_what_it_knows(work: OpenWork, run: Run, report: int) -> None:
    claimed = claim(work, report)
    with work() as unit:
        unit.reports.postpone(claimed, 3600, "502", ambiguous=True)
        assert unit.reports.claim(report, 60) is None
    assert due(work) == []
    touch(work, run)
    assert claim(work, report).ambiguous


def test_attempts_are_counted_until_it_is_sent(work: OpenWork, report: int) -> None:
    with work() as unit:
        unit.reports.postpone(claim_in(unit, report), -1, "502", ambiguous=True)
        unit.reports.postpone(claim_in(unit, report), -1, "502")
        third = claim_in(unit, report)
    assert (third.attempts, third.ambiguous) == (3, True)
    send(work, third)
    with work() as unit:
        (sent,) = unit.reports.at(third.repository, third.sha)
    assert (sent.attempts, sent.ambiguous) == (0, False)


def claim_in(unit: UnitOfWork, report: int) -> Report:
    claimed = unit.reports.claim(report, 60)
    assert claimed is not None
    return claimed


def test_a_buried_report_says_why_until_a_later_version_is_shown(work: OpenWork, run: Run, report: int) -> None:
    with work() as unit:
        assert unit.reports.trouble(run.repository, run.sha) == ""
        unit.reports.bury(claim_in(unit, report), "422: no commit found")
        assert unit.reports.trouble(run.repository, run.sha) == "422: no commit found"
        assert unit.reports.claim(report, 60) is None
    assert due(work) == []
    touch(work, run)
    assert due(work) == [report]
    send(work, claim(work, report))
    with work() as unit:
        assert unit.reports.trouble(run.repository, run.sha) == ""


def test_a_sender_that_died_is_replaced_and_has_no_say_any_more(work: OpenWork, run: Run, report: int) -> None:
    late = claim(work, report, lease=-1)
    assert due(work) == [report]
    claim(work, report)
    with work() as unit:
        unit.reports.postpone(late, -1, "late")
        unit.reports.bury(late, "late")
        assert unit.reports.trouble(run.repository, run.sha) == ""
    assert due(work) == []


def test_what_a_slow_sender_showed_over_a_newer_state_is_set_right(work: OpenWork, run: Run, report: int) -> None:
    slow = claim(work, report, lease=-1)
    touch(work, run)
    send(work, claim(work, report), ended=True, digest="final")
    assert send(work, slow, digest="queued")
    assert due(work) == [report]
    again = claim(work, report)
    assert (again.version, again.sent_version, again.ended, again.digest) == (3, 2, True, "")


def test_an_older_version_never_replaces_what_was_sent(work: OpenWork, run: Run, report: int) -> None:
    first = claim(work, report)
    send(work, first, digest="first")
    send(work, first, digest="again")
    with work() as unit:
        (stored,) = unit.reports.at(run.repository, run.sha)
    assert stored.digest == "first"
    assert due(work) == []


def test_reports_of_ended_builds_go_first_then_the_oldest(work: OpenWork) -> None:
    with work() as unit:
        busy, done, empty = stored_build(unit), stored_build(unit), stored_build(unit)
        stored_run(unit, busy)
        stored_run(unit, done, state=RunState.PASSED)
        running, old, older = (own_aggregate(unit, *of) for of in ((busy, "a"), (done, "b"), (empty, "c")))
        unit.reports.postpone(claim_in(unit, running), -300, "")
        unit.reports.postpone(claim_in(unit, old), -100, "")
        unit.reports.postpone(claim_in(unit, older), -200, "")
        assert unit.reports.due(10) == [older, old, running]
        assert unit.reports.due(1) == [older]


def own_aggregate(unit: UnitOfWork, build: Build, name: str) -> int:
    return unit.reports.own(build.repository, build.sha, name, build.id, None)
