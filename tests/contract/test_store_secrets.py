"""What every store must do with sealed secrets."""

from collections.abc import Callable

import sqlalchemy as sa

from bot.ports.store import UnitOfWork
from tests.contract.store_values import stored_repository

OpenWork = Callable[[], UnitOfWork]


def test_a_secret_is_kept_and_written_anew(work: OpenWork) -> None:
    with work() as unit:
        repository = stored_repository(unit).id
        assert unit.secrets.put(repository, "TOKEN", b"\x00one", "ada")
        assert not unit.secrets.put(repository, "TOKEN", b"\xfftwo", "bob")
        assert unit.secrets.put(repository, "ALPHA", b"three", "ada")
    with work() as unit:
        alpha, token = unit.secrets.of_repository(repository)
    assert (alpha.name, alpha.value, alpha.actor) == ("ALPHA", b"three", "ada")
    assert (token.name, token.value, token.actor, token.repository) == ("TOKEN", b"\xfftwo", "bob", repository)
    assert 1_600_000_000 < token.created_at <= token.updated_at


def test_writing_anew_keeps_the_day_it_was_made(work: OpenWork, engine: sa.Engine) -> None:
    with work() as unit:
        repository = stored_repository(unit).id
        unit.secrets.put(repository, "TOKEN", b"one", "ada")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE secret SET created_at = 5, updated_at = 6"))
    with work() as unit:
        unit.secrets.put(repository, "TOKEN", b"two", "ada")
        (token,) = unit.secrets.of_repository(repository)
    assert token.created_at == 5
    assert token.updated_at > 6


def test_repositories_do_not_share_their_secrets(work: OpenWork) -> None:
    with work() as unit:
        mine, theirs = stored_repository(unit).id, stored_repository(unit, forge_id=7002, path="eve/evil").id
        unit.secrets.put(mine, "TOKEN", b"mine", "ada")
        unit.secrets.put(theirs, "TOKEN", b"theirs", "eve")
        assert unit.secrets.remove(theirs, "TOKEN")
        assert unit.secrets.of_repository(theirs) == []
        assert [one.value for one in unit.secrets.of_repository(mine)] == [b"mine"]


def test_removing_tells_whether_there_was_one(work: OpenWork) -> None:
    with work() as unit:
        repository = stored_repository(unit).id
        assert not unit.secrets.remove(repository, "TOKEN")
        unit.secrets.put(repository, "TOKEN", b"one", "ada")
        assert unit.secrets.remove(repository, "TOKEN")
        assert unit.secrets.every() == []


def test_another_seal_leaves_dates_and_author_alone(work: OpenWork, engine: sa.Engine) -> None:
    with work() as unit:
        repository = stored_repository(unit).id
        unit.secrets.put(repository, "TOKEN", b"old seal", "ada")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE secret SET updated_at = 6"))
    with work() as unit:
        (before,) = unit.secrets.every()
        assert unit.secrets.reseal(before, b"new seal")
        (after,) = unit.secrets.every()
    assert (after.value, after.updated_at, after.actor) == (b"new seal", 6, "ada")


def test_another_seal_never_undoes_what_was_written_meanwhile(work: OpenWork) -> None:
    with work() as unit:
        repository = stored_repository(unit).id
        unit.secrets.put(repository, "TOKEN", b"old", "ada")
        (before,) = unit.secrets.every()
        unit.secrets.put(repository, "TOKEN", b"new value", "ada")
        assert not unit.secrets.reseal(before, b"old, resealed")
        assert [one.value for one in unit.secrets.every()] == [b"new value"]
        unit.secrets.remove(repository, "TOKEN")
        assert not unit.secrets.reseal(before, b"old, resealed")


def test_a_sealed_value_does_not_show_when_the_row_is_printed(work: OpenWork) -> None:
    with work() as unit:
        unit.secrets.put(stored_repository(unit).id, "TOKEN", b"sealed-bytes", "ada")
        assert "sealed-bytes" not in repr(unit.secrets.every())
