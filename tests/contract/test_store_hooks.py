"""What every store must do with webhooks of repositories."""

from collections.abc import Callable

from bot.ports.store import UnitOfWork
from tests.contract.store_values import stored_repository

OpenWork = Callable[[], UnitOfWork]


def test_a_repository_has_one_webhook_whoever_adds_it(work: OpenWork) -> None:
    with work() as unit:
        repository = stored_repository(unit).id
        first = unit.hooks.add("one", repository, b"\x00sealed", "ada")
        second = unit.hooks.add("two", repository, b"other", "bob")
        assert first == second == unit.hooks.of_repository(repository) == unit.hooks.get("one")
        assert unit.hooks.get("two") is None
        assert unit.hooks.every() == [first]
    assert (first.secret, first.other, first.number, first.heard_at, first.actor) == (
        b"\x00sealed",
        None,
        None,
        None,
        "ada",
    )
    assert first.created_at > 1_600_000_000


def test_what_the_forge_calls_it_and_when_it_was_heard_is_kept(work: OpenWork) -> None:
    with work() as unit:
        unit.hooks.add("one", stored_repository(unit).id, b"sealed", "ada")
        unit.hooks.made("one", 2**40)
        unit.hooks.heard("one")
        found = unit.hooks.get("one")
    assert found
    assert found.number == 2**40
    assert found.heard_at is not None
    assert found.heard_at >= found.created_at


def test_an_offered_secret_stays_until_the_forge_has_it(work: OpenWork) -> None:
    with work() as unit:
        unit.hooks.add("one", stored_repository(unit).id, b"old", "ada")
        unit.hooks.offer("one", b"new")
        again = unit.hooks.offer("one", b"newer")
        assert (again.secret, again.other) == (b"old", b"new")
        unit.hooks.switch("one", keep=3600)
        switched = unit.hooks.get("one")
        assert switched
        assert (switched.secret, switched.other) == (b"new", b"old")
        unit.hooks.switch("one", keep=3600)
        assert unit.hooks.get("one") == switched


def test_the_last_secret_ends_after_its_time(work: OpenWork) -> None:
    with work() as unit:
        unit.hooks.add("one", stored_repository(unit).id, b"old", "ada")
        unit.hooks.offer("one", b"new")
        unit.hooks.switch("one", keep=-1)
        ended = unit.hooks.get("one")
        assert ended
        assert (ended.secret, ended.other) == (b"new", None)
        assert unit.hooks.offer("one", b"third").other == b"third"


def test_secrets_that_changed_meanwhile_are_not_resealed(work: OpenWork) -> None:
    with work() as unit:
        stored = unit.hooks.add("one", stored_repository(unit).id, b"sealed", "ada")
        assert unit.hooks.reseal(stored, b"resealed", None)
        assert not unit.hooks.reseal(stored, b"again", None)
        found = unit.hooks.get("one")
    assert found
    assert found.secret == b"resealed"


def test_a_removed_webhook_leaves_room_for_another(work: OpenWork) -> None:
    with work() as unit:
        repository = stored_repository(unit).id
        unit.hooks.add("one", repository, b"sealed", "ada")
        unit.hooks.remove("one")
        assert unit.hooks.of_repository(repository) is None
        assert unit.hooks.add("two", repository, b"sealed", "ada").id == "two"
