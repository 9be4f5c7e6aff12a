"""What a run left is kept within limits, and nothing that goes wrong there reaches the verdict."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Final

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.store_sql import SqlWork, open_engine
from bot.adapters.store_sql.tables import metadata
from bot.app.collecting import Budget, Collected, collect, prune, sweep
from bot.app.context import Rules
from bot.domain.errors import SandboxUnavailable, StoreBusy
from bot.domain.runs import Reason, Run
from bot.ports.artifacts import Artifact
from bot.ports.sandbox import Found, Skipped
from bot.ports.store import UnitOfWork
from tests.contract.store_values import AT, stored_run
from tests.fakes.artifacts import FakeArtifacts

LIMIT: Final = Budget(count=5, size=100, seconds=60)


@dataclass
class Place:
    """A store with one claimed run, somewhere for contents, and a clock that stands."""

    artifacts: FakeArtifacts = field(default_factory=FakeArtifacts)
    now: Callable[[], datetime] = lambda: AT
    monotonic: Callable[[], float] = lambda: 0.0
    rules: Rules = field(default_factory=Rules)

    def __post_init__(self) -> None:
        self.engine: sa.Engine = open_engine("sqlite://")
        metadata.create_all(self.engine)
        with self.work() as work:
            claimed = work.runs.claim(stored_run(work).id, "worker", 60)
        assert claimed is not None
        self.run: Run = claimed

    def work(self) -> UnitOfWork:
        return SqlWork(self.engine, _no_hints)

    def collect(self, *files: Found | Skipped, budget: Budget = LIMIT, keep: float = 60) -> Collected:
        return collect(self, self.run, iter(files), keep=keep, budget=budget)

    @property
    def rows(self) -> list[Artifact]:
        with self.work() as work:
            return list(work.artifacts.of_run(self.run.id))

    @property
    def kept(self) -> dict[str, bytes]:
        return {one.path: self.artifacts.contents[one.sha256] for one in self.rows if one.sha256}

    @property
    def skipped(self) -> dict[str, str]:
        return {one.path: one.skipped for one in self.rows if one.skipped}


def _no_hints(task: object, *, delay: float = 0) -> None:
    raise AssertionError(f"nothing is to be done {delay} seconds later")


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.engine.dispose()


def a_file(path: str, data: bytes = b"data", size: int | None = None) -> Found:
    return Found(path, len(data) if size is None else size, BytesIO(data))


def test_files_are_kept_and_the_rest_is_listed_with_its_reason(place: Place) -> None:
    collected = place.collect(
        a_file("out/a.txt"), Skipped("out/link", "it is a symbolic link"), a_file("out/b/ü", b"")
    )
    assert place.kept == {"out/a.txt": b"data", "out/b/ü": b""}
    assert place.skipped == {"out/link": "it is a symbolic link"}
    assert collected == Collected(stored=2, size=4, skipped=1)


def test_the_same_content_is_kept_once(place: Place) -> None:
    place.collect(a_file("a"), a_file("b"))
    assert list(place.artifacts.contents.values()) == [b"data"]


def test_a_second_attempt_replaces_what_the_first_left(place: Place) -> None:
    place.collect(a_file("a"), a_file("b"))
    place.collect(a_file("b", b"new"), a_file("c"))
    place.collect(a_file("b", b"new"), a_file("c"))
    assert place.kept == {"b": b"new", "c": b"data"}


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../x",
        "out/../../x",
        "..",
        ".",
        "out/./x",
        "out//x",
        "out/",
        "nul\0byte",
        "line\nbreak",
        "esc\x1b[31m",
        "right\u202eleft",
        "not\udcffutf8",
        "x" * 1025,
    ],
)
def test_an_odd_path_is_never_kept_and_shown_only_in_plain_characters(place: Place, path: str) -> None:
    place.collect(a_file(path), a_file("good"))
    assert place.kept == {"good": b"data"}
    (shown,) = place.skipped
    assert shown.isprintable()
    assert 0 < len(shown) <= 1024


@settings(deadline=None)
@given(paths=st.lists(st.text(st.characters(), max_size=12), max_size=8))
def test_whatever_paths_come_only_plain_relative_ones_are_kept(paths: list[str]) -> None:
    place = Place()
    collected = place.collect(*map(a_file, paths), budget=Budget(count=100, size=1000))
    assert not [path for path in place.kept if path.startswith("/") or {"", ".", ".."} & set(path.split("/"))]
    assert all(one.path.isprintable() for one in place.rows)
    assert collected.stored == len(place.kept)
    place.engine.dispose()


def test_no_more_files_are_taken_than_the_limit_says(place: Place) -> None:
    asked = itertools.count()
    endless = (a_file(f"file-{number}") for number in asked)
    collected = collect(place, place.run, endless, keep=60, budget=LIMIT)
    assert (collected.stored, collected.truncated) == (5, "there are more than 5 files")
    assert place.skipped == {"": "there are more than 5 files"}
    assert next(asked) == 6


def test_skipped_ones_count_as_well(place: Place) -> None:
    fifos = (Skipped(f"fifo-{number}", "it is a FIFO") for number in itertools.count())
    assert collect(place, place.run, fifos, keep=60, budget=LIMIT).truncated == "there are more than 5 files"


def test_exactly_as_many_as_the_limit_are_the_whole(place: Place) -> None:
    collected = place.collect(*(a_file(f"file-{number}") for number in range(5)))
    assert (collected.stored, collected.truncated, place.skipped) == (5, "", {})


def test_a_file_that_does_not_fit_is_left_out_and_smaller_ones_are_kept(place: Place) -> None:
    place.collect(
        a_file("a", b"x" * 60), a_file("big", b"", size=1 << 40), a_file("b", b"y" * 41), a_file("c", b"z" * 40)
    )
    assert list(place.kept) == ["a", "c"]
    assert place.skipped["big"] == "its 1024 GiB go beyond the limit of 100 bytes for all files of a run"
    assert "b" in place.skipped


def test_a_file_that_lies_about_its_size_is_left_out(place: Place) -> None:
    place.collect(a_file("liar", b"x" * 101, size=1), a_file("good"))
    assert place.kept == {"good": b"data"}
    assert "it grew" in place.skipped["liar"]


def test_a_full_store_is_told_and_soon_given_up(place: Place) -> None:
    place.artifacts.full = True
    collected = place.collect(*(a_file(f"file-{number}") for number in range(5)))
    assert collected == Collected(skipped=3, truncated="nothing can be stored: artifacts: no space left")
    assert place.skipped["file-0"] == "it could not be stored: artifacts: no space left"


def test_a_sandbox_that_fails_half_way_leaves_what_came_before(place: Place) -> None:
    collected = collect(place, place.run, _fails_after(a_file("a")), keep=60, budget=LIMIT)
    assert place.kept == {"a": b"data"}
    assert collected.truncated == "the sandbox failed: the engine is gone"


def _fails_after(*files: Found) -> Iterator[Found]:
    yield from files
    raise SandboxUnavailable("the engine is gone")


def test_a_store_out_of_reach_does_not_raise(place: Place) -> None:
    def out_of_reach() -> UnitOfWork:
        raise StoreBusy("database is locked")

    place.work = out_of_reach  # type: ignore[method-assign]  # the store goes away under our feet
    assert place.collect(a_file("a")).truncated == "their list could not be stored: database is locked"


def test_when_its_time_is_over_collecting_ends(place: Place) -> None:
    clock = itertools.count(0, 25)
    place.monotonic = lambda: float(next(clock))
    collected = place.collect(*(a_file(f"file-{number}") for number in range(5)))
    assert (collected.stored, collected.truncated) == (2, "the time for collecting was over")


def test_a_worker_that_shall_stop_ends_at_once(place: Place) -> None:
    files = iter([a_file("a")])
    collected = collect(place, place.run, files, keep=60, budget=LIMIT, should_stop=lambda: True)
    assert (collected.stored, collected.truncated) == (0, "the time for collecting was over")


def test_who_lost_the_run_writes_nothing(place: Place) -> None:
    place.collect(a_file("of-the-new-worker"))
    with place.work() as work:
        assert work.runs.save(place.run, place.run.given_back(Reason.WORKER_LOST, AT, ""), "reaper")
    assert place.collect(a_file("of-the-old-one")).truncated == "the run is no longer ours"
    assert list(place.kept) == ["of-the-new-worker"]


def test_the_sandbox_is_asked_for_one_more_than_is_taken() -> None:
    limits = LIMIT.of_sandbox
    assert (limits.count, limits.size) == (6, 100)


def test_files_whose_time_is_over_are_forgotten_with_their_contents(place: Place) -> None:
    place.collect(a_file("a"), a_file("b", b"more"), Skipped("c", "it is a FIFO"), keep=-1)
    assert prune(place) == 3
    assert (place.rows, place.artifacts.contents) == ([], {})
    assert prune(place) == 0


def test_contents_that_another_file_has_stay(place: Place) -> None:
    with place.work() as work:
        other = work.runs.claim(stored_run(work).id, "worker", 60)
    assert other is not None
    place.collect(a_file("a"), keep=-1)
    collect(place, other, iter([a_file("b")]), keep=60, budget=LIMIT)
    assert prune(place) == 1
    assert list(place.artifacts.contents.values()) == [b"data"]
    assert sweep(place) == 0


def test_contents_whose_worker_died_before_it_listed_them_are_swept_away(place: Place) -> None:
    place.collect(a_file("listed"))
    place.artifacts.put(BytesIO(b"orphan"), 100)
    place.artifacts.now = AT.timestamp() - 60
    place.artifacts.put(BytesIO(b"about to be listed"), 100)
    assert sweep(place) == 1
    assert set(place.artifacts.contents.values()) == {b"data", b"about to be listed"}
