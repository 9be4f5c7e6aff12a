"""What every store must do with notices, and with who has signed in."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.notices import NoticeState
from bot.domain.refs import ForgeName, Person
from bot.domain.runs import Build, Cause, RunState
from bot.domain.sessions import Session
from bot.domain.suites import Notify, Send
from bot.ports.store import UnitOfWork
from tests.contract.store_values import AT, a_build, a_run, stored_repository

OpenWork = Callable[[], UnitOfWork]

TEAM = Notify(channel="team", suites=("unit", "lint"), send=Send.FAILURES)
ANA = Session(
    digest="a" * 64,
    forge=ForgeName("github"),
    person=Person(7, "ana"),
    created_at=AT,
    expires_at=AT + timedelta(days=1),
)


def stored(work: UnitOfWork, state: RunState = RunState.PASSED, **more: object) -> Build:
    build = work.builds.add(a_build(stored_repository(work).id, **more))
    assert build
    work.runs.add(a_run(build, state=state, finished_at=AT if state.is_final else None))
    return build


def test_a_notice_comes_back_as_it_was_wanted(work: OpenWork) -> None:
    with work() as one:
        build = stored(one)
        one.notices.add(build.id, TEAM)
    with work() as one:
        (notice,) = one.notices.of_build(build.id)
        assert one.notices.recent(10) == [notice]
    assert (notice.build, notice.channel, notice.suites, notice.send) == (
        build.id,
        "team",
        ("unit", "lint"),
        Send.FAILURES,
    )
    assert (notice.state, notice.attempts, notice.error) == (NoticeState.PENDING, 0, "")


def test_older_notices_are_those_with_smaller_numbers(work: OpenWork) -> None:
    with work() as one:
        build = stored(one)
        numbers = [one.notices.add(build.id, TEAM) for _ in range(5)]
        newest = [found.id for found in one.notices.recent(2)]
        older = [found.id for found in one.notices.recent(10, before=newest[-1], repository=build.repository)]
    assert newest + older == numbers[::-1]


def test_one_that_is_claimed_is_nobody_elses_until_it_is_settled(work: OpenWork) -> None:
    with work() as one:
        one.notices.add(stored(one).id, TEAM)
        (number,) = one.notices.due(10)
        assert one.notices.claim(number, 60)
    with work() as one:
        assert one.notices.due(10) == []
        assert one.notices.claim(number, 60) is None
        one.notices.settle(number, NoticeState.PENDING, "no answer")
        assert one.notices.due(10) == [number]
        claimed = one.notices.claim(number, 60)
    assert claimed
    assert (claimed.attempts, claimed.error) == (1, "no answer")


def test_a_claim_that_was_not_settled_ends_by_itself(work: OpenWork) -> None:
    with work() as one:
        one.notices.add(stored(one).id, TEAM)
        (number,) = one.notices.due(10)
        assert one.notices.claim(number, -1)
        assert one.notices.due(10) == [number]


@pytest.mark.parametrize("state", [NoticeState.SENT, NoticeState.NOTHING, NoticeState.DEAD])
def test_one_that_has_ended_is_over_until_somebody_wants_it_again(work: OpenWork, state: NoticeState) -> None:
    with work() as one:
        one.notices.add(stored(one).id, TEAM)
        (number,) = one.notices.due(10)
        assert not one.notices.again(number)
        one.notices.settle(number, state)
        assert one.notices.due(10) == []
        one.notices.settle(number, NoticeState.PENDING)
        assert one.notices.due(10) == []
        assert one.notices.again(number)
        assert one.notices.due(10) == [number]


def test_nothing_is_due_before_the_build_has_ended(work: OpenWork) -> None:
    with work() as one:
        build = stored(one, RunState.QUEUED)
        one.notices.add(build.id, TEAM)
        (run,) = one.runs.of_build(build.id)
        assert one.notices.due(10) == []
        assert len(one.notices.of_run(run.id)) == 1


def test_a_pause_is_kept(work: OpenWork) -> None:
    with work() as one:
        one.notices.add(stored(one).id, TEAM)
        (number,) = one.notices.due(10)
        one.notices.settle(number, NoticeState.PENDING, "no answer", again_in=60)
        assert one.notices.due(10) == []
        assert one.notices.claim(number, 60) is None


def test_a_build_is_compared_with_the_last_of_its_branch_that_came_to_an_end(work: OpenWork) -> None:
    with work() as one:
        good = stored(one)
        stored(one, ref="other")
        stored(one, cause=Cause.CHANGE, change=7)
        stored(one, cause=Cause.TAG)
        stored(one, RunState.CANCELLED)
        stored(one, RunState.SUPERSEDED)
        stored(one, RunState.QUEUED)
        newest = stored(one)
        assert one.builds.finished_before(newest) == good
        assert one.builds.finished_before(good) is None
        assert one.builds.finished_before(replace(newest, ref="third")) is None


def test_a_session_lasts_until_its_end(work: OpenWork) -> None:
    with work() as one:
        one.sessions.add(ANA)
        assert one.sessions.get(ANA.digest, AT) == ANA
        assert one.sessions.get(ANA.digest, ANA.expires_at) is None
        assert one.sessions.get("b" * 64, AT) is None
        one.sessions.end(ANA.digest)
        assert one.sessions.get(ANA.digest, AT) is None


def test_sessions_that_have_ended_are_forgotten_with_the_next(work: OpenWork) -> None:
    with work() as one:
        one.sessions.add(ANA)
        one.sessions.add(replace(ANA, digest="c" * 64, created_at=ANA.expires_at, expires_at=AT + timedelta(days=9)))
        assert one.sessions.get(ANA.digest, AT) is None
