"""What every place for caches must do."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.adapters.caches_fs import FileCaches
from bot.domain.errors import BadInput, Gone, StoreBusy
from bot.domain.refs import RepositoryId
from bot.ports.caches import CacheDigest, CacheName, Caches, CacheScope
from tests.fakes.caches import FakeCaches

LIMIT: Final = 1 << 22
NAME: Final = CacheName(RepositoryId(7), CacheScope.TRUSTED, CacheDigest("a" * 64))
OTHERS: Final = (
    replace(NAME, repository=RepositoryId(8)),
    replace(NAME, scope=CacheScope.DEFAULT),
    replace(NAME, digest=CacheDigest("b" * 64)),
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture(params=["files", "memory"])
def caches(request: pytest.FixtureRequest, tmp_path: Path) -> Caches:
    return FileCaches(tmp_path / "caches", now=Clock()) if request.param == "files" else FakeCaches()


def read(caches: Caches, name: CacheName = NAME) -> bytes:
    with caches.open(name) as archive:
        return archive.read()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.binary(max_size=100), max_size=5))
def test_what_was_put_is_read_again(caches: Caches, pieces: list[bytes]) -> None:
    caches.remove(NAME)
    assert caches.put(NAME, pieces, LIMIT)
    assert read(caches) == b"".join(pieces)


@pytest.mark.parametrize("other", OTHERS)
def test_names_that_differ_anywhere_are_others(caches: Caches, other: CacheName) -> None:
    caches.put(NAME, [b"mine"], LIMIT)
    with pytest.raises(Gone):
        caches.open(other)
    assert caches.put(other, [b"theirs"], LIMIT)
    assert (read(caches), read(caches, other)) == (b"mine", b"theirs")


def test_the_first_of_a_name_stays(caches: Caches) -> None:
    assert caches.put(NAME, [b"first"], LIMIT)
    assert not caches.put(NAME, [b"second"], LIMIT)
    assert read(caches) == b"first"


def test_writers_at_the_same_time_are_never_mixed(caches: Caches) -> None:
    gate = threading.Barrier(8)

    def put(number: int) -> bool:
        def pieces() -> Iterator[bytes]:
            for part in range(50):
                if part == 25:
                    gate.wait()
                yield bytes([number]) * 100

        return caches.put(NAME, pieces(), LIMIT)

    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(put, range(8)))
    assert sum(kept) == 1
    assert read(caches) == bytes([kept.index(True)]) * 5000


def test_nothing_shows_before_it_is_whole(caches: Caches) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"part"
        with pytest.raises(Gone):
            caches.open(NAME)
        assert caches.kept() == []
        yield b"rest"

    caches.put(NAME, pieces(), LIMIT)
    assert read(caches) == b"partrest"


def test_a_put_that_fails_leaves_nothing(caches: Caches) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"part"
        raise BadInput("a file shrank")

    with pytest.raises(BadInput, match="shrank"):
        caches.put(NAME, pieces(), LIMIT)
    assert caches.kept() == []


@pytest.mark.parametrize(("length", "is_kept"), [(100, True), (101, False)])
def test_the_limit_counts(caches: Caches, length: int, is_kept: bool) -> None:
    if is_kept:
        caches.put(NAME, [b"x"] * length, 100)
    else:
        with pytest.raises(BadInput):
            caches.put(NAME, [b"x"] * length, 100)
    assert [one.size for one in caches.kept()] == ([length] if is_kept else [])


def test_they_are_listed_by_their_last_use(caches: Caches) -> None:
    names = [NAME, *OTHERS]
    for name in names:
        caches.put(name, [b"x"], LIMIT)
    read(caches, names[1])
    assert [one.name for one in caches.kept()] == [names[0], names[2], names[3], names[1]]


def test_one_that_is_removed_while_it_is_read_is_read_whole(caches: Caches) -> None:
    caches.put(NAME, [b"x" * 100], LIMIT)
    with caches.open(NAME) as archive:
        first = archive.read(10)
        caches.remove(NAME)
        assert first + archive.read() == b"x" * 100
    with pytest.raises(Gone):
        caches.open(NAME)
    caches.remove(NAME)


# Files alone


@pytest.mark.parametrize("digest", ["", "..", "../../x", "/etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_odd_names_lead_nowhere(tmp_path: Path, digest: str) -> None:
    caches = FileCaches(tmp_path / "caches", now=Clock())
    with pytest.raises(Gone):
        caches.put(replace(NAME, digest=CacheDigest(digest)), [b"x"], LIMIT)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_a_killed_writer_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    caches = FileCaches(tmp_path, now=Clock())
    caches.put(NAME, [b"x"], LIMIT)
    for name, time in (("old", 10), ("new", 1000)):
        (tmp_path / "unfinished" / name).write_bytes(b"part")
        os.utime(tmp_path / "unfinished" / name, (time, time))
    assert caches.delete_unfinished(500) == 1
    assert [path.name for path in (tmp_path / "unfinished").iterdir()] == ["new"]
    assert [one.name for one in caches.kept()] == [NAME]


def test_a_disk_that_is_nearly_full_takes_nothing(tmp_path: Path) -> None:
    caches = FileCaches(tmp_path, now=Clock(), reserve=1 << 62)
    with pytest.raises(StoreBusy, match="kept free"):
        caches.put(NAME, [b"x"], LIMIT)
