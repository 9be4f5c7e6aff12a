"""Files that are taken out of workspaces, whatever a job has left there (S100, S101)."""

import contextlib
import os
import socket
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.sandbox_docker.collecting import collect, shown
from bot.ports.sandbox import FileLimits, Found, Skipped

ALL: Final = FileLimits()


def collected(top: Path, limits: FileLimits = ALL, *, suffix: str = "") -> tuple[dict[str, bytes], dict[str, str]]:
    """What was taken, and what was skipped for which reason."""
    taken: dict[str, bytes] = {}
    skipped: dict[str, str] = {}
    for one in collect(top, lambda path: path.endswith(suffix), limits):
        match one:
            case Found(path, size, content):
                taken[path] = content.read()
                assert len(taken[path]) == size
            case Skipped(path, reason):
                skipped[path] = reason
    return taken, skipped


def test_files_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two").write_text("2")
    (tmp_path / "c").write_text("3")
    (tmp_path / "a").write_text("1")

    taken, skipped = collected(tmp_path)

    assert list(taken.items()) == [("a", b"1"), ("b/two", b"2"), ("c", b"3")]
    assert skipped == {}


def test_what_is_no_regular_file_is_told_and_never_opened(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    top = tmp_path / "top"
    top.mkdir()
    (top / "file-link").symlink_to(outside / "secret")
    (top / "folder-link").symlink_to(outside)
    (top / "circle").symlink_to(".")
    os.mkfifo(top / "pipe")
    here = socket.socket(socket.AF_UNIX)
    here.bind(str(top / "socket"))
    here.close()

    taken, skipped = collected(top)

    assert taken == {}
    assert skipped == {
        "circle": "it is a symbolic link",
        "file-link": "it is a symbolic link",
        "folder-link": "it is a symbolic link",
        "pipe": "it is a FIFO",
        "socket": "it is a socket",
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_told_and_never_opened(tmp_path: Path) -> None:
    os.mknod(tmp_path / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))

    assert collected(tmp_path) == ({}, {"zero": "it is a device"})


@pytest.mark.parametrize("is_link", [True, False])
def test_without_a_folder_of_sources_there_is_nothing(tmp_path: Path, is_link: bool) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    (tmp_path / ("src" if is_link else "other")).symlink_to(tmp_path / "outside")

    taken, skipped = collected(tmp_path / "src")

    assert taken == {}
    assert list(skipped) == (["."] if is_link else [])


def test_only_what_is_wanted_is_asked_for_and_told(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("a")
    (tmp_path / "a.txt").write_text("b")
    (tmp_path / "b.txt").symlink_to("nowhere")

    assert collected(tmp_path, suffix=".xml") == ({"a.xml": b"a"}, {})


def test_a_file_is_given_up_to_its_size_also_when_it_grows(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 10)

    found = collect(tmp_path, lambda _: True, ALL)
    one = next(found)
    with (tmp_path / "log").open("ab") as file:
        file.write(b"y" * 100_000)

    assert isinstance(one, Found)
    assert one.content.read() == b"x" * 10
    assert list(found) == []


def test_a_file_larger_than_what_is_left_is_skipped_and_smaller_ones_are_not(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(b"x" * 6)
    with (tmp_path / "2").open("wb") as sparse:
        sparse.truncate(1 << 30)
    (tmp_path / "3").write_bytes(b"x" * 4)

    taken, skipped = collected(tmp_path, FileLimits(size=10))

    assert list(taken) == ["1", "3"]
    assert skipped == {"2": "its 1073741824 bytes are more than the 4 that are left"}


def test_after_too_many_files_there_is_one_word_and_no_more(tmp_path: Path) -> None:
    assert [(tmp_path / f"{number}").write_bytes(b"") for number in range(9)] == [0] * 9

    taken, skipped = collected(tmp_path, FileLimits(count=3))

    assert list(taken) == ["0", "1", "2"]
    assert skipped == {"3": "there are too many files, this and what follows is left out"}


def test_not_more_than_so_many_entries_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    assert [(tmp_path / "many" / f"{number}").write_bytes(b"") for number in range(50)] == [0] * 50
    (tmp_path / "z").write_text("after")

    taken, skipped = collected(tmp_path, FileLimits(looked_at=20), suffix="z")

    assert taken == {}
    assert list(skipped) == ["many/"]


def test_folders_within_folders_come_to_an_end(tmp_path: Path) -> None:
    here = tmp_path.joinpath(*"d" * 9)
    here.mkdir(parents=True)
    (here / "file").write_text("deep")

    assert collected(tmp_path, FileLimits(depth=9)) == ({"/".join("d" * 9) + "/file": b"deep"}, {})
    assert collected(tmp_path, FileLimits(depth=8)) == ({}, {"/".join("d" * 9): "its folders are nested too deep"})


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (b"new\nline", "new\\u000aline"),
        (b"\x1b[31m", "\\u001b[31m"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("\u202egnp.exe".encode(), "\\u202egnp.exe"),
        ("\U000e0001".encode(), "\\U000e0001"),
        (b"back\\slash", "back\\\\slash"),
        ("größe ✓".encode(), "größe ✓"),
        (b"-rf", "-rf"),
        (b"...", "..."),
        (b"C:", "C:"),
    ],
)
def test_names_are_shown_in_printable_characters(tmp_path: Path, name: bytes, path: str) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("x")

    assert collected(tmp_path) == ({path: b"x"}, {})


names = st.binary(min_size=1, max_size=12).filter(
    lambda name: not set(name) & {0, 0x2F} and name not in (b".", b"..")
)
trees = st.recursive(
    st.one_of(st.binary(max_size=20), st.sampled_from(["link", "pipe"])),
    lambda inner: st.dictionaries(names, inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(names, trees, max_size=5))
def test_every_regular_file_is_found_once_and_nothing_else(tree: dict[bytes, object]) -> None:
    with fresh_folder() as top:
        written = dict(planted(os.fsencode(top), tree))

        taken, skipped = collected(top)

    assert taken == {shown(os.fsdecode(path)): content for path, content in written.items() if content is not None}
    assert set(skipped) == {shown(os.fsdecode(path)) for path, content in written.items() if content is None}
    assert all(path.isprintable() for path in (*taken, *skipped))


@given(st.lists(names.map(os.fsdecode), unique=True, max_size=5))
def test_different_names_are_shown_differently(some: list[str]) -> None:
    assert len({shown(name) for name in some}) == len(some)


@contextlib.contextmanager
def fresh_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def planted(top: bytes, tree: Mapping[bytes, object], prefix: bytes = b"") -> Iterator[tuple[bytes, bytes | None]]:
    """Make the tree; each path with its content, None for what is no file."""
    for name, what in tree.items():
        place, path = top + b"/" + name, prefix + name
        match what:
            case dict():
                os.mkdir(place)  # noqa: PTH102 - a name in bytes
                yield from planted(place, what, path + b"/")
            case bytes():
                with open(place, "wb") as file:  # noqa: PTH123 - a name in bytes
                    file.write(what)
                yield path, what
            case "pipe":
                os.mkfifo(place)
                yield path, None
            case _:
                os.symlink(b"/etc/passwd", place)  # noqa: PTH211 - a name in bytes
                yield path, None
