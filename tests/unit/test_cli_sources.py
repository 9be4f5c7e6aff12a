"""The work tree as the source of a local run: what is copied, and what git tells of it."""

import os
from pathlib import Path

import pytest

from bot.adapters.source_local import WorkTree
from bot.domain.errors import SourceRefused, SourceUnavailable
from tests.workfolders import commit, git, repository, write


def copied(root: Path, target: Path) -> set[str]:
    target.mkdir()
    WorkTree.around(root).copy(target, lambda: False)
    files = (path for path in target.rglob("*") if not path.is_dir() or path.is_symlink())
    return {name for path in files if not (name := str(path.relative_to(target))).startswith(".git/")}


def test_changed_and_new_files_are_copied_as_they_are_and_ignored_ones_are_not(tmp_path: Path) -> None:
    root = repository(tmp_path / "here", {"kept.txt": "old", "gone.txt": "x", ".gitignore": "*.log\n"})
    write(root, {"kept.txt": "new", "sub/new.txt": "n", "big.log": "l", ".assay/logs/unit.log": "l"})
    (root / "gone.txt").unlink()
    assert copied(root, tmp_path / "there") == {"kept.txt", "sub/new.txt", ".gitignore"}
    assert (tmp_path / "there/kept.txt").read_text() == "new"


def test_without_git_all_files_are_copied_but_our_own(tmp_path: Path) -> None:
    write(tmp_path / "here", {"a.txt": "x", "sub/b.txt": "x", ".hidden": "x", ".assay/logs/unit.log": "l"})
    (tmp_path / "here/link").symlink_to("sub")
    assert copied(tmp_path / "here", tmp_path / "there") == {"a.txt", "sub/b.txt", ".hidden", "link"}


def test_a_subfolder_stands_for_its_whole_repository(tmp_path: Path) -> None:
    root = repository(tmp_path / "here", {"sub/a.txt": "x"})
    assert WorkTree.around(root / "sub").root == root


@pytest.mark.parametrize(("mode", "expected"), [(0o700, 0o755), (0o600, 0o644), (0o6755, 0o755)])
def test_of_a_files_mode_only_x_is_kept(tmp_path: Path, mode: int, expected: int) -> None:
    root = repository(tmp_path / "here", {"a.sh": "x"})
    (root / "a.sh").chmod(mode)
    copied(root, tmp_path / "there")
    assert (tmp_path / "there/a.sh").stat().st_mode & 0o7777 == expected


def test_links_stay_links_and_lead_no_file_out_of_the_folder(tmp_path: Path) -> None:
    root = repository(tmp_path / "here", {"dir/a.txt": "x", "b.txt": "x"})
    outside = tmp_path / "outside"
    write(outside, {"a.txt": "theirs"})
    (root / "dir/a.txt").unlink()
    (root / "dir").rmdir()
    (root / "dir").symlink_to(outside)
    assert copied(root, tmp_path / "there") == {"b.txt", "dir"}
    assert (tmp_path / "there/dir").readlink() == outside
    assert (outside / "a.txt").read_text() == "theirs"


def test_pipes_are_left_out(tmp_path: Path) -> None:
    root = tmp_path / "here"
    write(root, {"a.txt": "x"})
    os.mkfifo(root / "pipe")
    assert copied(root, tmp_path / "there") == {"a.txt"}


def test_names_that_git_would_quote_are_copied(tmp_path: Path) -> None:
    root = repository(tmp_path / "here", {'a "b"\n\tä.txt': "x"})
    assert copied(root, tmp_path / "there") == {'a "b"\n\tä.txt'}


def test_copying_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    root = repository(tmp_path / "here", {"a.txt": "x"})
    with pytest.raises(SourceUnavailable):
        WorkTree.around(root).copy(tmp_path / "there", lambda: True)


def test_a_repository_that_git_refuses_is_no_folder_without_git(tmp_path: Path) -> None:
    write(tmp_path, {".git/HEAD": "nonsense", "node_modules/a.js": "x"})
    with pytest.raises(SourceRefused, match="git"):
        WorkTree.around(tmp_path)


def test_git_tells_commit_branch_and_message(tmp_path: Path) -> None:
    root = repository(tmp_path / "here", {"a.txt": "x"})
    tree = WorkTree.around(root)
    assert (tree.branch, tree.message.strip(), tree.commit) == ("main", "All of it", git(root, "rev-parse", "HEAD"))


def test_without_git_nothing_is_told(tmp_path: Path) -> None:
    tree = WorkTree.around(tmp_path)
    assert (tree.branch, tree.message, tree.commit, tree.path) == ("", "", "", tmp_path.name)


@pytest.mark.parametrize(
    "url",
    ["https://forge.example/acme/web.git", "git@forge.example:acme/web.git", "ssh://git@forge.example:22/acme/web/"],
)
def test_the_repository_is_called_as_on_its_forge(tmp_path: Path, url: str) -> None:
    root = repository(tmp_path / "here", {"a.txt": "x"})
    git(root, "remote", "add", "origin", url)
    assert WorkTree.around(root).path == "acme/web"


def test_changed_files_are_those_since_the_branch_left_its_base(tmp_path: Path) -> None:
    root = repository(tmp_path / "here", {"a.txt": "a long text that stays the same", "b.txt": "x"})
    git(root, "checkout", "-q", "-b", "feature")
    git(root, "mv", "a.txt", "c.txt")
    commit(root, "Move it")
    git(root, "checkout", "-q", "main")
    write(root, {"later.txt": "x"})
    commit(root, "Later on main")
    git(root, "checkout", "-q", "feature")
    tree = WorkTree.around(root)
    assert tree.changed_since(tree.base("main")) == ("a.txt", "c.txt")


def test_a_base_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    root = repository(tmp_path / "here", {"a.txt": "x"})
    assert WorkTree.around(root).base("trunk") == ""


def test_git_works_in_the_copy_and_sees_what_is_not_committed(tmp_path: Path) -> None:
    root = repository(tmp_path / "odd na%me", {"a.txt": "one", "b.txt": "x"})
    git(root, "tag", "-a", "v1.0", "-m", "the first")
    commit(root, "second")
    git(root, "tag", "light")
    commit(root, "third")
    write(root, {"a.txt": "changed", "new.txt": "n"})
    (root / "b.txt").unlink()
    there = tmp_path / "there"
    copied(root, there)
    assert git(there, "rev-parse", "HEAD") == git(root, "rev-parse", "HEAD")
    assert git(there, "log", "--format=%s") == "third\nsecond\nAll of it"
    assert git(there, "describe") == git(root, "describe")
    assert git(there, "describe", "--tags") == git(root, "describe", "--tags")
    assert set(git(there, "status", "--porcelain").splitlines()) == {"M a.txt", " D b.txt", "?? new.txt"}
    assert git(there, "fsck", "--strict") == ""


def test_nothing_of_the_repository_but_commits_gets_into_the_copy(tmp_path: Path) -> None:
    root = repository(tmp_path / "here", {"a.txt": "one"})
    git(root, "remote", "add", "origin", "https://ana:the-password@example.com/acme/web.git")
    git(root, "config", "http.extraHeader", "Authorization: the-password")
    git(root, "branch", "the-password")
    for hook in ("post-checkout", "reference-transaction", "post-index-change", "pre-commit"):
        write(root, {f".git/hooks/{hook}": f"#!/bin/sh\ntouch {tmp_path}/ran\n"})
        (root / f".git/hooks/{hook}").chmod(0o755)
    (tmp_path / "ran").unlink(missing_ok=True)
    there = tmp_path / "there"
    copied(root, there)
    inside = [path for path in (there / ".git").rglob("*") if path.is_file()]
    assert not [path for path in inside if b"the-password" in path.read_bytes() or b"here" in path.read_bytes()]
    assert not (there / ".git/hooks").exists()
    assert not (tmp_path / "ran").exists()
    assert git(there, "remote") == ""


def test_of_a_long_history_the_last_commits_are_there(tmp_path: Path) -> None:
    root = repository(tmp_path / "here", {"a.txt": "one"})
    for number in range(60):
        commit(root, str(number))
    copied(root, tmp_path / "there")
    assert git(tmp_path / "there", "rev-list", "--count", "HEAD") == "50"


def test_a_work_tree_beside_its_repository_and_one_without_commits_have_a_git_too(tmp_path: Path) -> None:
    root = repository(tmp_path / "here", {"a.txt": "one"})
    git(root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    commit(tmp_path / "side", "of the side")
    copied(tmp_path / "side", tmp_path / "there")
    assert git(tmp_path / "there", "log", "-1", "--format=%s") == "of the side"
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    write(empty, {"a.txt": "x"})
    copied(empty, tmp_path / "from-empty")
    assert git(tmp_path / "from-empty", "status", "--porcelain") == "?? a.txt"
