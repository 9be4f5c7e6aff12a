"""What every forge must do with the webhooks of a repository."""

from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from bot.domain.errors import Gone, NotAllowed
from bot.ports.webhooks import Hook
from tests.contract.hooks_world import GitHubHooks, GitLabHooks, HooksWorld

URL: Final = "https://ci.example.org/webhooks/github/abc"


@pytest.fixture(params=[GitHubHooks, GitLabHooks], ids=["github", "gitlab"])
def hooks(request: pytest.FixtureRequest, tmp_path: Path) -> HooksWorld:
    made: HooksWorld = request.param(tmp_path)
    return made


def put(hooks: HooksWorld, number: int = 0) -> Hook:
    return Hook(hooks.repository, hooks.webhooks.put(hooks.repository, URL, hooks.secrets[number]))


def test_a_webhook_is_made_once_for_an_address(hooks: HooksWorld) -> None:
    assert put(hooks) == put(hooks)
    assert hooks.made() == [(URL, hooks.secrets[0])]


def test_putting_it_again_changes_its_secret(hooks: HooksWorld) -> None:
    put(hooks)
    put(hooks, 1)

    assert hooks.made() == [(URL, hooks.secrets[1])]


def test_one_that_was_made_unheard_is_found(hooks: HooksWorld) -> None:
    hooks.lose_next_write()
    with pytest.raises(Exception, match="no answer"):
        put(hooks)

    put(hooks)

    assert hooks.made() == [(URL, hooks.secrets[0])]


def test_who_may_not_make_it_is_told_so(hooks: HooksWorld) -> None:
    hooks.forbid()

    with pytest.raises((NotAllowed, Gone)):
        put(hooks)


def test_removing_it_twice_is_fine(hooks: HooksWorld) -> None:
    hook = put(hooks)

    hooks.webhooks.remove(hook)
    hooks.webhooks.remove(hook)

    assert hooks.made() == []


def test_one_that_is_gone_can_not_be_pinged_and_says_so(hooks: HooksWorld) -> None:
    hook = put(hooks)
    hooks.webhooks.remove(hook)

    with pytest.raises(Gone):
        hooks.webhooks.ping(hook)
    assert "no such webhook" in hooks.webhooks.trouble(hook)


def test_all_is_well_until_something_went_wrong(hooks: HooksWorld) -> None:
    hook = put(hooks)
    assert hooks.webhooks.trouble(hook) == ""

    hooks.switch_off()
    assert "switched off" in hooks.webhooks.trouble(hook)


def test_attempts_are_told_newest_first_with_what_became_of_them(hooks: HooksWorld) -> None:
    hook = put(hooks)
    for status, key in ((200, "d-1"), (0, "d-2"), (503, "d-3"), (202, "d-3")):
        hooks.sent(status, key)

    found = hooks.webhooks.sent(hook, hooks.clock.now() - timedelta(hours=1))

    assert [(one.key, one.arrived) for one in found] == [
        ("d-3", True),
        ("d-3", False),
        ("d-2", False),
        ("d-1", True),
    ]


def test_the_newest_attempt_is_told_by_itself_with_how_it_ended(hooks: HooksWorld) -> None:
    hook = put(hooks)
    assert hooks.webhooks.last(None) is None
    for status, key in ((200, "d-1"), (503, "d-2")):
        hooks.sent(status, key)

    last = hooks.webhooks.last(hook)

    assert last is not None
    assert (last.key, last.arrived) == ("d-2", False)
    assert last.answer


def test_old_attempts_are_left_out(hooks: HooksWorld) -> None:
    hook = put(hooks)
    hooks.sent(503, "d-1")
    hooks.clock.advance(100)

    assert hooks.webhooks.sent(hook, hooks.clock.now() - timedelta(seconds=50)) == []


def test_what_an_attempt_carried_can_be_read(hooks: HooksWorld) -> None:
    hook = put(hooks)
    hooks.sent(503, "d-1")
    (sent,) = hooks.webhooks.sent(hook, hooks.clock.now() - timedelta(hours=1))

    delivery = hooks.webhooks.fetch(hook, sent)

    assert delivery.key == hooks.key_of(hook, "d-1")
    assert delivery.event == hooks.forge.parse(delivery.name, delivery.payload)


def test_what_did_not_arrive_is_sent_again_when_asked_for(hooks: HooksWorld) -> None:
    hook = put(hooks)
    hooks.sent(503, "d-1")
    (sent,) = hooks.webhooks.sent(hook, hooks.clock.now() - timedelta(hours=1))

    hooks.webhooks.send_again(hook, sent)

    assert hooks.on_their_way() == ["d-1"]


def test_the_installation_has_none_of_its_own_without_an_app(hooks: HooksWorld) -> None:
    assert not hooks.webhooks.of_installation()
    assert hooks.webhooks.sent(None, hooks.clock.now() - timedelta(hours=1)) == ()


def test_github_tells_how_the_last_delivery_was_answered(tmp_path: Path) -> None:
    hooks = GitHubHooks(tmp_path)
    hook = put(hooks)

    hooks.sent(502, "d-1")

    assert "502" in hooks.webhooks.trouble(hook)


def test_gitlab_tells_until_when_a_webhook_is_switched_off(tmp_path: Path) -> None:
    hooks = GitLabHooks(tmp_path)
    hook = put(hooks)
    made = hooks.world.project.hooks[hook.number]

    made |= {"alert_status": "temporarily_disabled", "disabled_until": "2026-03-01T13:00:00Z"}

    assert hooks.webhooks.trouble(hook) == "GitLab has switched off the webhook until 2026-03-01T13:00:00Z"


def test_a_webhook_of_gitlab_sends_what_we_read_and_over_verified_tls(tmp_path: Path) -> None:
    hooks = GitLabHooks(tmp_path)
    made = hooks.world.project.hooks[put(hooks).number]

    wanted = ("push_events", "tag_push_events", "merge_requests_events", "note_events", "enable_ssl_verification")
    assert [made[name] for name in wanted] == [True] * 5
    assert made["confidential_note_events"] is False


def test_a_plain_secret_is_gitlabs_token(tmp_path: Path) -> None:
    hooks = GitLabHooks(tmp_path)

    number = hooks.webhooks.put(hooks.repository, URL, "a plain secret of the tests")

    assert hooks.world.project.hooks[number]["token"] == "a plain secret of the tests"


def test_without_a_signature_gitlab_tells_no_time_so_nothing_is_too_old(tmp_path: Path) -> None:
    hooks = GitLabHooks(tmp_path)
    hook = put(hooks)
    hooks.sent(503, "d-1")
    del hooks.world.project.attempts[0][2]["webhook-timestamp"]
    hooks.clock.advance(100)

    (found,) = hooks.webhooks.sent(hook, hooks.clock.now() - timedelta(seconds=50))

    assert (found.key, found.arrived) == ("d-1", False)
