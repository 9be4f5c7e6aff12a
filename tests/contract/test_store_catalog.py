"""What every store must do with registered suites and environments."""

from collections.abc import Callable

import pytest

from bot.domain.catalog import Entry, Kind
from bot.domain.errors import Gone
from bot.ports.store import UnitOfWork

OpenWork = Callable[[], UnitOfWork]


def add(unit: UnitOfWork, key: str, name: str = "unit", kind: Kind = Kind.SUITE) -> Entry:
    made = unit.catalog.add(kind, key, name, f"of {key}", "ana")
    assert made
    return made


def test_a_version_stays_as_it_was_whatever_comes_after_it(work: OpenWork) -> None:
    with work() as unit:
        first = add(unit, "a")
        second = unit.catalog.replace(first, "other", "new", "bob")
    with work() as unit:
        assert unit.catalog.get(Kind.SUITE, "a", 1) == first
        assert unit.catalog.get(Kind.SUITE, "a", 2) == unit.catalog.get(Kind.SUITE, "a") == second
        assert (second.version, second.name, second.definition, second.actor) == (2, "other", "new", "bob")
        assert (first.number, first.created_at) == (second.number, second.created_at)
        assert unit.catalog.versions(Kind.SUITE, "a") == [first, second]


def test_who_read_an_older_version_changes_and_removes_nothing(work: OpenWork) -> None:
    with work() as unit:
        first = add(unit, "a")
        assert unit.catalog.replace(first, "unit", "new", "bob")
        assert unit.catalog.replace(first, "unit", "lost", "eve") is None
        assert not unit.catalog.remove(first)
        assert unit.catalog.get(Kind.SUITE, "a").definition == "new"


def test_what_is_removed_is_there_by_its_versions_alone(work: OpenWork) -> None:
    with work() as unit:
        first = add(unit, "a")
        assert unit.catalog.remove(first)
        assert not unit.catalog.remove(first)
    with work() as unit:
        with pytest.raises(Gone):
            unit.catalog.get(Kind.SUITE, "a")
        assert unit.catalog.replace(first, "unit", "new", "bob") is None
        assert unit.catalog.known(Kind.SUITE, 10) == []
        assert unit.catalog.get(Kind.SUITE, "a", 1).removed
        assert [one.version for one in unit.catalog.versions(Kind.SUITE, "a")] == [1]


def test_a_name_is_that_of_one_until_it_is_removed_or_renamed(work: OpenWork) -> None:
    with work() as unit:
        first, other = add(unit, "a"), add(unit, "b", "other")
        assert unit.catalog.add(Kind.SUITE, "c", "unit", "x", "ana") is None
        assert unit.catalog.replace(other, "unit", "x", "ana") is None
        assert add(unit, "d", kind=Kind.ENVIRONMENT).name == "unit"
        renamed = unit.catalog.replace(first, "newer", "x", "ana")
        assert renamed
        assert add(unit, "e", "unit").id == "e"
        assert unit.catalog.remove(renamed)
        assert add(unit, "f", "newer").id == "f"


def test_each_kind_is_listed_in_the_order_in_which_it_was_registered(work: OpenWork) -> None:
    with work() as unit:
        first, second = add(unit, "b", "one"), add(unit, "a", "two")
        add(unit, "c", "three", Kind.ENVIRONMENT)
        newest = unit.catalog.replace(first, "one", "new", "ana")
        assert unit.catalog.known(Kind.SUITE, 10) == [newest, second]
        assert unit.catalog.known(Kind.SUITE, 1, first.number) == [second]


def test_what_is_of_the_other_kind_is_not_there(work: OpenWork) -> None:
    with work() as unit:
        add(unit, "a")
        with pytest.raises(Gone):
            unit.catalog.get(Kind.ENVIRONMENT, "a")
        with pytest.raises(Gone):
            unit.catalog.get(Kind.SUITE, "a", 2)
        assert unit.catalog.versions(Kind.ENVIRONMENT, "a") == []
