"""What every store must do with webhook calls."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.domain.refs import ForgeName
from bot.ports.deliveries import DeliveryStatus
from bot.ports.store import UnitOfWork
from tests.contract.store_values import GITHUB

OpenWork = Callable[[], UnitOfWork]
BODY = b'{"ref": "refs/heads/main"}'


def add(work: OpenWork, key: str = "d-1", *, ignored: str | None = None) -> tuple[int, bool]:
    with work() as unit:
        return unit.deliveries.add(GITHUB, key, "push", BODY, ignored=ignored)


def test_a_new_delivery_is_due_and_is_claimed_with_its_payload(work: OpenWork) -> None:
    number, is_new = add(work)
    with work() as unit:
        due = unit.deliveries.due(10)
        claimed = unit.deliveries.claim(number, 60)
    assert is_new
    assert due == [number]
    assert claimed is not None
    assert (claimed.payload, claimed.key, claimed.name, claimed.forge) == (BODY, "d-1", "push", GITHUB)
    assert (claimed.status, claimed.attempts) == (DeliveryStatus.RECEIVED, 1)


@pytest.mark.parametrize("status", [DeliveryStatus.PROCESSED, DeliveryStatus.IGNORED])
def test_a_finished_delivery_that_comes_again_is_no_news(work: OpenWork, status: DeliveryStatus) -> None:
    number, _ = add(work)
    with work() as unit:
        unit.deliveries.finish(number, status, "done")
    assert add(work) == (number, False)
    with work() as unit:
        assert unit.deliveries.due(10) == []


def test_a_failed_delivery_that_comes_again_is_processed_anew_even_after_its_payload_was_dropped(
    work: OpenWork,
) -> None:
    number, _ = add(work)
    with work() as unit:
        unit.deliveries.claim(number, 60)
        unit.deliveries.finish(number, DeliveryStatus.FAILED, "no luck")
        assert unit.deliveries.prune(-1) == 1
    assert add(work) == (number, True)
    with work() as unit:
        claimed = unit.deliveries.claim(number, 60)
    assert claimed is not None
    assert (claimed.payload, claimed.attempts) == (BODY, 1)


def test_an_unfinished_delivery_that_comes_again_is_due_at_once(work: OpenWork) -> None:
    number, _ = add(work)
    with work() as unit:
        unit.deliveries.postpone(number, 3600, "forge down")
        assert unit.deliveries.due(10) == []
        assert unit.deliveries.claim(number, 60) is None
    assert add(work) == (number, True)
    with work() as unit:
        assert unit.deliveries.due(10) == [number]


def test_a_delivery_that_is_being_handled_stays_with_its_handler_when_it_comes_again(work: OpenWork) -> None:
    number, _ = add(work)
    with work() as unit:
        unit.deliveries.claim(number, 60)
    assert add(work) == (number, True)
    with work() as unit:
        assert unit.deliveries.claim(number, 60) is None


def test_an_ignored_delivery_is_never_due(work: OpenWork) -> None:
    number, is_new = add(work, ignored="a star")
    with work() as unit:
        assert unit.deliveries.due(10) == []
        assert unit.deliveries.claim(number, 60) is None
    assert is_new
    assert add(work, ignored="a star") == (number, False)


def test_the_same_key_of_another_forge_is_another_delivery(work: OpenWork) -> None:
    first, _ = add(work)
    with work() as unit:
        second, is_new = unit.deliveries.add(ForgeName("gitlab"), "d-1", "Push Hook", BODY)
    assert is_new
    assert second != first


def test_a_claimed_delivery_is_not_due_until_its_lease_ends(work: OpenWork) -> None:
    number, _ = add(work)
    with work() as unit:
        assert unit.deliveries.claim(number, 60)
        assert unit.deliveries.claim(number, 60) is None
        assert unit.deliveries.due(10) == []


def test_a_delivery_whose_handler_died_is_claimed_again_and_its_attempts_are_counted(work: OpenWork) -> None:
    number, _ = add(work)
    with work() as unit:
        unit.deliveries.claim(number, -1)
    with work() as unit:
        assert unit.deliveries.due(10) == [number]
        claimed = unit.deliveries.claim(number, 60)
    assert claimed is not None
    assert claimed.attempts == 2


def test_a_claim_that_came_to_nothing_counts_as_no_attempt(work: OpenWork) -> None:
    number, _ = add(work)
    with work() as unit:
        unit.deliveries.claim(number, 60)
        unit.deliveries.postpone(number, 0, "another one's turn", is_try=False)
        claimed = unit.deliveries.claim(number, 60)
    assert claimed is not None
    assert claimed.attempts == 1


def test_who_comes_late_does_not_change_how_a_delivery_ended(work: OpenWork) -> None:
    number, _ = add(work)
    with work() as unit:
        unit.deliveries.finish(number, DeliveryStatus.PROCESSED, "build 1")
        unit.deliveries.finish(number, DeliveryStatus.FAILED, "too late")
        unit.deliveries.postpone(number, 0, "too late")
    assert add(work) == (number, False)


def test_due_deliveries_come_oldest_first_and_no_more_than_wanted(work: OpenWork) -> None:
    numbers = [add(work, key)[0] for key in ("a", "b", "c")]
    with work() as unit:
        assert unit.deliveries.due(2) == numbers[:2]


def test_only_old_and_finished_deliveries_lose_their_payload(work: OpenWork) -> None:
    done, _ = add(work, "done")
    add(work, "waiting")
    with work() as unit:
        unit.deliveries.finish(done, DeliveryStatus.PROCESSED, "")
        assert unit.deliveries.prune(3600) == 0
        assert unit.deliveries.prune(-1) == 1
        assert unit.deliveries.prune(-1) == 0


def test_of_fifty_at_once_one_is_new(work: OpenWork) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: add(work, ignored="a star"), range(50)))
    assert [is_new for _, is_new in answers].count(True) == 1
    assert len({number for number, _ in answers}) == 1


def test_fifty_at_once_of_one_that_is_to_be_processed_are_one_delivery(work: OpenWork) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = set(pool.map(lambda _: add(work), range(50)))
    with work() as unit:
        due = unit.deliveries.due(50)
    assert answers == {(due[0], True)}
    assert len(due) == 1


def test_a_call_is_known_by_its_key_unless_it_failed(work: OpenWork) -> None:
    with work() as unit:
        assert not unit.deliveries.knows(GITHUB, "a")
        number, _ = unit.deliveries.add(GITHUB, "a", "push", b"{}")
        unit.deliveries.add(GITHUB, "b", "ping", b"", ignored="ping")
        assert unit.deliveries.knows(GITHUB, "a")
        assert unit.deliveries.knows(GITHUB, "b")
        assert not unit.deliveries.knows(ForgeName("gitlab"), "a")
        unit.deliveries.claim(number, 60)
        unit.deliveries.finish(number, DeliveryStatus.FAILED, "no")
        assert not unit.deliveries.knows(GITHUB, "a")
