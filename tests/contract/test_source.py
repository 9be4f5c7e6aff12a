"""What every source promises."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.adapters.source_git import GitSource
from bot.domain.errors import SourceRefused, SourceUnavailable
from bot.domain.refs import RepositoryId, Sha
from bot.ports.forge import Access
from bot.ports.source import Source, Wanted
from tests.fakes.source import FakeSource
from tests.githost import serving

SITE = RepositoryId(3)
MISSING = Sha("d" * 40)


@dataclass(slots=True)
class Subject:
    source: Source
    commit: Callable[[str], Sha]
    """Makes a commit whose only file, `a.txt`, has that content."""
    access: Callable[[], Access]
    asked: int = 0

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

    return Subject(source, commit, lambda: Access("https://forge.example/acme/site.git"))


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
        yield Subject(source, lambda content: site.commit({"a.txt": content.encode()}), host.access)


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
