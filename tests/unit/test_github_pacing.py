"""Buckets, breakers and pauses by a clock that the test moves."""

from collections.abc import Callable

import pytest

from bot.domain.errors import ForgeUnavailable, RateLimited
from bot.foreign.pacing import BURST, Breaker, Bucket, Lane, Lanes, Urgency
from tests.sims.github_wire import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def times(count: int, action: Callable[[], None]) -> None:
    for _ in range(count):
        action()


def test_a_bucket_refuses_what_comes_after_its_burst_and_says_how_long(clock: Clock) -> None:
    bucket = Bucket(clock.monotonic, burst=3, per_second=0.5)
    times(3, bucket.take)

    with pytest.raises(RateLimited) as caught:
        bucket.take()

    assert caught.value.retry_after == 2


def test_a_bucket_fills_up_with_time_but_not_beyond_its_burst(clock: Clock) -> None:
    bucket = Bucket(clock.monotonic, burst=3, per_second=1)
    bucket.take(3)
    clock.advance(1000)
    bucket.take(3)

    with pytest.raises(RateLimited):
        bucket.take()


def test_what_a_bucket_refuses_costs_nothing(clock: Clock) -> None:
    bucket = Bucket(clock.monotonic, burst=3, per_second=1)
    bucket.take(2)
    with pytest.raises(RateLimited):
        bucket.take(2)

    bucket.take(1)


def refusals(bucket: Bucket, count: int) -> list[float]:
    """When each of so many refused callers may come back, in seconds."""
    waits = []
    for _ in range(count):
        with pytest.raises(RateLimited) as caught:
            bucket.take()
        waits.append(caught.value.retry_after or 0.0)
    return waits


def test_those_whom_a_bucket_refuses_come_back_one_after_the_other(clock: Clock) -> None:
    bucket = Bucket(clock.monotonic, burst=1, per_second=1)
    bucket.take()

    assert refusals(bucket, 3) == [1, 2, 3]


def test_nobody_waits_much_longer_than_needed_for_others_who_may_never_come_back(clock: Clock) -> None:
    bucket = Bucket(clock.monotonic, burst=1, per_second=1)
    bucket.take()

    assert max(refusals(bucket, 100)) == 16


def test_who_has_credit_goes_ahead_and_the_others_make_up_for_it(clock: Clock) -> None:
    bucket = Bucket(clock.monotonic, burst=1, per_second=1)
    bucket.take()
    bucket.take(left=-2)
    bucket.take(left=-2)

    assert refusals(bucket, 1) == [3]
    with pytest.raises(RateLimited):
        bucket.take(left=-2)


def test_what_somebody_waits_for_is_not_behind_a_heap_of_other_writes(clock: Clock) -> None:
    lane = Lane(clock.monotonic)
    lane.reserve(BURST)
    with pytest.raises(RateLimited):
        lane.reserve(1)

    lane.reserve(1, Urgency.ASKED)


def test_as_writes_get_scarce_progress_is_left_out_first_and_the_end_of_a_check_last(clock: Clock) -> None:
    lane = Lane(clock.monotonic)
    refused: list[Urgency] = []
    waiting = list(Urgency)
    for _ in range(BURST + 10):
        for urgency in list(waiting):
            try:
                lane.reserve(0, urgency)
            except RateLimited:
                waiting.remove(urgency)
                refused.append(urgency)
        lane.reserve(1, Urgency.ASKED)

    assert refused == [Urgency.SUM, Urgency.PROGRESS, Urgency.BEGUN, Urgency.USUAL, Urgency.ENDED]


def test_progress_that_was_refused_keeps_nobody_else_waiting(clock: Clock) -> None:
    lane = Lane(clock.monotonic)
    lane.reserve(BURST)
    for _ in range(50):
        with pytest.raises(RateLimited):
            lane.reserve(1, Urgency.PROGRESS)

    with pytest.raises(RateLimited) as caught:
        lane.reserve(1)

    assert caught.value.retry_after == 1


def test_a_pause_of_the_forge_holds_for_the_hurried_too(clock: Clock) -> None:
    lane = Lane(clock.monotonic)
    lane.pause(60)

    with pytest.raises(RateLimited):
        lane.reserve(1, Urgency.ASKED)


def test_a_breaker_opens_after_failures_in_a_row_only(clock: Clock) -> None:
    breaker = Breaker(clock.monotonic)
    times(4, breaker.failed)
    breaker.succeeded()
    times(4, breaker.failed)
    breaker.enter()
    breaker.failed()

    with pytest.raises(ForgeUnavailable) as caught:
        breaker.enter()

    assert caught.value.retry_after == 30


def test_a_half_open_breaker_lets_one_probe_through(clock: Clock) -> None:
    breaker = Breaker(clock.monotonic)
    times(5, breaker.failed)
    clock.advance(30)
    breaker.enter()

    with pytest.raises(ForgeUnavailable):
        breaker.enter()


def test_who_is_refused_while_one_tries_comes_back_when_that_is_over(clock: Clock) -> None:
    breaker = Breaker(clock.monotonic)
    times(5, breaker.failed)
    clock.advance(30)
    breaker.enter()

    with pytest.raises(ForgeUnavailable) as caught:
        breaker.enter()

    assert caught.value.retry_after == 2
    breaker.failed()
    with pytest.raises(ForgeUnavailable) as caught:
        breaker.enter()
    assert caught.value.retry_after == 30


def test_a_probe_that_fails_keeps_the_breaker_open(clock: Clock) -> None:
    breaker = Breaker(clock.monotonic)
    times(5, breaker.failed)
    clock.advance(30)
    breaker.enter()
    breaker.failed()
    clock.advance(29)

    with pytest.raises(ForgeUnavailable):
        breaker.enter()


def test_a_probe_that_succeeds_closes_the_breaker(clock: Clock) -> None:
    breaker = Breaker(clock.monotonic)
    times(5, breaker.failed)
    clock.advance(30)
    breaker.enter()
    breaker.succeeded()

    times(3, breaker.enter)


def test_a_pause_ends_by_itself_and_a_shorter_one_does_not_end_it(clock: Clock) -> None:
    lane = Lane(clock.monotonic)
    lane.pause(60)
    lane.pause(5)
    clock.advance(59)

    with pytest.raises(RateLimited) as caught:
        lane.check()

    assert caught.value.retry_after == 1
    clock.advance(1)
    lane.check()


def test_a_pause_concerns_its_installation_only(clock: Clock) -> None:
    lanes = Lanes(clock.monotonic)
    lanes.of(1).pause(60)

    lanes.of(2).check()
    with pytest.raises(RateLimited):
        lanes.of(1).check()
