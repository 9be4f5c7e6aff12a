"""What every store must do with runs: claims, leases and moves."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import groupby, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.demo.forge.hooks import wait_until
from bot.domain.errors import Gone, IllegalMove
from bot.domain.quotas import UNBOUNDED
from bot.domain.runs import MOVES, Cause, Reason, Run, RunId, RunState, Trust
from bot.domain.suites import Occasion, Suite, When
from bot.ports.store import UnitOfWork
from tests.contract.store_values import AT, OTHER_SHA, a_build, a_run, a_seen, stored_build, stored_run

OpenWork = Callable[[], UnitOfWork]
FINAL = sorted(set(RunState) - set(MOVES))


def claimed(work: OpenWork, lease: float = 60) -> Run:
    with work() as unit:
        run = unit.runs.claim(stored_run(unit).id, "worker-1", lease)
    assert run is not None
    return run


def history(work: OpenWork, run: RunId) -> list[tuple[RunState | None, RunState]]:
    with work() as unit:
        return [(event.before, event.after) for event in unit.runs.events(run)]


def test_a_run_comes_back_as_it_was_stored(work: OpenWork) -> None:
    suite = Suite(
        name="end to end",
        image="registry.test/tests:1",
        commands=("make", "echo '\N{SNOWMAN}'"),
        is_script=False,
        env={"A": "1", "EMPTY": ""},
        timeout=77,
        allow_failure=True,
        when=When(events=(Occasion.TAG,), branches=("rel/*",), paths=("!docs/**",)),
        line=12,
    )
    with work() as unit:
        run = a_run(stored_build(unit), suite=suite, trust=Trust.UNTRUSTED, note="a note", started_at=AT)
        unit.runs.add(run)
    with work() as unit:
        assert unit.runs.get(run.id) == run


def test_an_unknown_run_is_gone(work: OpenWork) -> None:
    with work() as unit, pytest.raises(Gone):
        unit.runs.get(RunId("nobody"))


def test_a_claim_raises_fence_and_attempt_and_is_the_only_one(work: OpenWork) -> None:
    with work() as unit:
        run = stored_run(unit, started_at=AT)
        first = unit.runs.claim(run.id, "worker-1", 60)
        second = unit.runs.claim(run.id, "worker-2", 60)
        assert unit.runs.queued(10) == []
        assert unit.runs.live() == [(run.id, 1, 1)]
    assert first == replace(run, state=RunState.PREPARING, fence=1, attempt=1, started_at=None)
    assert second is None


def test_the_oldest_queued_run_comes_first(work: OpenWork) -> None:
    with work() as unit:
        build = stored_build(unit)
        runs = [stored_run(unit, build, name).id for name in ("c", "a", "b")]
        stored_run(unit, build, "later", state=RunState.AWAITING_APPROVAL)
        assert unit.runs.queued(2) == runs[:2]
        assert unit.runs.queue_length() == 3


def test_a_renewal_tells_of_the_wish_to_end(work: OpenWork) -> None:
    run = claimed(work)
    with work() as unit:
        assert unit.runs.ask_to_end(run.id, Reason.CLOSED, "closed by ada")
        assert not unit.runs.ask_to_end(run.id, Reason.USER, "too late")
        renewed = unit.runs.renew(run.id, run.fence, 60)
    assert renewed == replace(run, cancel=Reason.CLOSED, cancel_note="closed by ada")


def test_only_a_claimed_run_can_be_asked_to_end(work: OpenWork) -> None:
    with work() as unit:
        run = stored_run(unit)
        assert not unit.runs.ask_to_end(run.id, Reason.USER, "")
        assert unit.runs.get(run.id).cancel is None


def test_nobody_renews_with_an_old_fence_or_after_the_end(work: OpenWork) -> None:
    run = claimed(work)
    with work() as unit:
        assert unit.runs.renew(run.id, run.fence - 1, 60) is None
        assert unit.runs.save(run, run.ended(RunState.ERRORED, Reason.SANDBOX, AT), "worker-1")
        assert unit.runs.renew(run.id, run.fence, 60) is None


def test_a_renewal_lengthens_the_lease(work: OpenWork) -> None:
    run = claimed(work, lease=-1)
    with work() as unit:
        assert [one.id for one in unit.runs.expired(0)] == [run.id]
        assert unit.runs.expired(60) == []
        unit.runs.renew(run.id, run.fence, 60)
        assert unit.runs.expired(0) == []


def test_what_was_given_back_can_not_be_written_by_its_old_worker(work: OpenWork) -> None:
    run = claimed(work)
    with work() as unit:
        assert unit.runs.save(run, run.given_back(Reason.WORKER_LOST, AT, "lease ended"), "reaper")
        assert not unit.runs.save(run, run.running(AT), "worker-1")
        assert unit.runs.renew(run.id, run.fence, 60) is None
        again = unit.runs.claim(run.id, "worker-2", 60)
        assert not unit.runs.save(run, run.ended(RunState.PASSED, None, AT), "worker-1")
    assert again is not None
    assert (again.fence, again.attempt) == (3, 2)


def test_what_was_given_back_with_a_pause_is_seen_in_the_queue_and_has_no_turn_before_its_end(work: OpenWork) -> None:
    run = claimed(work)
    with work() as unit:
        assert unit.runs.save(run, run.given_back(Reason.SANDBOX, AT, "no space"), "worker-1", pause=30)

    with work() as unit:
        seen = unit.runs.get(run.id)
        assert seen.free_at is not None
        assert 20 < seen.free_at.timestamp() - unit.clock() <= 30
        assert (unit.runs.whose_turn(), unit.runs.place(run.id)) == (None, None)
        assert unit.runs.claim(run.id, "worker-2", 60) is None
        assert (unit.runs.queued(9, UNBOUNDED), unit.runs.queued(9)) == ([], [run.id])


def test_once_the_pause_is_over_it_can_be_claimed(work: OpenWork) -> None:
    run = claimed(work)
    with work() as unit:
        assert unit.runs.save(run, run.given_back(Reason.SANDBOX, AT, "no space"), "worker-1", pause=0.05)

    def is_its_turn() -> bool:
        with work() as unit:
            return unit.runs.whose_turn() == run.id

    wait_until(is_its_turn, 10, "it never has its turn")
    with work() as unit:
        assert unit.runs.claim(run.id, "worker-2", 60)


def test_a_clock_that_was_set_back_holds_nothing(work: OpenWork) -> None:
    run = claimed(work)
    with work() as unit:
        assert unit.runs.save(run, run.given_back(Reason.SANDBOX, AT, "no space"), "worker-1", pause=3600)

    with work() as unit:
        assert unit.runs.whose_turn() == run.id


def test_a_run_that_shall_end_is_not_given_back_unseen(work: OpenWork) -> None:
    run = claimed(work)
    with work() as unit:
        unit.runs.ask_to_end(run.id, Reason.USER, "by ada")
        assert not unit.runs.save(run, run.given_back(Reason.SANDBOX, AT, "engine gone"), "worker-1")
        seen = unit.runs.get(run.id)
        assert unit.runs.save(seen, seen.given_back(Reason.SANDBOX, AT, "engine gone"), "worker-1")
        assert unit.runs.get(run.id).state is RunState.CANCELLED


def test_a_verdict_is_kept_with_its_facts_and_its_history(work: OpenWork) -> None:
    run = claimed(work)
    facts = {"exit_code": 137, "out_of_memory": True, "tail": "Killed\n"}
    ended = run.running(AT).ended(RunState.FAILED, Reason.OUT_OF_MEMORY, AT, "3 of 4", **facts)
    with work() as unit:
        assert unit.runs.save(run, run.running(AT), "worker-1")
        assert unit.runs.save(run.running(AT), ended, "worker-1")
    with work() as unit:
        assert unit.runs.get(run.id) == ended
        events = unit.runs.events(run.id)
        assert unit.runs.live() == []
    assert [event.seq for event in events] == [1, 2, 3, 4]
    assert [event.after for event in events] == ["queued", "preparing", "running", "failed"]
    assert (events[-1].actor, events[-1].detail) == ("worker-1", "out_of_memory: 3 of 4")


def test_the_second_of_two_writers_changes_nothing(work: OpenWork) -> None:
    run = claimed(work)
    with work() as unit:
        assert unit.runs.save(run, run.ended(RunState.PASSED, None, AT), "one")
        assert not unit.runs.save(run, run.ended(RunState.FAILED, None, AT), "two")
        assert unit.runs.get(run.id).state is RunState.PASSED
    assert len(history(work, run.id)) == 3


@pytest.mark.parametrize("state", FINAL)
def test_nothing_leaves_a_final_state(work: OpenWork, state: RunState) -> None:
    with work() as unit:
        run = stored_run(unit, state=state)
        with pytest.raises(IllegalMove):
            unit.runs.save(run, replace(run, state=RunState.QUEUED), "anybody")
        assert unit.runs.claim(run.id, "worker-1", 60) is None
    assert history(work, run.id) == [(None, state)]


def test_only_a_claim_starts_an_attempt(work: OpenWork) -> None:
    with work() as unit:
        run = stored_run(unit)
        with pytest.raises(IllegalMove):
            unit.runs.save(run, replace(run, state=RunState.PREPARING), "anybody")


def test_a_run_is_not_saved_over_another(work: OpenWork) -> None:
    run = claimed(work)
    with work() as unit, pytest.raises(IllegalMove):
        unit.runs.save(run, replace(run.running(AT), id=RunId("another")), "worker-1")


def test_commits_with_blocked_runs_are_told_once_each_and_no_more_than_wanted(work: OpenWork) -> None:
    with work() as unit:
        first, second = stored_build(unit, sha=OTHER_SHA), stored_build(unit)
        for build in (second, first, first):
            stored_run(unit, build, blocked=True)
        stored_run(unit, first, blocked=True, state=RunState.SKIPPED)
        assert unit.runs.commits_with_blocked(10) == [(second.repository, second.sha), (first.repository, OTHER_SHA)]
        assert unit.runs.commits_with_blocked(1) == [(second.repository, second.sha)]


def test_overdue_runs_are_those_that_nobody_waits_to_approve(work: OpenWork) -> None:
    with work() as unit:
        build = stored_build(unit)
        queued = stored_run(unit, build, "queued")
        waiting = stored_run(unit, build, "waiting", state=RunState.AWAITING_APPROVAL)
        stored_run(unit, build, "done", state=RunState.SKIPPED)
        assert [run.id for run in unit.runs.overdue(-1)] == [queued.id]
        assert [run.id for run in unit.runs.waiting(-1)] == [waiting.id]
        assert unit.runs.waiting_builds() == [(waiting.build, waiting.repository)]
        assert [*unit.runs.overdue(60), *unit.runs.waiting(60)] == []


def test_runs_of_a_build_stand_in_the_order_of_the_suite_file_with_shared_ones_among_them(work: OpenWork) -> None:
    with work() as unit:
        first, second = stored_build(unit), stored_build(unit)
        shared = stored_run(unit, first, suite=Suite(name="lint", image="i", commands=(), line=5))
        last = stored_run(unit, second, suite=Suite(name="slow", image="i", commands=(), line=9))
        top = stored_run(unit, second, suite=Suite(name="unit", image="i", commands=(), line=2))
        unit.builds.share(second.id, shared.id)
        unit.builds.share(second.id, shared.id)
        assert unit.runs.of_build(second.id) == [top, shared, last]
        assert unit.runs.of_build(first.id) == [shared]


def test_the_latest_run_of_a_suite_is_a_skipped_one_only_if_there_is_no_other(work: OpenWork) -> None:
    with work() as unit:
        build = stored_build(unit)
        find = (build.repository, build.sha, "unit")
        assert unit.runs.latest_at(*find) is None
        skipped = stored_run(unit, build, state=RunState.SKIPPED)
        assert unit.runs.latest_at(*find) == skipped
        old = stored_run(unit, build)
        assert unit.runs.latest_at(*find) == old
        new = stored_run(unit, build)
        stored_run(unit, build, state=RunState.SKIPPED)
        stored_run(unit, build, "lint")
        stored_run(unit, stored_build(unit, sha=OTHER_SHA))
        assert unit.runs.latest_at(*find) == new


def test_recent_runs_are_newest_first_and_private_ones_only_on_request(work: OpenWork) -> None:
    with work() as unit:
        old, new = stored_run(unit), stored_run(unit)
        repository = unit.repositories.see(a_seen(forge_id=8, path="ada/secret", private=True))
        secret = stored_run(unit, stored_build(unit, repository=repository.id))
        assert unit.runs.recent(5) == [new, old]
        assert unit.runs.recent(2, public_only=False) == [secret, new]


def test_the_history_says_who_claimed(work: OpenWork) -> None:
    run = claimed(work)
    with work() as unit:
        event = unit.runs.events(run.id)[-1]
    assert (event.before, event.after, event.actor) == (RunState.QUEUED, RunState.PREPARING, "worker-1")
    assert event.at > 1_600_000_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    start=st.sampled_from([RunState.QUEUED, RunState.AWAITING_APPROVAL]),
    moves=st.lists(st.tuples(st.integers(0, 9), st.none() | st.sampled_from(RunState)), max_size=12),
)
def test_no_moves_leave_a_final_state_or_write_an_illegal_history(
    work: OpenWork, start: RunState, moves: list[tuple[int, RunState | None]]
) -> None:
    with work() as unit:
        seen = [stored_run(unit, state=start)]
    for known, target in moves:
        seen.append(_move(work, seen[known % len(seen)], target))
    events = history(work, seen[0].id)
    states = [run.state for run in seen]
    assert all(later is earlier for earlier, later in pairwise(states) if earlier.is_final)
    assert all(after in MOVES[before] for before, after in events if before)
    assert [after for _, after in events] == [state for state, _ in groupby(states)]


def _move(work: OpenWork, known: Run, target: RunState | None) -> Run:
    """Claim, or save a move from what was known once, be it allowed or not; the run as it is afterwards."""
    with work() as unit:
        if target is None:
            unit.runs.claim(known.id, "worker", 60)
        else:
            with suppress(IllegalMove):
                unit.runs.save(known, replace(known, state=target), "anybody")
        return unit.runs.get(known.id)


def test_a_repository_with_many_runs_does_not_delay_the_first_of_another(work: OpenWork) -> None:
    with work() as unit:
        many = stored_build(unit)
        waiting = [stored_run(unit, many, f"suite {number}").id for number in range(5)]
        assert unit.runs.whose_turn() == waiting[0]
        assert unit.runs.claim(waiting[0], "worker-1", 60)
        other = unit.repositories.see(a_seen(forge_id=7002, path="Ada/Other"))
        added = unit.builds.add(a_build(other.id))
        assert added
        first = stored_run(unit, added).id
        assert unit.runs.whose_turn() == first
        assert unit.runs.claim(first, "worker-1", 60)
        assert unit.runs.whose_turn() == waiting[1]


def test_what_people_wait_for_goes_before_what_was_pushed_and_that_before_what_was_scheduled(work: OpenWork) -> None:
    with work() as unit:
        causes = (Cause.SCHEDULE, Cause.PUSH, Cause.RERUN)
        last, middle, first = [stored_run(unit, stored_build(unit, cause=cause), cause).id for cause in causes]
        turns = [unit.runs.whose_turn(), *(_after(unit, run) for run in (first, middle, last))]
    assert turns == [first, middle, last, None]


def _after(unit: UnitOfWork, run: RunId) -> RunId | None:
    assert unit.runs.claim(run, "worker-1", 60)
    return unit.runs.whose_turn()


def test_nothing_that_must_wait_has_its_turn(work: OpenWork) -> None:
    with work() as unit:
        stored_run(unit, blocked=True)
        stored_run(unit, stored_build(unit), "asked", state=RunState.AWAITING_APPROVAL)
        assert unit.runs.whose_turn() is None


def test_the_place_in_the_queue_counts_turns_of_repositories(work: OpenWork) -> None:
    with work() as unit:
        crowd = stored_build(unit)
        first, second, third = (stored_run(unit, crowd, name).id for name in ("a", "b", "c"))
        blocked = stored_run(unit, crowd, "d", blocked=True).id
        elsewhere = unit.repositories.see(a_seen(forge_id=7002, path="Ada/Other")).id
        build = unit.builds.add(a_build(elsewhere))
        assert build is not None
        other = stored_run(unit, build).id
        assert [unit.runs.place(one) for one in (first, other, second, third)] == [0, 1, 2, 3]
        assert unit.runs.place(blocked) is None
        assert unit.runs.claim(first, "worker-1", 60)
        assert [unit.runs.place(one) for one in (first, other, second, third)] == [None, 0, 1, 2]


def test_the_place_in_the_queue_is_the_order_of_the_turns(work: OpenWork) -> None:
    with work() as unit:
        planned = stored_run(unit, stored_build(unit, cause=Cause.SCHEDULE)).id
        pushed = stored_run(unit, stored_build(unit)).id
        asked = stored_run(unit, stored_build(unit, cause=Cause.COMMENT)).id
        assert [unit.runs.place(one) for one in (asked, pushed, planned)] == [0, 1, 2]
        assert unit.runs.whose_turn() == asked
