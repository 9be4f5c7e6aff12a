"""A database that is away while a suite runs costs neither the run nor its verdict (RELIABILITY §6.3)."""

from dataclasses import replace

import pytest

from bot.app.context import App
from bot.domain.runs import BuildId, RunState
from bot.ports.queue import ExecuteRun, HandleDelivery
from tests.fakes.away import Away
from tests.fakes.sandbox import Act
from tests.walks import World

SCRIPT = "sh tests/run.sh"


def states(world: World) -> list[RunState]:
    run = world.run().id
    with world.app.work() as work:
        return [one.after for one in work.runs.events(run)]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_store_that_is_away_while_the_suite_prints_costs_neither_the_run_nor_a_line(
    world: World, when: str
) -> None:
    away = lose_store(world)
    lines = b"".join(b"line %d\n" % number for number in range(1000))
    world.sandbox.acts[SCRIPT] = Act(output=lines)
    world.sandbox.on_end = lambda: setattr(away, when, 1)
    world.push()
    world.settle()
    assert (world.run().state, world.run().attempt) == (RunState.PASSED, 1)
    assert (world.log(), away.times) == (lines, 1)


def test_a_verdict_is_stored_once_the_store_is_back(world: World) -> None:
    away = lose_store(world)
    world.sandbox.on_end = lambda: setattr(away, "before", 5)
    world.push()
    world.settle()
    assert (world.run().state, world.run().attempt, away.times) == (RunState.PASSED, 1, 5)


def test_a_verdict_whose_storing_was_not_answered_is_stored_once(world: World) -> None:
    plain = world.app
    away = lose_store(world)
    away.only = lambda: state_of_run(plain) is RunState.PASSED
    world.sandbox.on_end = lambda: setattr(away, "after", 1)
    world.push()
    world.settle()
    assert (world.run().attempt, away.times) == (1, 1)
    assert states(world) == [RunState.QUEUED, RunState.PREPARING, RunState.RUNNING, RunState.PASSED]
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}


def state_of_run(app: App) -> RunState:
    with app.work() as work:
        (run,) = work.runs.of_build(BuildId(1))
    return run.state


def test_a_store_that_is_away_for_longer_than_the_lease_ends_the_attempt(world: World) -> None:
    away = lose_store(world)
    world.sandbox.acts[SCRIPT] = Act(output=b"a line\n")
    world.sandbox.on_end = lambda: setattr(away, "before", 1_000_000)
    hours = iter(range(0, 10**9, 3600))
    world.push()
    world.step(HandleDelivery)
    world.app = replace(world.app, monotonic=lambda: float(next(hours)) if away.before else 0.0, sleep=lambda _: None)
    world.step(ExecuteRun)
    away.before = 0
    assert world.run().state is RunState.RUNNING
    assert world.log() == b""


def lose_store(world: World) -> Away:
    away = Away(work=world.app.work, logs=world.app.logs)
    world.app = replace(away.app(world.app), sleep=lambda _: None)
    return away
