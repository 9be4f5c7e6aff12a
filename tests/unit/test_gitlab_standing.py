"""What `assay doctor` hears of our standing at GitLab (FORGES §3.6)."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.domain.errors import ForgeUnavailable
from tests.contract.gitlab_world import GitLabWorld
from tests.sims.gitlab_wire import answering, saying


@pytest.fixture
def world(tmp_path: Path) -> GitLabWorld:
    return GitLabWorld(tmp_path)


def found(world: GitLabWorld, scopes: Sequence[str], ends: str | None) -> list[tuple[bool, str]]:
    token = json.dumps({"scopes": list(scopes), "expires_at": ends}).encode()
    world.wire.instead = [None, saying(200, token)]
    return [(one.ok, one.text) for one in world.forge.examine()]


def test_a_good_token_is_well(world: GitLabWorld) -> None:
    assert found(world, ["api"], None) == [(True, "GitLab knows us as assay-bot, by a token")]


def test_a_missing_scope_is_named(world: GitLabWorld) -> None:
    assert (False, "the token lacks the scope api") in found(world, ["read_api"], None)


@pytest.mark.parametrize(("ends", "ok"), [("2026-03-20", False), ("2026-02-01", False), ("2027-02-28", True)])
def test_the_end_of_a_token_is_told_and_warned_of_in_time(world: GitLabWorld, ends: str, ok: bool) -> None:
    assert (ok, f"the token ends on {ends}") in found(world, ["api"], ends)


def test_a_kind_of_token_that_cannot_look_at_itself_is_well(world: GitLabWorld) -> None:
    world.wire.instead = [None, answering(404)]

    assert [one.ok for one in world.forge.examine()] == [True]


def test_a_user_who_is_blocked_is_told(world: GitLabWorld) -> None:
    world.wire.instead = [answering(403, "403 Forbidden - Your account has been blocked.")]

    (said,) = world.forge.examine()

    assert (said.ok, said.help) == (False, "its user may be blocked")


def test_a_token_that_has_ended_is_told(world: GitLabWorld) -> None:
    world.wire.instead = [answering(401, "Token is expired")]

    with pytest.raises(ForgeUnavailable, match="does not accept our token: Token is expired"):
        world.forge.examine()
