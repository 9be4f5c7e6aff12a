"""Repositories are registered: one webhook each, which speaks for its repository alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from bot.app import intake, registering, secrets
from bot.app.registering import Registered, Unheard
from bot.domain.errors import Ambiguous, BadInput, BadSignature, ForgeUnavailable, Gone, NotAllowed
from bot.domain.events import ForgeEvent, Ignored, InstallationChanged, Pushed
from bot.domain.refs import RepositorySeen
from bot.web.throttle import TooFast
from tests.fakes.forge import ANA, HELLO
from tests.fakes.webhooks import Made
from tests.walks import GITHUB, ONE, World

OTHER: Final = replace(HELLO, forge_id=101, path="acme/other")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def add(world: World, seen: RepositorySeen = HELLO) -> Registered:
    world.forge.seen = seen
    return registering.add(world.app, seen.path, actor="ada")


def secret_of(world: World, registered: Registered) -> str:
    assert registered.hook
    assert registered.hook.number
    return world.webhooks.hooks[registered.hook.number].secret


def admit(_: str) -> None:
    """Everything."""


def speak(
    world: World,
    registered: Registered,
    event: ForgeEvent | Ignored,
    secret: str = "",
    delivery: str = "d1",
    may: Callable[[str], None] = admit,
) -> intake.Answer:
    """A call of the repository's webhook."""
    assert registered.hook
    headers = {"signature": secret or secret_of(world, registered), "id": delivery}
    body = world.forge.delivery(event)
    return intake.accept_of_hook(world.app, GITHUB, registered.hook.id, headers, body, may)


def a_push(world: World, seen: RepositorySeen = HELLO) -> Pushed:
    world.source.add(ONE, {"code.txt": ONE})
    return Pushed(repository=seen, branch="main", tag=None, sha=ONE, before=None, message="m", sender=ANA)


def actions(world: World) -> list[str]:
    with world.app.work() as work:
        return [one.action for one in work.audit.recent(10, public_only=False)]


def test_a_repository_gets_a_webhook_with_a_secret_of_its_own(world: World) -> None:
    one, two = add(world), add(world, OTHER)

    assert [made.path for made in world.webhooks.hooks.values()] == ["acme/hello", "acme/other"]
    assert secret_of(world, one) != secret_of(world, two)
    assert one.hook
    assert world.webhooks.hooks[501].url == f"https://ci.example.org/webhooks/github/{one.hook.id}"
    assert secret_of(world, one).encode() not in one.hook.secret
    assert actions(world) == ["add repository"] * 2


def test_adding_twice_is_one_webhook(world: World) -> None:
    first, second = add(world), add(world)

    assert (first.is_new, second.is_new, len(world.webhooks.hooks)) == (True, False, 1)
    assert first.hook
    assert second.hook
    assert first.hook.id == second.hook.id


@pytest.mark.parametrize("error", [Ambiguous("no answer"), ForgeUnavailable("killed")])
def test_what_ends_between_the_forge_and_the_store_leaves_nothing_doubled(world: World, error: Exception) -> None:
    world.webhooks.after.append(error)
    with pytest.raises(ForgeUnavailable):
        add(world)

    again = add(world)

    assert list(world.webhooks.hooks) == [501]
    assert again.hook
    assert again.hook.number == 501


def test_a_webhook_that_may_not_be_made_leaves_nothing_behind(world: World) -> None:
    world.webhooks.broken.append(NotAllowed("needs the scope admin:repo_hook"))

    with pytest.raises(NotAllowed, match="admin:repo_hook"):
        add(world)

    assert [one.hook for one in registering.every(world.app)] == [None]


def test_where_an_app_tells_of_all_repositories_none_is_made(world: World) -> None:
    world.webhooks.app = True

    added = add(world)

    assert (added.hook, world.webhooks.hooks) == (None, {})
    with pytest.raises(NotAllowed, match="the App's webhook"):
        registering.remove(world.app, added, actor="ada")


@pytest.mark.parametrize("name", ["hello", "", "github:", "a b/c", "../hello", "github:acme/..", "http://x/y/z"])
def test_what_names_no_repository_is_refused(world: World, name: str) -> None:
    with pytest.raises(BadInput):
        registering.add(world.app, name, actor="ada")


@pytest.mark.parametrize("name", ["gitlab:acme/hello", "github:acme/none"])
def test_what_is_not_there_is_not_found(world: World, name: str) -> None:
    with pytest.raises(Gone):
        registering.add(world.app, name, actor="ada")


def test_a_call_of_the_webhook_starts_a_build(world: World) -> None:
    added = add(world)

    answer = speak(world, added, a_push(world))
    world.settle()

    assert answer.outcome is intake.Outcome.STORED
    assert world.conclusions()["assay"] == "success"
    assert registering.find(world.app, "acme/hello").hook != added.hook  # it was heard


def test_a_webhook_does_not_speak_for_another_repository(world: World) -> None:
    add(world, OTHER)
    mine = add(world)

    answer = speak(world, mine, a_push(world, OTHER))
    world.settle()

    assert (answer.outcome, answer.reason) == (intake.Outcome.IGNORED, "repository mismatch")
    assert world.builds() == []
    assert "spoke for another repository" in actions(world)


def test_a_webhook_does_not_speak_for_an_installation(world: World) -> None:
    answer = speak(world, add(world), InstallationChanged(forge=GITHUB, installation=5, active=False))

    assert answer.outcome is intake.Outcome.IGNORED


@pytest.mark.parametrize("secret", ["right", "other's", "x"])
def test_only_its_own_secret_proves_a_call(world: World, secret: str) -> None:
    mine, other = add(world), add(world, OTHER)
    wrong = secret_of(world, other) if secret == "other's" else secret

    with pytest.raises(BadSignature):
        speak(world, mine, a_push(world), wrong)


def test_an_unknown_webhook_is_answered_as_a_bad_signature(world: World) -> None:
    body = world.forge.delivery(a_push(world))

    with pytest.raises(BadSignature) as caught:
        intake.accept_of_hook(world.app, GITHUB, "nothing", {"signature": "right"}, body, admit)

    assert str(caught.value) == "unsigned"


def test_one_event_through_two_webhooks_is_two_deliveries_and_one_build(world: World) -> None:
    added = add(world)

    first = speak(world, added, a_push(world), delivery="same")
    again = speak(world, added, a_push(world), delivery="same")
    other = world.hear(a_push(world), delivery="same")
    world.settle()

    assert [one.outcome for one in (first, again, other)] == ["stored", "stored", "stored"]
    assert speak(world, added, a_push(world), delivery="same").outcome is intake.Outcome.DUPLICATE
    assert len(world.builds()) == 1


def test_while_a_secret_changes_both_prove(world: World) -> None:
    added = add(world)
    old = secret_of(world, added)

    registering.rotate_secret(world.app, added, actor="ada")

    new = secret_of(world, added)
    assert old != new
    for number, secret in enumerate((old, new)):
        answer = speak(world, added, a_push(world), secret, delivery=f"d{number}")
        assert answer.outcome is intake.Outcome.STORED
    assert "rotate webhook secret" in actions(world)


def test_an_interrupted_change_goes_on_with_the_same_secret(world: World) -> None:
    added = add(world)
    old = secret_of(world, added)
    world.webhooks.after.append(Ambiguous("no answer"))
    with pytest.raises(Ambiguous):
        registering.rotate_secret(world.app, added, actor="ada")
    given = secret_of(world, added)

    for secret in (old, given):
        speak(world, added, a_push(world), secret)
    registering.rotate_secret(world.app, added, actor="ada")

    assert secret_of(world, added) == given != old


def test_the_secrets_of_webhooks_are_sealed_anew_with_the_others(world: World) -> None:
    added = add(world)
    assert added.hook

    assert secrets.reseal(world.app).done == 1
    found = registering.find(world.app, "acme/hello")
    assert found.hook
    assert found.hook.secret != added.hook.secret
    assert speak(world, added, a_push(world)).outcome is intake.Outcome.STORED


def test_a_removed_repository_is_not_heard_any_more(world: World) -> None:
    added = add(world)
    secret = secret_of(world, added)

    registering.remove(world.app, added, actor="ada")

    assert world.webhooks.hooks == {}
    with pytest.raises(BadSignature):
        speak(world, added, a_push(world), secret)
    with pytest.raises(NotAllowed):
        registering.remove(world.app, registering.find(world.app, "acme/hello"), actor="ada")


def test_an_interrupted_removal_can_be_repeated(world: World) -> None:
    added = add(world)
    world.webhooks.hooks.clear()

    registering.remove(world.app, added, actor="ada")

    assert registering.find(world.app, "acme/hello").hook is None


def test_a_test_waits_until_the_webhook_was_heard(world: World) -> None:
    added = add(world)

    def answer(_: Made) -> None:
        speak(world, added, Ignored("ping"))

    world.webhooks.on_ping = answer

    registering.test(world.app, added)

    assert world.webhooks.pings == [501]


def test_a_test_tells_what_the_forge_says_when_nothing_comes(world: World) -> None:
    seconds = iter(range(0, 1000, 5))
    world.app = replace(world.app, monotonic=lambda: float(next(seconds)), sleep=lambda _: None)
    added = add(world)
    world.webhooks.said = "its last delivery was answered with 502: timed out"

    with pytest.raises(Unheard, match="timed out"):
        registering.test(world.app, added)


def test_a_webhook_that_calls_too_often_is_turned_away_after_its_proof(world: World) -> None:
    def full(_: str) -> None:
        raise TooFast(1)

    added = add(world)
    with pytest.raises(BadSignature):
        speak(world, added, a_push(world), "wrong", may=full)
    with pytest.raises(TooFast):
        speak(world, added, a_push(world), may=full)
    world.settle()

    assert world.builds() == []
