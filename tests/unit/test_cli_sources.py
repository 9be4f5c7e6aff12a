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
    return {str(path.relative_to(target)) for path in target.rglob("*") if not path.is_dir() or path.is_symlink()}


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
