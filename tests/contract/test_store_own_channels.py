"""What every store must do with channels of repositories."""

from collections.abc import Callable

from bot.domain.refs import RepositoryId
from bot.ports.store import UnitOfWork
from tests.contract.store_values import stored_repository

OpenWork = Callable[[], UnitOfWork]


def test_a_channel_is_kept_and_led_elsewhere(work: OpenWork) -> None:
    with work() as unit:
        repository = stored_repository(unit).id
        assert unit.own_channels.put(repository, "team", "slack", b"\x00one", "ada")
        assert not unit.own_channels.put(repository, "team", "matrix", b"\xfftwo", "bob")
        assert unit.own_channels.put(repository, "alarm", "mailto", b"three", "ada")
    with work() as unit:
        alarm, team = unit.own_channels.of_repository(repository)
        assert unit.own_channels.get(repository, "team") == team
    assert (alarm.name, alarm.kind, alarm.address) == ("alarm", "mailto", b"three")
    assert (team.name, team.kind, team.address, team.actor) == ("team", "matrix", b"\xfftwo", "bob")
    assert team.repository == repository
    assert team.created_at > 1_600_000_000


def test_repositories_do_not_share_their_channels(work: OpenWork) -> None:
    with work() as unit:
        mine, theirs = stored_repository(unit).id, stored_repository(unit, forge_id=7002, path="eve/evil").id
        unit.own_channels.put(theirs, "team", "slack", b"theirs", "eve")
        assert unit.own_channels.get(mine, "team") is None
        assert not unit.own_channels.remove(mine, "team")
        assert [one.address for one in unit.own_channels.every()] == [b"theirs"]
        assert unit.own_channels.remove(theirs, "team")
        assert unit.own_channels.every() == []


def test_another_seal_never_undoes_what_was_written_meanwhile(work: OpenWork) -> None:
    with work() as unit:
        repository = stored_repository(unit).id
        unit.own_channels.put(repository, "team", "slack", b"old", "ada")
        (before,) = unit.own_channels.every()
        assert unit.own_channels.reseal(before, b"old, sealed anew")
        unit.own_channels.put(repository, "team", "slack", b"new", "ada")
        assert not unit.own_channels.reseal(before, b"old, sealed anew")
        (after,) = unit.own_channels.every()
    assert after.address == b"new"


def test_pages_of_channels_hold_each_once(work: OpenWork) -> None:
    with work() as unit:
        first, second = stored_repository(unit).id, stored_repository(unit, forge_id=7002, path="eve/evil").id
        for repository, name in [(second, "b"), (first, "z"), (second, "a"), (first, "c")]:
            unit.own_channels.put(repository, name, "slack", b"x", "ada")
        found, after = [], (RepositoryId(0), "")
        while page := unit.own_channels.page(1, after=after):
            after = (page[-1].repository, page[-1].name)
            found.append(after)
        assert unit.own_channels.page(0, after=(RepositoryId(0), "")) == []
    assert found == [(first, "c"), (first, "z"), (second, "a"), (second, "b")]
