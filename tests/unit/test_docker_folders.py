"""Folders that jobs leave behind, in whatever state, and what they take of the disk."""

import os
from pathlib import Path

import pytest

from bot.adapters.sandbox_docker import folders
from bot.domain.suites import MIB


def nested(top: Path, levels: int) -> None:
    """Deeper than a path can name: one step at a time."""
    here = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d" * 50, dir_fd=here)
        inner = os.open("d" * 50, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


def test_a_folder_is_made_with_empty_ones_for_the_job(tmp_path: Path) -> None:
    top = tmp_path / "runs" / "a-1"

    folders.make(top, ("src", "home"), None)

    assert sorted(top.iterdir()) == [top / "home", top / "src"]
    assert list((top / "src").iterdir()) == []


def test_it_is_removed_however_deep_the_job_went(tmp_path: Path) -> None:
    top = tmp_path / "a-1"
    top.mkdir()
    nested(top, 2000)

    folders.remove(top)

    assert not top.exists()


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    top = tmp_path / "a-1"
    (top / "src" / "inner").mkdir(parents=True)
    (top / "src" / "link").symlink_to(outside)
    (top / "src" / "inner" / "link").symlink_to(outside / "kept")
    (top / "src" / "dangling").symlink_to(tmp_path / "nowhere")

    folders.remove(top)

    assert not top.exists()
    assert (outside / "kept").read_text() == "kept"


def test_a_link_in_the_place_of_the_folder_is_only_unlinked(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (tmp_path / "a-1").symlink_to(outside)

    folders.remove(tmp_path / "a-1")

    assert (outside / "deep").is_dir()
    assert not (tmp_path / "a-1").is_symlink()


def test_folders_that_nobody_may_write_are_removed(tmp_path: Path) -> None:
    inner = tmp_path / "a-1" / "src" / "locked"
    inner.mkdir(parents=True)
    (inner / "file").write_text("x")
    (inner / "deeper").mkdir()
    (inner / "deeper").chmod(0)
    inner.chmod(0o500)

    folders.remove(tmp_path / "a-1")

    assert not (tmp_path / "a-1").exists()


def test_odd_names_and_pipes_are_removed(tmp_path: Path) -> None:
    top = tmp_path / "a-1"
    top.mkdir()
    (top / "-rf").write_text("x")
    (top / "new\nline").mkdir()
    os.mkfifo(top / "pipe")
    Path(os.fsdecode(os.fsencode(top) + b"/\xff")).write_text("x")

    folders.remove(top)

    assert not top.exists()


def test_removing_what_is_not_there_is_fine(tmp_path: Path) -> None:
    folders.remove(tmp_path / "never")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("limit", "over"), [(1 * MIB, True), (8 * MIB, False)])
def test_what_is_on_the_disk_counts_at_any_depth(tmp_path: Path, limit: int, over: bool) -> None:
    nested(tmp_path, 200)
    (tmp_path / "big").write_bytes(b"x" * 2 * MIB)

    assert folders.exceeds(tmp_path, limit) is over


def test_a_hole_in_a_file_takes_nothing(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(100 * MIB)

    assert not folders.exceeds(tmp_path, MIB)


def test_empty_files_count_too(tmp_path: Path) -> None:
    assert all((tmp_path / str(number)).write_bytes(b"") == 0 for number in range(300))

    assert folders.exceeds(tmp_path, MIB)


def test_a_folder_that_is_gone_takes_nothing(tmp_path: Path) -> None:
    assert not folders.exceeds(tmp_path / "gone", 1)
