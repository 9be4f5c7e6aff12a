"""Hints that come often and in any order, clocks that jump (F27, F53, F54)."""

import random
from datetime import timedelta
from typing import Final

import pytest

from bot.app import dispatch
from bot.domain.errors import ForgeUnavailable
from bot.domain.events import RerunAsked
from bot.domain.runs import RunState
from bot.ports.queue import ExecuteRun, HandleDelivery
from tests.fakes.forge import ANA, HELLO, a_change
from tests.talks import ran
from tests.walks import ONE, TWO, World

PASSED: Final = {"assay": "success", "assay / unit": "success"}


@pytest.mark.parametrize("seed", range(5))
def test_every_hint_ten_times_and_in_any_order_is_one_run_and_one_end(world: World, seed: int) -> None:
    chance = random.Random(seed)
    world.push(ONE)
    world.push(TWO)
    for _ in range(200):
        hints = [hint for hint in world.queue.tasks for _ in range(10)]
        world.lose_hints()
        if not hints:
            break
        chance.shuffle(hints)
        for hint in hints[:200]:
            dispatch.perform(world.app, hint, world.shutdown)
    assert [(run.state, run.attempt) for build in (1, 2) for run in world.runs(build)] == [(RunState.PASSED, 1)] * 2
    assert len(world.sandbox.jobs) == 2
    assert [world.conclusions(sha) for sha in (ONE, TWO)] == [PASSED, PASSED]


@pytest.mark.parametrize("hours", [2, -2])
def test_a_workers_clock_that_jumps_takes_no_run_from_anybody(world: World, hours: int) -> None:
    def jump() -> None:
        world.now += timedelta(hours=hours)
        assert (world.turn("reaper"), world.turn("lost"), world.turn("deadlines")) == (0, 0, 0)

    world.sandbox.on_end = jump
    world.push()
    world.settle()
    assert (world.run().state, world.run().attempt) == (RunState.PASSED, 1)


@pytest.mark.parametrize("hours", [2, -2])
def test_what_processes_of_other_clocks_have_made_gives_way_to_what_runs_again(built: World, hours: int) -> None:
    built.sandbox.acts.clear()
    for _ in range(2):
        built.now += timedelta(hours=hours)
        built.hear(RerunAsked(repository=HELLO, sha=ONE, external_id=None, sender=ANA))
        built.settle()
    assert ran(built) == ["bad", "bad", "good", "spare"]
    assert built.conclusions() == dict.fromkeys(built.conclusions(), "success")


def test_a_databases_clock_that_jumps_starts_what_runs_once_more_and_loses_nothing(world: World) -> None:
    def jump() -> None:
        world.sandbox.on_end = lambda: None
        with world.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE run SET lease_until = lease_until - 300")
        assert (world.turn("reaper"), world.turn("reaper")) == (1, 0)

    world.sandbox.on_end = jump
    world.push()
    world.step(HandleDelivery)
    world.step(ExecuteRun)
    world.settle()
    assert (world.run().state, world.run().attempt) == (RunState.PASSED, 2)
    assert world.conclusions() == PASSED


def _after_a_night(world: World) -> None:
    """Of a machine that was off; whatever is left of it is due."""
    with world.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE delivery SET received_at = received_at - 50000, due_at = 0")


def test_what_lay_here_while_nothing_ran_outlives_a_forge_that_is_away_for_a_moment(world: World) -> None:
    world.forge.trouble["read_file"] = [ForgeUnavailable("502", retry_after=0)]
    world.push()
    _after_a_night(world)
    world.settle()
    world.turn("deliveries")
    world.settle()
    assert world.conclusions() == PASSED


def test_what_came_while_the_forge_was_away_for_long_is_done_within_a_minute_of_its_return(world: World) -> None:
    world.forge.trouble["read_file"] = [ForgeUnavailable("502") for _ in range(15)]
    world.push()
    world.settle()
    for _ in range(15):
        with world.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE delivery SET due_at = due_at - 60")
        world.turn("deliveries")
        world.settle()
    assert world.conclusions() == PASSED


def test_deliveries_of_one_change_wait_for_each_other_as_long_as_it_takes(world: World) -> None:
    world.open_change(a_change(7, ONE))
    with world.app.work() as work:
        change = f"change:{work.repositories.see(HELLO).id}:7"
        assert work.leases.take(change, "another", 60)
    for _ in range(20):
        _after_a_night(world)
        world.turn("deliveries")
        world.settle()
    with world.app.work() as work:
        assert work.leases.take(change, "another", 0)
    # What makes us stumble then has all its tries before it.
    world.forge.trouble["read_file"] = [RuntimeError("a bug")]
    for _ in range(2):
        _after_a_night(world)
        world.turn("deliveries")
        world.settle()
    assert world.conclusions() == PASSED


def test_a_delivery_that_is_overtaken_after_its_turn_ends_nothing_of_the_newer_head(world: World) -> None:
    """The forge was slow, or the process frozen, for longer than a lease."""

    def a_new_head_comes() -> None:
        with world.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE duty SET until = 0")
        world.open_change(a_change(7, TWO), action="synchronize")
        world.step(HandleDelivery)

    world.forge.meanwhile["permission"] = [a_new_head_comes]
    world.open_change(a_change(7, ONE))
    world.step(HandleDelivery)
    _after_a_night(world)
    world.turn("deliveries")
    world.settle()
    assert world.builds(ONE) == []
    assert world.conclusions(TWO) == PASSED
