"""What every forge must do with the webhooks of a repository."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from bot.domain.errors import Gone, NotAllowed
from bot.ports.webhooks import Hook, Webhooks
from tests.contract.forge_world import SECRET, GitHubTokenWorld

URL: Final = "https://ci.example.org/webhooks/github/abc"
OTHER: Final = "another secret of the test suite"


class GitHubHooks:
    """GitHub's webhooks from outside."""

    def __init__(self, folder: Path) -> None:
        self.world = GitHubTokenWorld(folder)
        self.repository = self.world.repository
        self.webhooks: Webhooks = self.world.forge.webhooks

    def made(self) -> list[tuple[str, str]]:
        """Address and secret of each."""
        return [(one.config["url"], one.config["secret"]) for one in self.world.github.world.hooks]

    def lose_next_write(self) -> None:
        self.world.lose_next_write()

    def forbid(self) -> None:
        self.world.repo.roles.clear()

    def switch_off(self) -> None:
        self.world.github.world.hooks[0].active = False

    def sent(self, status: int, key: str) -> None:
        """The forge tried to deliver something just now, and was answered so."""
        hooks = self.world.github.hooks
        first = next(one for one in hooks.held or [] if one.hook)
        made = replace(first, id=self.world.github.world.new_id(), guid=key, status_code=status)
        made.headers, made.delivered_at = hooks.headers_of(made), self.world.clock.time()
        hooks.sent.append(made)

    def on_their_way(self) -> list[str]:
        """Keys of what the forge is about to send once more."""
        return [one.guid for one in list(self.world.github.hooks._waiting.queue) if one]

    def since(self) -> timedelta:
        return timedelta(hours=1)


@pytest.fixture(params=[GitHubHooks], ids=["github"])
def hooks(request: pytest.FixtureRequest, tmp_path: Path) -> GitHubHooks:
    made: GitHubHooks = request.param(tmp_path)
    return made


def put(hooks: GitHubHooks, secret: str = SECRET) -> Hook:
    return Hook(hooks.repository, hooks.webhooks.put(hooks.repository, URL, secret))


def test_a_webhook_is_made_once_for_an_address(hooks: GitHubHooks) -> None:
    assert put(hooks) == put(hooks)
    assert hooks.made() == [(URL, SECRET)]


def test_putting_it_again_changes_its_secret(hooks: GitHubHooks) -> None:
    put(hooks)
    put(hooks, OTHER)

    assert hooks.made() == [(URL, OTHER)]


def test_one_that_was_made_unheard_is_found(hooks: GitHubHooks) -> None:
    hooks.lose_next_write()
    with pytest.raises(Exception, match="no answer"):
        put(hooks)

    put(hooks)

    assert hooks.made() == [(URL, SECRET)]


def test_who_may_not_make_it_is_told_so(hooks: GitHubHooks) -> None:
    hooks.forbid()

    with pytest.raises((NotAllowed, Gone)):
        put(hooks)


def test_removing_it_twice_is_fine(hooks: GitHubHooks) -> None:
    hook = put(hooks)

    hooks.webhooks.remove(hook)
    hooks.webhooks.remove(hook)

    assert hooks.made() == []


def test_one_that_is_gone_can_not_be_pinged_and_says_so(hooks: GitHubHooks) -> None:
    hook = put(hooks)
    hooks.webhooks.remove(hook)

    with pytest.raises(Gone):
        hooks.webhooks.ping(hook)
    assert "no such webhook" in hooks.webhooks.trouble(hook)


def test_all_is_well_until_something_went_wrong(hooks: GitHubHooks) -> None:
    hook = put(hooks)
    assert hooks.webhooks.trouble(hook) == ""

    hooks.sent(502, "d-1")
    assert "502" in hooks.webhooks.trouble(hook)
    hooks.switch_off()
    assert "switched off" in hooks.webhooks.trouble(hook)


def test_attempts_are_told_newest_first_with_what_became_of_them(hooks: GitHubHooks) -> None:
    hook = put(hooks)
    for status, key in ((200, "d-1"), (0, "d-2"), (503, "d-3"), (202, "d-3")):
        hooks.sent(status, key)

    found = hooks.webhooks.sent(hook, hooks.world.clock.now() - hooks.since())

    assert [(one.key, one.arrived) for one in found] == [
        ("d-3", True),
        ("d-3", False),
        ("d-2", False),
        ("d-1", True),
    ]


def test_old_attempts_are_left_out(hooks: GitHubHooks) -> None:
    hook = put(hooks)
    hooks.sent(503, "d-1")
    hooks.world.clock.advance(100)

    assert hooks.webhooks.sent(hook, hooks.world.clock.now() - timedelta(seconds=50)) == []


def test_what_an_attempt_carried_can_be_read(hooks: GitHubHooks) -> None:
    hook = put(hooks)
    hooks.sent(503, "d-1")
    (sent,) = hooks.webhooks.sent(hook, hooks.world.clock.now() - hooks.since())

    delivery = hooks.webhooks.fetch(hook, sent)

    assert delivery.key == f"{hook.number}:d-1"
    assert delivery.event == hooks.world.forge.parse(delivery.name, delivery.payload)


def test_what_did_not_arrive_is_sent_again_when_asked_for(hooks: GitHubHooks) -> None:
    hook = put(hooks)
    hooks.sent(503, "d-1")
    (sent,) = hooks.webhooks.sent(hook, hooks.world.clock.now() - hooks.since())

    hooks.webhooks.send_again(hook, sent)

    assert hooks.on_their_way() == ["d-1"]


def test_the_installation_has_none_of_its_own_without_an_app(hooks: GitHubHooks) -> None:
    assert not hooks.webhooks.of_installation()
    assert hooks.webhooks.sent(None, hooks.world.clock.now() - hooks.since()) == ()
