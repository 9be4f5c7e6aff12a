"""What every source promises."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.adapters.source_git import GitSource
from bot.domain.errors import SourceRefused, SourceUnavailable
from bot.domain.refs import RepositoryId, Sha
from bot.domain.runs import Merge
from bot.ports.forge import Access
from bot.ports.source import Source, Wanted
from tests.fakes.source import FakeSource
from tests.githost import git, serving

SITE = RepositoryId(3)
MISSING = Sha("d" * 40)


@dataclass(slots=True)
class Subject:
    source: Source
    commit: Callable[[str], Sha]
    """Makes a commit whose only file, `a.txt`, has that content."""
    access: Callable[[], Access]
    name: Callable[[str, Sha], None]
    """Lets a full ref name point to a commit."""
    branch: Callable[[Mapping[str, str], tuple[Sha, ...]], Sha]
    """Makes a commit with these files and parents."""
    asked: int = 0

    def merge(self, head: Sha, base: Sha) -> Merge:
        return self.source.merge(self.wanted(head, base), self.access, lambda: False)

    def wanted(self, head: Sha, base: Sha) -> Wanted:
        onto = Wanted(repository=SITE, sha=base, refs=("refs/heads/main",))
        return Wanted(repository=SITE, sha=head, refs=("refs/pull/1/head",), onto=onto)

    def checkout(self, sha: str, folder: Path, *, stop: bool = False) -> None:
        def access() -> Access:
            self.asked += 1
            return self.access()

        wanted = Wanted(repository=SITE, sha=Sha(sha), refs=("refs/heads/main",))
        folder.mkdir()
        self.source.checkout(wanted, access, folder, lambda: stop)


@pytest.fixture
def fake() -> Subject:
    source = FakeSource()

    def commit(content: str) -> Sha:
        sha = Sha(f"{len(source.commits) + 1:040x}")
        source.add(sha, {"a.txt": content})
        return sha

    def branch(files: Mapping[str, str], parents: tuple[Sha, ...]) -> Sha:
        sha = Sha(f"{len(source.commits) + 1:040x}")
        source.add(sha, files, *parents)
        return sha

    return Subject(
        source, commit, lambda: Access("https://forge.example/acme/site.git"), source.refs.__setitem__, branch
    )


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Subject]:
    with serving(tmp_path / "served") as host:
        site = host.repository("acme/site")
        source = GitSource(
            tmp_path / "mirrors",
            user=None,
            allow_http_hosts=frozenset({"127.0.0.1"}),
            size_limit=10_000_000,
            time_limit=30,
            lag=(0,),
        )

        def branch(files: Mapping[str, str], parents: tuple[Sha, ...]) -> Sha:
            texts = {name: content.encode() for name, content in files.items()}
            return site.commit(texts, *parents, ref=f"refs/heads/b{next(numbers)}")

        numbers = itertools.count()

        def name(ref: str, sha: Sha) -> None:
            git(site.path, "update-ref", ref, sha)

        yield Subject(source, lambda content: site.commit({"a.txt": content.encode()}), host.access, name, branch)


@pytest.fixture(params=["fake", "real"])
def subject(request: pytest.FixtureRequest) -> Subject:
    chosen = request.getfixturevalue(request.param)
    assert isinstance(chosen, Subject)
    return chosen


def test_the_files_of_the_wanted_commit_are_in_the_folder(subject: Subject, tmp_path: Path) -> None:
    wanted = subject.commit("wanted")
    subject.commit("newer")

    subject.checkout(wanted, tmp_path / "tree")

    assert (tmp_path / "tree/a.txt").read_text() == "wanted"


def test_access_is_asked_for_only_when_the_commit_is_new_here(subject: Subject, tmp_path: Path) -> None:
    wanted = subject.commit("wanted")

    subject.checkout(wanted, tmp_path / "one")
    subject.checkout(wanted, tmp_path / "two")

    assert subject.asked == 1
    assert (tmp_path / "two/a.txt").read_text() == "wanted"


def test_after_forget_access_is_asked_for_again(subject: Subject, tmp_path: Path) -> None:
    wanted = subject.commit("wanted")
    subject.checkout(wanted, tmp_path / "one")

    subject.source.forget(SITE)
    subject.checkout(wanted, tmp_path / "two")

    assert subject.asked == 2


def test_forgetting_what_is_not_known_is_no_error(subject: Subject) -> None:
    subject.source.forget(RepositoryId(99))


@pytest.mark.parametrize("sha", [MISSING, "0" * 40, "main", ""])
def test_a_commit_that_does_not_exist_is_refused_and_the_folder_stays_empty(
    subject: Subject, tmp_path: Path, sha: str
) -> None:
    subject.commit("other")

    with pytest.raises(SourceRefused):
        subject.checkout(sha, tmp_path / "tree")

    assert not list((tmp_path / "tree").iterdir())


def test_nothing_is_laid_out_for_one_who_does_not_want_it_any_more(subject: Subject, tmp_path: Path) -> None:
    wanted = subject.commit("wanted")

    with pytest.raises(SourceUnavailable, match="stopped"):
        subject.checkout(wanted, tmp_path / "tree", stop=True)

    assert not list((tmp_path / "tree").iterdir())


def test_a_merge_has_what_both_sides_changed_and_the_same_tree_whoever_makes_it(
    subject: Subject, tmp_path: Path
) -> None:
    start = subject.branch({"a": "1", "b": "1", "gone": "1"}, ())
    base = subject.branch({"a": "1", "b": "2", "gone": "1"}, (start,))
    head = subject.branch({"a": "2", "b": "1", "new": "1"}, (start,))

    made, again = subject.merge(head, base), subject.merge(head, base)

    assert made == again
    assert (made.base, made.conflicts, len(made.tree)) == (base, (), 40)
    (tmp_path / "tree").mkdir()
    subject.source.checkout(subject.wanted(head, base), subject.access, tmp_path / "tree", lambda: False)
    found = {one.name: one.read_text() for one in (tmp_path / "tree").iterdir() if one.is_file()}
    assert found == {"a": "2", "b": "2", "new": "1"}


def test_a_merge_that_conflicts_names_the_files_and_is_not_checked_out(subject: Subject, tmp_path: Path) -> None:
    start = subject.branch({"a": "1", "b": "1", "c": "1"}, ())
    base = subject.branch({"a": "2", "b": "2", "c": "1"}, (start,))
    head = subject.branch({"a": "3", "b": "3", "c": "3"}, (start,))

    assert subject.merge(head, base) == Merge(base=base, conflicts=("a", "b"))
    (tmp_path / "tree").mkdir()
    with pytest.raises(SourceRefused, match="a, b"):
        subject.source.checkout(subject.wanted(head, base), subject.access, tmp_path / "tree", lambda: False)
    assert not list((tmp_path / "tree").iterdir())


def test_a_head_that_is_ahead_of_the_tip_merges_to_its_own_tree(subject: Subject) -> None:
    base = subject.branch({"a": "1"}, ())
    head = subject.branch({"a": "2"}, (base,))
    other = subject.branch({"a": "2"}, (base,))

    assert subject.merge(head, base).tree == subject.merge(other, base).tree


def test_commits_without_a_common_history_are_refused(subject: Subject) -> None:
    base, head = subject.branch({"a": "1"}, ()), subject.branch({"b": "1"}, ())

    with pytest.raises(SourceRefused, match="in common"):
        subject.merge(head, base)


def test_refs_are_told_as_they_are_now_by_their_whole_names(subject: Subject) -> None:
    first, second = subject.commit("one"), subject.commit("two")
    subject.name("refs/heads/topic", first)
    subject.name("refs/heads/deep/refs/heads/topic", second)
    subject.name("refs/tags/v1", second)

    tips = subject.source.tips(subject.access(), ["refs/heads/topic", "refs/tags/v1", "refs/heads/gone"])

    assert tips.default_branch == "main"
    assert tips.commits == {"refs/heads/topic": first, "refs/tags/v1": second}


def test_a_commit_tells_its_message_and_its_files(subject: Subject) -> None:
    wanted = Wanted(repository=SITE, sha=subject.commit("some words"), refs=("refs/heads/main",))

    assert subject.source.message(wanted, subject.access).strip() == "change"
    assert subject.source.read(wanted, subject.access, "a.txt", 100) == b"some words"
    assert subject.source.read(wanted, subject.access, "a.txt", 3) == b"some"
    assert subject.source.read(wanted, subject.access, "gone", 100) is None
    with pytest.raises(SourceRefused):
        subject.source.read(Wanted(repository=SITE, sha=MISSING), subject.access, "a.txt", 100)


def test_between_two_commits_lie_those_of_the_branch_itself_oldest_first(subject: Subject) -> None:
    good = subject.branch({"a.txt": "1"}, ())
    second = subject.branch({"a.txt": "2"}, (good,))
    bad = subject.branch({"a.txt": "3"}, (second,))
    wanted = subject.wanted(bad, good)
    assert list(subject.source.between(wanted, subject.access, lambda: False, 10)) == [second, bad]
    with pytest.raises(SourceRefused, match="more than 1 commits"):
        subject.source.between(wanted, subject.access, lambda: False, 1)
    assert list(subject.source.between(subject.wanted(good, good), subject.access, lambda: False, 10)) == []
