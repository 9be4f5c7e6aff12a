"""Hints that come often and in any order, clocks that jump (F27, F53, F54)."""

import random
from datetime import timedelta
from typing import Final

import pytest

from bot.app import dispatch
from bot.domain.runs import RunState
from bot.ports.queue import ExecuteRun, HandleDelivery
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
