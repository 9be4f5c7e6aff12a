"""What every store must do with forges that are set up while the server runs, and with the keys that allow it."""

from collections.abc import Callable

import pytest

from bot.domain.refs import ForgeName
from bot.ports.hosts import SetupKind
from bot.ports.store import UnitOfWork

OpenWork = Callable[[], UnitOfWork]
GITHUB = ForgeName("github")


def test_what_is_written_again_takes_the_place_of_what_was_there(work: OpenWork) -> None:
    with work() as unit:
        unit.hosts.put(ForgeName("gitlab"), b"\x00other", "ada")
        unit.hosts.put(GITHUB, b"\x00old", "ada")
        unit.hosts.put(GITHUB, b"\x00new", "bob")
    with work() as unit:
        github, gitlab = unit.hosts.every()
    assert (github.name, github.value, github.actor) == (GITHUB, b"\x00new", "bob")
    assert gitlab.value == b"\x00other"
    assert github.updated_at > 1_600_000_000


def test_only_what_was_read_is_sealed_anew(work: OpenWork) -> None:
    with work() as unit:
        unit.hosts.put(GITHUB, b"one", "ada")
        (read,) = unit.hosts.every()
        assert unit.hosts.reseal(read, b"two")
        assert not unit.hosts.reseal(read, b"three")
        assert [one.value for one in unit.hosts.every()] == [b"two"]


def test_a_key_is_taken_once(work: OpenWork) -> None:
    with work() as unit:
        unit.setup_keys.put(SetupKind.LINK, "digest", 60)
    with work() as unit:
        assert unit.setup_keys.is_live(SetupKind.LINK, "digest")
        assert unit.setup_keys.take(SetupKind.LINK, "digest")
        assert not unit.setup_keys.take(SetupKind.LINK, "digest")
        assert not unit.setup_keys.is_live(SetupKind.LINK, "digest")


@pytest.mark.parametrize("change", ["another", "kind", "time", "newer", "ended"])
def test_a_key_is_good_for_its_kind_and_time_and_until_a_newer_one(work: OpenWork, change: str) -> None:
    kind, digest = SetupKind.LINK, "digest"
    with work() as unit:
        unit.setup_keys.put(kind, digest, 0 if change == "time" else 60)
        match change:
            case "another":
                digest = "other"
            case "kind":
                kind = SetupKind.SESSION
            case "newer":
                unit.setup_keys.put(kind, "newer", 60)
            case "ended":
                unit.setup_keys.end(kind)
            case _:
                pass
    with work() as unit:
        assert not unit.setup_keys.is_live(kind, digest)
        assert not unit.setup_keys.take(kind, digest)
        assert unit.setup_keys.is_live(SetupKind.LINK, "newer") is (change == "newer")
