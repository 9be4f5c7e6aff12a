"""What every forge adapter must do to find repositories, commits and changes."""

from dataclasses import asdict
from pathlib import Path

import pytest

from bot.domain.errors import Gone, Refused
from bot.domain.refs import Sha
from tests.contract.forge_world import ForgeWorld, GitHubTokenWorld, GitHubWorld


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
