"""Archives of workspaces, and what they may and may not do where they are put (S100, S101)."""

import io
import os
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.sandbox_docker.packing import pack, unpack
from bot.domain.errors import BadInput
from bot.ports.sandbox import FileLimits

LIMITS: Final = FileLimits(count=1000, size=1 << 20)


def anything(_: str) -> bool:
    return True


def packed(top: Path, wanted: Callable[[str], bool] = anything, limits: FileLimits = LIMITS) -> bytes:
    return b"".join(pack(top, wanted, limits))


def put(top: Path, archive: bytes, wanted: Callable[[str], bool] = anything, limits: FileLimits = LIMITS) -> None:
    for _ in unpack(top, io.BytesIO(archive), wanted, limits, None):
        pass


def made(*members: tuple[tarfile.TarInfo, bytes], end: bool = True) -> bytes:
    """An archive as a broken disk, or somebody who writes to it, may have left it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        if end:
            tar.addfile(tarfile.TarInfo("//end"))
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def tree(top: Path) -> dict[str, str]:
    """Paths with what files contain and links lead to."""
    found = (path for path in top.rglob("*") if path.is_symlink() or not path.is_dir())
    return {
        str(path.relative_to(top)): f"→ {path.readlink()}" if path.is_symlink() else path.read_text()
        for path in found
    }


@pytest.fixture
def source(tmp_path: Path) -> Path:
    top = tmp_path / "source"
    (top / "cache/deep").mkdir(parents=True)
    (top / "cache/deep/file").write_text("content")
    (top / "cache/tool").write_text("#!/bin/sh")
    (top / "cache/tool").chmod(0o4700)
    (top / "cache/link").symlink_to("deep/file")
    os.utime(top / "cache/deep/file", (1234567, 1234567))
    (top / "other").write_text("other")
    (top / ".git").mkdir()
    (top / ".git/config").write_text("theirs")
    return top


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


def test_files_links_modes_and_times_come_again(source: Path, target: Path) -> None:
    put(target, packed(source, lambda path: path.startswith("cache/")))
    assert tree(target) == {"cache/deep/file": "content", "cache/tool": "#!/bin/sh", "cache/link": "→ deep/file"}
    assert (target / "cache/tool").stat().st_mode & 0o7777 == 0o755
    assert (target / "cache/deep/file").stat().st_mtime == 1234567


def test_nothing_of_git_is_taken(source: Path) -> None:
    assert b"theirs" not in packed(source)


@given(
    name=st.binary(min_size=1, max_size=60).filter(
        lambda name: not {0, 47} & set(name) and name not in (b".", b"..", b".git")
    )
)
def test_any_name_that_a_disk_takes_comes_again(name: bytes) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        Path(one, os.fsdecode(name)).write_bytes(b"x")
        put(Path(two), packed(Path(one)))
        assert [os.fsencode(path.name) for path in Path(two).iterdir()] == [name]


def test_pipes_and_sockets_stay_behind(source: Path) -> None:
    os.mkfifo(source / "pipe")
    assert b"pipe" not in packed(source)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (replace(LIMITS, count=2), "more than 2 files"),
        (replace(LIMITS, size=10), "more than 10 bytes"),
        (replace(LIMITS, looked_at=3), "too many files to look at"),
        (replace(LIMITS, depth=1), "nested too deep"),
    ],
)
def test_what_is_too_much_is_not_packed(source: Path, limits: FileLimits, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        packed(source, limits=limits)


def test_a_sparse_file_counts_as_long_as_it_says(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(BadInput, match="more than"):
        packed(tmp_path, limits=replace(LIMITS, size=1 << 20))


def test_nothing_to_pack_is_said(source: Path) -> None:
    with pytest.raises(BadInput, match="none of its files"):
        packed(source, lambda _: False)


def test_what_is_there_already_stays(source: Path, target: Path) -> None:
    (target / "cache").mkdir()
    (target / "cache/tool").write_text("the commit's")
    (target / "cache/link").write_text("the commit's too")
    put(target, packed(source))
    assert tree(target)["cache/tool"] == "the commit's"
    assert tree(target)["cache/link"] == "the commit's too"
    assert tree(target)["cache/deep/file"] == "content"


@pytest.mark.parametrize("folder", ["cache", "cache/deep"])
def test_links_of_the_commit_lead_nobody_outside(source: Path, target: Path, tmp_path: Path, folder: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (target / folder).parent.mkdir(exist_ok=True)
    (target / folder).symlink_to(outside)
    put(target, packed(source))
    assert tree(outside) == {}
    assert tree(target)["other"] == "other"


def test_links_of_an_archive_lead_nobody_outside(target: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("safe")
    put(
        target,
        made(
            (member("way", tarfile.SYMTYPE, str(outside)), b""),
            (member("way/new"), b"bad"),
            (member("file", tarfile.SYMTYPE, str(outside / "file")), b""),
            (member("file"), b"bad"),
        ),
    )
    assert tree(outside) == {"file": "safe"}


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "a//b", "./x", "", ".git/hooks/x"])
def test_names_that_lead_elsewhere_make_it_broken(target: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="broken"):
        put(target, made((member("good"), b"x"), (member(name), b"bad")))
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    "kind", [tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_devices_and_other_things_make_it_broken(target: Path, kind: bytes) -> None:
    with pytest.raises(BadInput, match="broken"):
        put(target, made((member("good"), b"x"), (member("bad", kind, "good"), b"")))
    assert tree(target) == {}


@pytest.mark.parametrize("keep", [0, 1, 511, 512, 700, 1024, 1536])
def test_one_that_was_cut_off_leaves_nothing(source: Path, target: Path, keep: int) -> None:
    (target / "mine").write_text("mine")
    with pytest.raises(BadInput, match="broken"):
        put(target, packed(source)[:keep])
    assert tree(target) == {"mine": "mine"}
    assert [path.name for path in target.iterdir()] == ["mine"]


@given(data=st.binary(max_size=3000))
def test_bytes_that_are_no_archive_are_refused_and_leave_nothing(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with pytest.raises(BadInput):
            put(Path(folder), data)
        assert list(Path(folder).iterdir()) == []


def test_an_archive_beyond_the_limits_leaves_nothing(source: Path, target: Path) -> None:
    archive = packed(source)
    for limits in (replace(LIMITS, count=2), replace(LIMITS, size=10)):
        with pytest.raises(BadInput, match="it has more than"):
            put(target, archive, limits=limits)
        assert tree(target) == {}


def test_only_what_is_wanted_comes(source: Path, target: Path) -> None:
    put(target, packed(source), lambda path: path == "other")
    assert tree(target) == {"other": "other"}


def test_whoever_stops_in_between_leaves_nothing(source: Path, target: Path) -> None:
    entries = unpack(target, io.BytesIO(packed(source)), anything, LIMITS, None)
    next(entries)
    entries.close()
    assert tree(target) == {}
    assert list(target.iterdir()) == []
