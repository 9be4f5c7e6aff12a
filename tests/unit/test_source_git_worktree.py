"""What a suite finds in its folder: C46, C47, C52, T14, and the limits of S055."""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bot.adapters.source_git.worktree import cut_history
from bot.domain.errors import SourceRefused
from tests.githost import HostedRepository, git
from tests.unit.source_git_place import CONTAINER_USER, Place, a_place

TOKEN = "ghs_canaryTOKEN0123456789"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with a_place(tmp_path) as place:
        yield place


@pytest.fixture
def site(place: Place) -> HostedRepository:
    return place.host.repository("acme/site")


@pytest.fixture
def open_place() -> Iterator[Place]:
    """Every user can pass through the folders above."""
    folder = Path(tempfile.mkdtemp(prefix="assay-"))
    folder.chmod(0o711)
    with a_place(folder) as place:
        yield place
    shutil.rmtree(folder)


def owners(tree: Path) -> set[tuple[int, int]]:
    return {(one.lstat().st_uid, one.lstat().st_gid) for one in (tree, *tree.rglob("*"))}


def as_in_the_container(tree: Path, *args: str, user: int) -> str:
    """Git with nothing set but HOME, as a suite calls it."""
    done = subprocess.run(  # noqa: S603  # git of this machine
        ["git", *args],  # noqa: S607  # as above
        cwd=tree,
        user=user,
        group=user,
        extra_groups=(),
        env={"HOME": "/tmp", "PATH": os.defpath},
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip()


@needs_root
def test_a_tree_in_a_reachable_folder_belongs_to_the_containers_user_who_can_use_git(open_place: Place) -> None:
    site = open_place.host.repository("acme/site")
    first = site.commit({"a.txt": b"1"}, message="first")
    wanted = site.commit({"a.txt": b"2"}, first, message="second")

    tree = open_place.checkout(wanted, source=open_place.source(user=CONTAINER_USER))

    assert owners(tree) == {CONTAINER_USER}
    assert as_in_the_container(tree, "status", "--porcelain", user=CONTAINER_USER[0]) == ""
    assert as_in_the_container(tree, "describe", "--always", user=CONTAINER_USER[0]) == wanted[:7]
    assert as_in_the_container(tree, "log", "--format=%s", user=CONTAINER_USER[0]) == "second\nfirst"


@needs_root
def test_a_tree_below_a_private_folder_is_handed_over_with_all_its_links(
    place: Place, site: HostedRepository
) -> None:
    place.folder.chmod(0o700)
    outside = place.folder / "outside"
    outside.write_text("ours")
    link = site.blob(str(outside).encode())
    wanted = site.commit_tree(site.tree([("120000", link, "link"), ("100755", site.blob(b"#!"), "tool")]))

    tree = place.checkout(wanted, source=place.source(user=CONTAINER_USER))

    assert owners(tree) == {CONTAINER_USER}
    assert outside.stat().st_uid == 0
    assert stat.S_IMODE((tree / "tool").stat().st_mode) == 0o755


def test_git_works_in_the_tree_and_finds_it_clean(place: Place, site: HostedRepository) -> None:
    wanted = site.commit({"a.txt": b"x"})

    tree = place.checkout(wanted)

    assert git(tree, "status", "--porcelain", "--branch") == "## HEAD (no branch)"
    assert git(tree, "describe", "--always") == wanted[:7]
    assert git(tree, "fsck", "--strict") == ""


def long_history(site: HostedRepository, commits: int) -> str:
    stream = "".join(
        f"commit refs/heads/main\ncommitter A <a@b.c> {1_700_000_100 + n} +0000\ndata 0\n" for n in range(commits)
    )
    git(site.path, "fast-import", "--quiet", "--force", stdin=stream.encode())
    return git(site.path, "rev-parse", "refs/heads/main")


def test_a_long_history_can_be_walked_to_its_cut_end(place: Place, site: HostedRepository) -> None:
    wanted = long_history(site, 99)

    trees = [place.checkout(wanted), place.checkout(git(site.path, "rev-parse", f"{wanted}~3"))]

    assert [git(tree, "rev-list", "--count", "HEAD") for tree in trees] == ["50", "47"]
    assert [git(tree, "fsck", "--strict") for tree in trees] == ["", ""]


def test_a_merge_of_an_old_branch_keeps_both_histories(place: Place, site: HostedRepository) -> None:
    old = site.commit({"a.txt": b"old"}, site.commit({"a.txt": b"older"}), ref="refs/heads/old")
    main = long_history(site, 99)
    wanted = site.commit_tree(git(site.path, "rev-parse", f"{old}^{{tree}}"), main, old)

    tree = place.checkout(wanted)

    assert git(tree, "rev-list", "--count", "HEAD") == str(1 + 49 + 2)
    assert git(tree, "fsck", "--strict") == ""


def test_in_a_mirror_with_all_history_the_tree_still_gets_the_last_commits(
    place: Place, site: HostedRepository
) -> None:
    tip = long_history(site, 120)
    place.host.only_advertised = True
    place.checkout(git(site.path, "rev-parse", f"{tip}~100"), "refs/heads/main")

    tree = place.checkout(tip)

    assert not (place.mirror / "shallow").exists()
    assert git(tree, "rev-list", "--count", "HEAD") == "50"
    assert git(tree, "fsck", "--strict") == ""


@pytest.mark.parametrize(
    ("parents", "kept", "cut"),
    [
        ({"a": []}, "a", ""),
        ({"a": ["b"], "b": []}, "ab", ""),
        ({"a": ["b"], "b": ["c"], "c": ["d"], "d": []}, "abc", "c"),
        ({"a": ["b"], "b": ["c"], "c": []}, "abc", ""),
        ({"a": ["b", "x"], "b": ["c"], "c": ["d"], "d": []}, "a", "a"),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": ["e"], "e": []}, "abcd", "d"),
    ],
)
def test_history_is_cut_where_parents_are_missing_or_too_far(
    parents: dict[str, list[str]], kept: str, cut: str
) -> None:
    assert cut_history(parents, "a", 3) == (set(kept), set(cut))


def test_the_tree_shares_no_file_with_the_mirror_and_names_none(place: Place, site: HostedRepository) -> None:
    tree = place.checkout(site.commit({"a.txt": b"x"}))

    assert {one.stat().st_nlink for one in tree.rglob("*") if one.is_file()} == {1}
    assert not (tree / ".git/objects/info/alternates").exists()
    assert not list((tree / ".git").rglob("hooks"))
    assert not containing(tree, str(place.folder))


def containing(folder: Path, text: str) -> list[Path]:
    return [one for one in folder.rglob("*") if one.is_file() and text.encode() in one.read_bytes()]


def test_the_credential_and_the_address_are_found_nowhere_on_disk(place: Place, site: HostedRepository) -> None:
    wanted = site.commit({"a.txt": b"x"})
    place.host.authorization = place.headers["Authorization"] = f"Bearer {TOKEN}"

    tree = place.checkout(wanted)

    assert not containing(place.folder, TOKEN)
    assert not containing(tree, place.host.url)
    assert git(tree, "remote", "-v") == ""


def test_submodules_and_large_file_pointers_stay_as_they_are(place: Place, site: HostedRepository) -> None:
    modules = site.blob(b'[submodule "lib"]\n\tpath = lib\n\turl = ../lib.git\n')
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    wanted = site.commit_tree(
        site.tree(
            [
                ("100644", modules, ".gitmodules"),
                ("160000", "2" * 40, "lib"),
                ("100644", site.blob(b"*.bin filter=lfs diff=lfs merge=lfs -text\n"), ".gitattributes"),
                ("100644", site.blob(pointer), "big.bin"),
            ]
        )
    )

    tree = place.checkout(wanted)

    assert not list((tree / "lib").iterdir())
    assert (tree / "big.bin").read_bytes() == pointer
    assert place.host.fetches == 1


def test_files_arrive_to_the_byte(place: Place, site: HostedRepository) -> None:
    files = {"crlf.txt": b"a\r\nb\r\n", "nul.bin": bytes(range(256)), "id.c": b"$Format:%H$", "empty": b""}

    tree = place.checkout(site.commit(files))

    assert {name: (tree / name).read_bytes() for name in files} == files


def test_a_repository_with_sha256_ids_works(place: Place) -> None:
    bare = place.host.root / "acme/site.git"
    bare.mkdir(parents=True)
    git(bare, "init", "--quiet", "--bare", "--initial-branch=main", "--object-format=sha256", ".")
    wanted = HostedRepository(bare).commit({"a.txt": b"x"})

    assert len(wanted) == 64
    assert (place.checkout(wanted) / "a.txt").exists()


def test_a_tree_of_too_many_bytes_is_refused_before_a_file_is_written(place: Place, site: HostedRepository) -> None:
    wanted = site.commit({"zeros": bytes(2_000_000)})

    with pytest.raises(SourceRefused, match="too large: more than 1,000,000 bytes"):
        place.checkout(wanted, source=place.source(size_limit=1_000_000))

    assert not list((place.folder / "tree-0").iterdir())


def test_a_fetch_of_too_many_bytes_is_cut_and_leaves_nothing(place: Place, site: HostedRepository) -> None:
    wanted = site.commit({"noise": os.urandom(2_000_000)})

    with pytest.raises(SourceRefused, match="too large"):
        place.checkout(wanted, source=place.source(size_limit=1_000_000, lag=(0, 0)))

    assert place.host.fetches == 1
    assert sum(one.stat().st_size for one in place.mirror.rglob("*") if one.is_file()) < 1_100_000
    assert (place.checkout(wanted) / "noise").stat().st_size == 2_000_000


def nested(site: HostedRepository, tree: str, names: Sequence[str], depth: int) -> str:
    for _ in range(depth):
        tree = site.tree([("40000", tree, name) for name in names])
    return tree


@pytest.mark.parametrize("content", [[("100644", "f")], []], ids=["files", "empty folders"])
def test_a_tree_bomb_of_few_objects_is_refused_at_once(
    place: Place, site: HostedRepository, content: list[tuple[str, str]]
) -> None:
    leaf = site.tree([(mode, site.blob(b""), name) for mode, name in content])
    wanted = site.commit_tree(nested(site, leaf, "ab", 26))

    with pytest.raises(SourceRefused, match="too large: more than 500,000 files"):
        place.checkout(wanted)


@pytest.mark.parametrize(("name", "depth"), [("p" * 300, 0), ("p" * 5000, 0), ("q" * 200, 25)])
def test_a_path_that_no_disk_takes_is_refused(place: Place, site: HostedRepository, name: str, depth: int) -> None:
    tree = site.tree([("100644", site.blob(b"x"), name)])
    wanted = site.commit_tree(nested(site, tree, [name], depth))

    with pytest.raises(SourceRefused, match=r"too large: a (path|file's name) has more than"):
        place.checkout(wanted)
