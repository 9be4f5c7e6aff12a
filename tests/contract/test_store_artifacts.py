"""What every store must do with the list of files that runs left."""

from collections.abc import Callable

import pytest

from bot.domain.errors import Gone
from bot.ports.artifacts import ArtifactFound, ArtifactKind, Sha256
from bot.ports.store import UnitOfWork
from tests.contract.store_values import stored_build, stored_run

OpenWork = Callable[[], UnitOfWork]

ONE = Sha256("1" * 64)
TWO = Sha256("2" * 64)
FILES = ArtifactKind.ARTIFACT
REPORTS = ArtifactKind.REPORT


def found(path: str, sha256: Sha256 = ONE, kind: ArtifactKind = FILES) -> ArtifactFound:
    return ArtifactFound(path=path, sha256=sha256, size=3, kind=kind)


def skipped(path: str, why: str) -> ArtifactFound:
    return ArtifactFound(path=path, skipped=why)


def test_files_and_what_was_skipped_are_listed_by_path(work: OpenWork) -> None:
    with work() as unit:
        run = stored_run(unit).id
        unit.artifacts.replace(run, FILES, [found("out/b.txt"), skipped("out/a", "it is a FIFO")], 3600)
    with work() as unit:
        left, kept = unit.artifacts.of_run(run)
    assert (left.path, left.sha256, left.skipped) == ("out/a", None, "it is a FIFO")
    assert (kept.path, kept.sha256, kept.size, kept.kind, kept.skipped) == ("out/b.txt", ONE, 3, FILES, "")
    assert kept.run == run
    assert kept.keep_until - kept.created_at == pytest.approx(3600)


def test_collecting_again_replaces_what_was_there(work: OpenWork) -> None:
    with work() as unit:
        run = stored_run(unit).id
        unit.artifacts.replace(run, FILES, [found("a"), found("b")], 60)
        unit.artifacts.replace(run, FILES, [found("b", TWO), found("c")], 60)
        assert [(one.path, one.sha256) for one in unit.artifacts.of_run(run)] == [("b", TWO), ("c", ONE)]
        unit.artifacts.replace(run, FILES, [], 60)
        assert unit.artifacts.of_run(run) == []


def test_one_kind_does_not_replace_another(work: OpenWork) -> None:
    with work() as unit:
        run = stored_run(unit).id
        unit.artifacts.replace(run, FILES, [found("a"), found("both")], 60)
        unit.artifacts.replace(run, REPORTS, [found("both", TWO, REPORTS), found("junit.xml", TWO, REPORTS)], 60)
        unit.artifacts.replace(run, REPORTS, [found("both", TWO, REPORTS), found("junit.xml", TWO, REPORTS)], 60)
        rows = [(one.path, one.kind) for one in unit.artifacts.of_run(run)]
    assert rows == [("a", FILES), ("both", FILES), ("junit.xml", REPORTS)]


def test_a_file_is_found_by_its_run_and_path_only(work: OpenWork) -> None:
    with work() as unit:
        build = stored_build(unit)
        run, other = stored_run(unit, build).id, stored_run(unit, build, "lint").id
        unit.artifacts.replace(run, FILES, [found("out/a.txt"), skipped("out/b", "a link")], 60)
        assert unit.artifacts.get(run, "out/a.txt").sha256 == ONE
        for_nobody = [(other, "out/a.txt"), (run, "out/b"), (run, "out/A.txt"), (run, "out/a.txt\0"), (run, "%")]
        assert [_is_gone(unit, *one) for one in for_nobody] == [True] * 5


def _is_gone(unit: UnitOfWork, run: object, path: str) -> bool:
    with pytest.raises(Gone):
        unit.artifacts.get(run, path)  # type: ignore[arg-type]  # the ids of the test's own runs
    return True


def test_only_those_whose_time_is_over_expire(work: OpenWork) -> None:
    with work() as unit:
        build = stored_build(unit)
        old, older, young = (stored_run(unit, build, name).id for name in ("a", "b", "c"))
        unit.artifacts.replace(old, FILES, [found("old")], -10)
        unit.artifacts.replace(older, FILES, [found("older"), skipped("", "and more")], -20)
        unit.artifacts.replace(young, FILES, [found("young")], 60)
        assert [one.path for one in unit.artifacts.expired(10)] == ["older", "", "old"]
        assert [one.path for one in unit.artifacts.expired(1)] == ["older"]
        unit.artifacts.remove(older, "older")
        assert [one.path for one in unit.artifacts.expired(10)] == ["", "old"]


def test_files_of_the_same_content_are_counted(work: OpenWork) -> None:
    with work() as unit:
        build = stored_build(unit)
        run, other = stored_run(unit, build).id, stored_run(unit, build, "lint").id
        unit.artifacts.replace(run, FILES, [found("a"), found("b"), found("c", TWO)], 60)
        unit.artifacts.replace(other, FILES, [found("a")], 60)
        assert [unit.artifacts.references(one) for one in (ONE, TWO, Sha256("3" * 64))] == [3, 1, 0]
        unit.artifacts.remove(run, "a")
        assert unit.artifacts.references(ONE) == 2


def test_ten_thousand_files_are_listed_at_once(work: OpenWork) -> None:
    with work() as unit:
        run = stored_run(unit).id
        unit.artifacts.replace(run, FILES, [found(f"out/{number}") for number in range(10_000)], 60)
        assert len(unit.artifacts.of_run(run)) == 10_000
