"""Deliveries that never came, and heads of changes that nobody told of, are found; nothing is done twice."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.app import registering, upkeep
from bot.domain.errors import ForgeUnavailable, Gone
from bot.domain.events import Ignored, Pushed
from bot.domain.refs import Person
from bot.domain.runs import Cause
from bot.ports.forge import Delivery
from bot.ports.webhooks import Sent
from tests.builders import NOON
from tests.fakes.forge import ANA, HELLO, STAN, a_change
from tests.walks import GITHUB, ONE, SUITES, TWO, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """With one repository that has a webhook."""
    world = World(tmp_path)
    registering.add(world.app, HELLO.path, actor="ada")
    return world


def tried(world: World, *attempts: tuple[str, bool], ago: timedelta = timedelta(minutes=5)) -> None:
    """The forge tried to deliver these, in that order."""
    for key, arrived in attempts:
        number = len(world.webhooks.attempts) + 1
        world.webhooks.attempts.append(Sent(id=number, key=key, at=world.app.now() - ago, arrived=arrived))


def pass_time(world: World) -> None:
    """What waits for its time is due."""
    with world.engine.begin() as connection:
        connection.execute(sa.text("UPDATE delivery SET due_at = 0"))


def test_what_failed_is_asked_for_again(world: World) -> None:
    tried(world, ("a", True), ("b", False), ("c", False), ("c", True), ("d", False))

    assert world.turn("missed deliveries") == 2
    assert world.webhooks.asked_again == ["b", "d"]


def test_what_arrived_at_last_is_not_asked_for_any_more(world: World) -> None:
    tried(world, ("a", False))
    world.turn("missed deliveries")
    tried(world, ("a", True))

    assert world.turn("missed deliveries") == 0
    assert world.webhooks.asked_again == ["a"]


def test_what_never_arrives_is_given_up(world: World) -> None:
    tried(world, ("a", False))

    for _ in range(30):
        world.turn("missed deliveries")

    assert len(world.webhooks.asked_again) == 9


def test_after_a_start_all_that_the_forge_remembers_is_looked_at_and_then_the_last_hour(world: World) -> None:
    tried(world, ("old", False), ago=timedelta(days=2))
    world.turn("missed deliveries")
    tried(world, ("older", False), ago=timedelta(days=2))
    tried(world, ("new", False))
    world.turn("missed deliveries")

    assert world.webhooks.asked_again == ["old", "new"]


def test_an_app_is_asked_for_its_own_deliveries(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.webhooks.app = True
    tried(world, ("a", False))

    assert world.turn("missed deliveries") == 1


def test_trouble_with_one_webhook_keeps_no_other_waiting(world: World) -> None:
    world.forge.seen = replace(HELLO, forge_id=101, path="acme/other")
    registering.add(world.app, "acme/other", actor="ada")
    tried(world, ("a", False))
    world.webhooks.broken.append(ForgeUnavailable("no answer"))

    assert world.turn("missed deliveries") == 1


def test_the_head_of_an_open_change_that_nobody_told_of_is_built_once(world: World) -> None:
    world.forge.changes[7] = a_change(7, ONE)
    world.source.add(ONE, {"code.txt": ONE})

    assert world.turn("open changes") == 1
    pass_time(world)
    world.turn("deliveries")
    world.settle()
    assert world.turn("open changes") == 0
    world.settle()

    assert [one.change for one in world.builds()] == [7]
    assert world.conclusions()["assay"] == "success"


def test_an_approval_that_is_older_than_our_finding_a_head_does_not_reach_it(world: World) -> None:
    """When it was pushed nobody knows."""
    world.forge.changes[7] = a_change(7, ONE, author=STAN, fork=True)
    world.source.add(ONE, {"code.txt": ONE})
    world.turn("open changes")
    pass_time(world)
    world.settle()
    world.say("/ok-to-test", created_at=NOON - timedelta(minutes=1))
    assert world.sandbox.jobs == []
    world.say("/ok-to-test", created_at=NOON + timedelta(minutes=1))
    assert len(world.sandbox.jobs) == 1


def test_a_head_whose_delivery_comes_meanwhile_is_built_once(world: World) -> None:
    world.forge.changes[7] = a_change(7, ONE)
    world.turn("open changes")
    world.lose_hints()
    world.open_change(world.forge.changes[7])
    world.settle()
    pass_time(world)
    world.turn("deliveries")
    world.settle()

    assert len(world.builds()) == 1


def test_a_change_that_has_its_build_is_left_alone(world: World) -> None:
    world.open_change(a_change(7, ONE))
    world.settle()

    assert world.turn("open changes") == 0


def test_a_head_without_a_suite_file_is_looked_at_once(world: World) -> None:
    world.forge.suite_files.clear()
    world.forge.changes[7] = a_change(7, ONE)
    world.turn("open changes")
    world.settle()
    pass_time(world)
    world.turn("deliveries")
    world.settle()

    assert world.turn("open changes") == 0
    assert world.builds() == []


def test_a_found_head_that_changes_before_it_is_built_gives_way_to_the_newer_one(world: World) -> None:
    world.source.add(TWO, {"code.txt": TWO})
    world.forge.changes[7] = a_change(7, ONE)
    world.turn("open changes")
    world.lose_hints()
    world.forge.changes[7] = a_change(7, TWO)
    world.turn("open changes")
    pass_time(world)
    world.turn("deliveries")
    world.settle()

    assert (len(world.builds(ONE)), len(world.builds(TWO))) == (0, 1)


@pytest.mark.parametrize("author", [STAN, Person(8, "robo[bot]", is_bot=True)])
def test_a_strangers_head_that_is_found_waits_for_approval(world: World, author: Person) -> None:
    world.forge.changes[7] = a_change(7, ONE, author=author, fork=True)
    world.turn("open changes")
    pass_time(world)
    world.turn("deliveries")
    world.settle()

    assert world.titles()["assay"] == "Not started: a maintainer must approve first"
    assert world.sandbox.jobs == []


def test_a_writers_fork_that_is_found_waits_too_for_nobody_vouches_for_its_head(world: World) -> None:
    world.forge.changes[7] = a_change(7, ONE, author=ANA, fork=True)
    world.turn("open changes")
    pass_time(world)
    world.turn("deliveries")
    world.settle()

    assert world.sandbox.jobs == []


def test_a_repository_that_is_gone_stops_no_other(world: World) -> None:
    world.forge.trouble["open_changes"] = [Gone("no such repository")]
    world.forge.seen = replace(HELLO, forge_id=101, path="acme/other")
    registering.add(world.app, "acme/other", actor="ada")
    world.forge.changes[7] = a_change(7, ONE)

    assert world.turn("open changes") == 1


def pushed(world: World) -> None:
    """A push to main was built; then somebody pushed again, and nobody told."""
    world.push(ONE)
    world.settle()
    world.source.add(TWO, {"code.txt": TWO})
    world.forge.refs["main"] = TWO
    world.forge.messages[TWO] = "Second"


def find_and_build(world: World) -> int:
    count = world.turn("branches")
    pass_time(world)
    world.turn("deliveries")
    world.settle()
    return count


def test_the_head_of_a_branch_that_nobody_told_of_is_built_once(world: World) -> None:
    pushed(world)

    assert [find_and_build(world), find_and_build(world)] == [1, 0]
    (build,) = world.builds(TWO)
    assert (build.cause, build.ref, build.base_sha, build.title) == (Cause.PUSH, "main", ONE, "Second")
    assert world.conclusions(TWO)["assay"] == "success"


def test_a_push_whose_delivery_comes_meanwhile_is_built_once(world: World) -> None:
    pushed(world)
    world.turn("branches")
    world.lose_hints()
    world.push(TWO)
    world.settle()
    pass_time(world)
    world.turn("deliveries")
    world.settle()

    assert len(world.builds(TWO)) == 1


def test_branches_that_were_built_of_late_are_looked_at_and_one_that_is_deleted_stops_no_other(world: World) -> None:
    world.push(ONE, branch="gone")
    world.push(ONE, branch="topic")
    world.settle()
    world.source.add(TWO, {"code.txt": TWO})
    world.forge.refs |= {"gone": "nothing", "topic": TWO}

    assert find_and_build(world) == 1
    assert [one.ref for one in world.builds(TWO)] == ["topic"]


def test_a_branch_that_was_never_built_is_left_alone(world: World) -> None:
    world.forge.refs["main"] = TWO
    world.open_change(a_change(7, ONE))
    world.settle()

    assert world.turn("branches") == 0


def test_a_branch_that_went_back_to_a_built_commit_is_left_alone(world: World) -> None:
    pushed(world)
    world.push(TWO)
    world.settle()
    world.forge.refs["main"] = ONE

    assert world.turn("branches") == 0


def test_a_found_head_that_asks_for_no_build_is_looked_at_once(world: World) -> None:
    pushed(world)
    world.forge.suite_files[TWO] = SUITES.encode() + b"    when: {events: [tag]}\n"

    assert [find_and_build(world), find_and_build(world)] == [1, 0]
    assert world.builds(TWO) == []


def test_a_process_that_starts_looks_at_once_and_others_wait_their_turn(world: World) -> None:
    tried(world, ("a", False))
    duty = upkeep.DUTIES["missed deliveries"]
    upkeep.take_turn(world.app, "missed deliveries", duty)
    other = replace(world.app, owner="worker-2")

    upkeep.take_turn(other, "missed deliveries", duty)
    assert world.webhooks.asked_again == ["a"]
    upkeep.take_turn(other, "missed deliveries", duty, first=True)
    assert world.webhooks.asked_again == ["a", "a"]


def polled(world: World) -> None:
    """The forge tried in vain to tell of a push."""
    world.app = replace(world.app, polled=frozenset({GITHUB}))
    world.source.add(ONE, {"code.txt": ONE})
    push = Pushed(repository=HELLO, branch="main", tag=None, sha=ONE, before=None, message="m", sender=ANA)
    for key, event in (("a", push), ("b", Ignored("ping"))):
        body = world.forge.delivery(event)
        world.webhooks.contents[key] = Delivery(key=f"501:{key}", name="event", payload=body, event=event)
        tried(world, (key, False))


def test_without_a_public_address_deliveries_are_read_from_the_forge(world: World) -> None:
    polled(world)

    assert world.turn("polling") == 2
    world.settle()
    assert world.conclusions()["assay"] == "success"
    assert world.turn("polling") == 0
    assert world.turn("missed deliveries") == 0
    assert world.webhooks.asked_again == []


def test_what_was_interrupted_is_read_again_and_taken_once(world: World) -> None:
    polled(world)
    world.turn("polling")
    with world.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM delivery WHERE name = 'fetched'"))
    world.turn("polling")
    world.settle()

    assert len(world.builds()) == 1


def test_a_polled_webhook_does_not_speak_for_another_repository(world: World) -> None:
    polled(world)
    event = world.webhooks.contents["a"].event
    assert isinstance(event, Pushed)
    other = replace(event, repository=replace(HELLO, forge_id=999, path="acme/other"))
    world.webhooks.contents["a"] = replace(world.webhooks.contents["a"], event=other)

    world.turn("polling")
    world.settle()

    assert world.builds() == []


def test_who_is_not_polled_is_not_asked(world: World) -> None:
    tried(world, ("a", False))

    assert world.turn("polling") == 0
