"""The App's JWT and its tokens: renewed in time, once, and no wider than needed (C58)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from bot.adapters.forge_github.auth import AppKey
from bot.demo.forge.app import PERMISSIONS
from bot.domain.errors import BadInput, ForgeUnavailable, Gone, NotAllowed, RateLimited, Refused
from bot.domain.refs import Person
from bot.ports.forge import Permission
from tests.contract.forge_world import GitHubWorld
from tests.sims.github_wire import answering, saying

ANN = Person(31, "ann")
TOKENS = "/access_tokens"


@pytest.fixture
def world(tmp_path: Path) -> GitHubWorld:
    world = GitHubWorld(tmp_path)
    world.grant("ann", 31, "write")
    return world


def ask(world: GitHubWorld) -> Permission:
    return world.forge.permission(world.repository, ANN)


def test_one_token_serves_until_five_minutes_before_its_end(world: GitHubWorld) -> None:
    ask(world)
    world.clock.advance(54 * 60)
    ask(world)

    assert world.wire.calls("POST", TOKENS) == 1


def test_a_run_of_an_hour_and_a_minute_ends_with_a_fresh_token(world: GitHubWorld) -> None:
    ask(world)
    world.clock.advance(61 * 60)

    assert ask(world) is Permission.WRITE
    assert world.wire.calls("POST", TOKENS) == 2


def test_a_revoked_token_is_renewed_once(world: GitHubWorld) -> None:
    ask(world)
    world.github.world.tokens.clear()

    assert ask(world) is Permission.WRITE
    assert world.wire.calls("POST", TOKENS) == 2


def test_a_second_refusal_is_told_and_not_repeated(world: GitHubWorld) -> None:
    ask(world)
    asked = len(world.wire.asked)
    world.wire.instead = [answering(401), None, answering(401)]

    with pytest.raises(ForgeUnavailable, match="credentials"):
        ask(world)

    assert len(world.wire.asked) == asked + 3


def test_threads_that_need_a_token_together_ask_for_one(world: GitHubWorld) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: ask(world), range(16)))

    assert set(found) == {Permission.WRITE}
    assert world.wire.calls("POST", TOKENS) == 1


@pytest.mark.parametrize("seconds", [45, 90, -90, 3600, -86400 * 3])
def test_a_clock_that_is_wrong_is_corrected_by_githubs(world: GitHubWorld, seconds: int) -> None:
    world.github.world.skew = -seconds

    assert ask(world) is Permission.WRITE


def test_a_clock_that_is_very_wrong_is_named_once(world: GitHubWorld) -> None:
    world.github.world.skew = -90

    with structlog.testing.capture_logs() as logs:
        ask(world)
        ask(world)

    assert logs == [{"event": "forge.clock_skew", "forge": "github", "seconds": 90, "log_level": "warning"}]


def test_small_skews_are_not_worth_a_word(world: GitHubWorld) -> None:
    world.github.world.skew = 30

    with structlog.testing.capture_logs() as logs:
        ask(world)

    assert logs == []


def test_the_installation_of_a_repository_is_looked_up_once(world: GitHubWorld) -> None:
    world.repository = replace(world.repository, installation=None)
    ask(world)
    ask(world)

    assert world.wire.calls("GET", "/installation") == 1


def test_an_app_that_is_not_installed_is_gone_and_not_asked_for_again_at_once(world: GitHubWorld) -> None:
    world.github.world.installations.clear()
    world.repository = replace(world.repository, installation=None)
    with pytest.raises(Gone, match="not installed on octo/widgets"):
        world.forge.change(world.repository, 1)

    with pytest.raises(Gone, match="not installed on octo/widgets"):
        world.forge.change(world.repository, 1)

    assert len(world.wire.asked) == 1


def test_a_refused_installation_is_asked_for_again_after_a_while(world: GitHubWorld) -> None:
    installation = world.github.world.installations.pop()
    with pytest.raises(Gone):
        world.forge.access(world.repository)
    world.github.world.installations.append(installation)
    world.clock.advance(61)

    assert world.forge.access(world.repository).headers


def test_a_suspended_installation_is_not_allowed(world: GitHubWorld) -> None:
    world.wire.instead = [answering(403, "This installation has been suspended")]

    with pytest.raises(NotAllowed, match="suspended"):
        world.forge.access(world.repository)


def test_more_than_was_granted_is_refused(world: GitHubWorld) -> None:
    world.wire.instead = [answering(422, "The permissions requested are not granted to this installation.")]

    with pytest.raises(Refused, match="not granted"):
        world.forge.access(world.repository)


@pytest.mark.parametrize(
    "answer", [b"{}", b'{"token": "ghs_1"}', b'{"token": "", "expires_at": "2026-03-01T12:00:00Z"}', b"[]"]
)
def test_an_answer_without_a_token_is_not_one(world: GitHubWorld, answer: bytes) -> None:
    world.wire.instead = [saying(201, answer)]

    with pytest.raises(ForgeUnavailable):
        world.forge.access(world.repository)


def test_tokens_to_clone_and_to_report_are_different_ones(world: GitHubWorld) -> None:
    ask(world)
    world.forge.access(world.repository)
    world.forge.access(world.repository)

    report, clone = world.github.world.tokens.values()
    assert (report.repositories, report.permissions) == (None, PERMISSIONS)
    assert (clone.repositories, clone.permissions) == (
        frozenset({world.repo.id}),
        {"contents": "read", "metadata": "read"},
    )


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/octo/widgets.git", "http://127.0.0.1:10/octo/widgets.git", "http://x:nope", "file:///x"],
)
def test_a_credential_is_not_made_for_another_host(world: GitHubWorld, url: str) -> None:
    with pytest.raises(Refused, match="another host"):
        world.forge.access(replace(world.repository, clone_url=url))

    assert world.wire.asked == []


@pytest.mark.parametrize(
    "key", ["", "secret", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"]
)
def test_a_key_that_cannot_sign_is_refused_at_start(key: str) -> None:
    with pytest.raises(BadInput, match="private key"):
        AppKey("1", key)


def test_a_limit_on_tokens_stops_the_installation_too(world: GitHubWorld) -> None:
    world.wire.instead = [answering(429, retry_after="20")]
    with pytest.raises(RateLimited):
        ask(world)

    with pytest.raises(RateLimited):
        ask(world)

    assert len(world.wire.asked) == 1


def test_an_installation_that_was_made_anew_is_looked_up_again(world: GitHubWorld) -> None:
    world.repository = replace(world.repository, installation=None)
    world.wire.instead = [saying(200, b'{"id": 11}')]
    assert ask(world) is Permission.NONE

    assert ask(world) is Permission.WRITE


def test_an_installation_without_a_number_is_not_understood(world: GitHubWorld) -> None:
    world.wire.instead = [saying(200, b"{}")]

    with pytest.raises(ForgeUnavailable, match="without a number"):
        world.forge.access(replace(world.repository, installation=None))
