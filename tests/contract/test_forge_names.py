"""What every forge adapter must do to find repositories, commits and changes."""

from dataclasses import asdict
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.adapters.forge_github.auth import WRITING
from bot.demo.forge.state import Installation
from bot.domain.errors import Ambiguous, Gone, NotAllowed, Refused
from bot.domain.refs import Sha
from bot.ports.forge import NewFile
from tests.contract.forge_world import ForgeWorld, GitHubTokenWorld, GitHubWorld
from tests.contract.gitlab_world import GitLabWorld


@pytest.fixture(params=[GitHubWorld, GitHubTokenWorld], ids=["github", "github token"])
def forge_world(request: pytest.FixtureRequest, tmp_path: Path) -> ForgeWorld:
    world: ForgeWorld = request.param(tmp_path)
    return world


@pytest.mark.parametrize("path", ["octo/widgets", "Octo/Widgets"])
def test_a_repository_is_found_by_its_name(forge_world: ForgeWorld, path: str) -> None:
    known = asdict(forge_world.repository)
    assert asdict(forge_world.forge.find(path)) == {name: known[name] for name in known if name != "id"}


@pytest.mark.parametrize("path", ["octo/nothing", "nobody/widgets"])
def test_a_repository_that_is_not_there_is_gone(forge_world: ForgeWorld, path: str) -> None:
    with pytest.raises(Gone):
        forge_world.forge.find(path)


def test_a_branch_and_a_full_id_stand_for_a_commit(forge_world: ForgeWorld) -> None:
    old = forge_world.commit("First", {"a": b"1"})
    new = forge_world.commit("Second\n\nat length", {"a": b"2"})
    found = [forge_world.forge.commit(forge_world.repository, ref) for ref in ("main", new, old)]
    assert [one.sha for one in found] == [new, new, old]
    assert found[0].message == "Second\n\nat length"
    assert found[2].message == "First"


def test_a_branch_may_have_slashes(forge_world: ForgeWorld) -> None:
    base = forge_world.commit("First", {"a": b"1"})
    assert forge_world.forge.commit(forge_world.repository, "heads/main").sha == base


@pytest.mark.parametrize("ref", ["nothing", "no/thing", "f" * 40])
def test_what_stands_for_no_commit_is_refused(forge_world: ForgeWorld, ref: str) -> None:
    forge_world.commit("First", {"a": b"1"})
    with pytest.raises(Refused):
        forge_world.forge.commit(forge_world.repository, Sha(ref))


def test_open_changes_are_listed_as_they_are_now(forge_world: ForgeWorld) -> None:
    sha = forge_world.commit("First", {"a.py": b"print()\n"})
    assert forge_world.forge.open_changes(forge_world.repository) == []
    number = forge_world.open_change(forge_world.commit("Better", {"a.py": b"print(1)\n"}), sha)

    found = forge_world.forge.open_changes(forge_world.repository)

    assert found == [forge_world.forge.change(forge_world.repository, number)]


FIRST: Final = NewFile(
    path=".assay.yml", text="suites: {}\n# a & b\n", branch="assay/first", title="Add it", body="Look it over"
)


def test_people_are_led_to_a_page_that_makes_the_file(forge_world: ForgeWorld) -> None:
    page = urlsplit(forge_world.forge.new_file_page(forge_world.repository, FIRST.path, FIRST.text))
    assert f"{page.scheme}://{page.netloc}{page.path}" == f"{forge_world.repository.web_url}/new/main"
    assert parse_qs(page.query) == {"filename": [FIRST.path], "value": [FIRST.text]}


def test_who_only_reads_files_opens_no_change(forge_world: ForgeWorld) -> None:
    assert not forge_world.forge.proposes(forge_world.repository)
    with pytest.raises(NotAllowed):
        forge_world.forge.propose(forge_world.repository, FIRST)


class WritingGitHubWorld(GitHubWorld):
    """The App was made with the right to write files, and its installation has it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.installation.permissions.update(WRITING)

    @property
    def installation(self) -> Installation:
        (one,) = self.github.world.installations
        return one


@pytest.fixture(params=[WritingGitHubWorld, GitLabWorld], ids=["github", "gitlab"])
def writing_world(request: pytest.FixtureRequest, tmp_path: Path) -> WritingGitHubWorld | GitLabWorld:
    world: WritingGitHubWorld | GitLabWorld = request.param(tmp_path)
    world.commit("First", {"a": b"1"})
    return world


def test_a_change_adds_the_file_once_however_often_it_is_asked_for(
    writing_world: WritingGitHubWorld | GitLabWorld,
) -> None:
    world = writing_world
    assert world.forge.proposes(world.repository)
    address = world.forge.propose(world.repository, FIRST)
    assert world.forge.propose(world.repository, FIRST) == address
    (change,) = world.forge.open_changes(world.repository)
    assert address.startswith(world.repository.web_url)
    assert address.endswith(f"/{change.number}")
    assert (change.title, change.base_ref, change.head_ref) == ("Add it", "main", "assay/first")
    assert world.forge.read_file(world.repository, change.head, FIRST.path, 1000) == FIRST.text.encode()


def test_a_branch_that_an_attempt_left_behind_is_gone_on_with(tmp_path: Path) -> None:
    world = GitLabWorld(tmp_path)
    world.commit("First", {"a": b"1"})
    world.gitlab.commit(world.project, FIRST.branch, "Add it", {FIRST.path: FIRST.text})
    world.forge.propose(world.repository, FIRST)
    (change,) = world.forge.open_changes(world.repository)
    assert world.forge.read_file(world.repository, change.head, FIRST.path, 1000) == FIRST.text.encode()


def test_a_token_without_write_access_opens_nothing(tmp_path: Path) -> None:
    world = GitLabWorld(tmp_path)
    world.commit("First", {"a": b"1"})
    world.project.members[world.gitlab.me] = 20
    with pytest.raises(NotAllowed):
        world.forge.propose(world.repository, FIRST)
    assert world.forge.open_changes(world.repository) == []


def test_an_attempt_whose_answers_are_lost_ends_in_one_change(tmp_path: Path) -> None:
    world = WritingGitHubWorld(tmp_path)
    world.commit("First", {"a": b"1"})
    for _ in range(3):  # the branch, the file, the pull request
        world.lose_next_write()
        with pytest.raises(Ambiguous):
            world.forge.propose(world.repository, FIRST)
    address = world.forge.propose(world.repository, FIRST)
    (change,) = world.forge.open_changes(world.repository)
    assert address == f"{world.repository.web_url}/pull/{change.number}"
    assert world.forge.read_file(world.repository, change.head, FIRST.path, 1000) == FIRST.text.encode()


def test_a_branch_of_that_name_in_a_fork_is_not_taken_for_ours(tmp_path: Path) -> None:
    world = WritingGitHubWorld(tmp_path)
    world.commit("First", {"a": b"1"})
    fork = world.github.fork(world.repo, "eve")
    world.github.commit(fork, FIRST.branch, {FIRST.path: b"evil"}, "Add it", author="eve")
    theirs = world.github.open_pull(world.repo, FIRST.branch, fork=fork, author="eve")
    address = world.forge.propose(world.repository, FIRST)
    assert address != f"{world.repository.web_url}/pull/{theirs.number}"
    assert len(world.forge.open_changes(world.repository)) == 2


def test_the_token_that_writes_the_file_is_for_that_repository_alone(tmp_path: Path) -> None:
    world = WritingGitHubWorld(tmp_path)
    world.commit("First", {"a": b"1"})
    world.forge.propose(world.repository, FIRST)
    writers = [one for one in world.github.world.tokens.values() if one.repositories == frozenset({world.repo.id})]
    assert [one.permissions for one in writers] == [{"metadata": "read", **WRITING}]


def test_rights_that_were_taken_back_count_at_once(tmp_path: Path) -> None:
    world = WritingGitHubWorld(tmp_path)
    world.commit("First", {"a": b"1"})
    assert world.forge.proposes(world.repository)
    world.installation.permissions["contents"] = "read"
    assert not world.forge.proposes(world.repository)
    with pytest.raises(NotAllowed):
        world.forge.propose(world.repository, FIRST)
