"""What every forge adapter must do with the one comment that a change may have of a kind."""

from pathlib import Path

import pytest

from bot.domain.errors import Ambiguous, Gone
from bot.domain.events import CommentKind
from tests.contract.forge_world import ForgeWorld, GitHubWorld
from tests.contract.gitlab_world import GitLabWorld


@pytest.fixture(params=[GitHubWorld, GitLabWorld], ids=["github", "gitlab"])
def forge_world(request: pytest.FixtureRequest, tmp_path: Path) -> ForgeWorld:
    world: ForgeWorld = request.param(tmp_path)
    return world


@pytest.fixture
def change(forge_world: ForgeWorld) -> int:
    base = forge_world.commit("First", {"a.py": b"1"})
    return forge_world.open_change(forge_world.commit("Better", {"a.py": b"2"}), base)


def test_a_unique_comment_whose_answer_was_lost_is_found_again(forge_world: ForgeWorld, change: int) -> None:
    forge, repository = forge_world.forge, forge_world.repository
    forge.reply(repository, change, "something else", None)
    forge_world.lose_next_write()
    with pytest.raises(Ambiguous):
        forge.reply(repository, change, "red <!-- mark -->", None, unique="<!-- mark")
    ref = forge.reply(repository, change, "green <!-- mark -->", None, unique="<!-- mark")
    assert [text.split("-->")[0] for text in forge_world.comments(change).values() if "mark" in text] == [
        "green <!-- mark "
    ]
    assert "green" in forge_world.comments(change)[int(ref)]


def test_somebody_elses_comment_with_the_same_words_is_left_alone(forge_world: ForgeWorld, change: int) -> None:
    theirs = forge_world.comment(change, "copied <!-- mark -->", CommentKind.CHANGE)
    ref = forge_world.forge.reply(forge_world.repository, change, "ours <!-- mark -->", None, unique="<!-- mark")
    assert int(ref) != theirs
    assert forge_world.comments(change)[theirs] == "copied <!-- mark -->"


def test_a_unique_comment_that_somebody_deleted_stays_deleted(forge_world: ForgeWorld, change: int) -> None:
    ref = forge_world.forge.reply(forge_world.repository, change, "red <!-- mark -->", None, unique="<!-- mark")
    forge_world.delete_comment(int(ref))
    with pytest.raises(Gone):
        forge_world.forge.reply(forge_world.repository, change, "green <!-- mark -->", ref, unique="<!-- mark")
    assert forge_world.comments(change) == {}
