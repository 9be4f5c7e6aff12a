"""After a fault that is not its own a run waits before its next attempt; a broken engine leaves runs to others."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.adapters.store_sql.tables import run as table
from bot.app import queries, upkeep
from bot.app.queries import ANYBODY
from bot.domain.errors import SandboxUnavailable, SourceUnavailable
from bot.domain.runs import Reason, RunState
from bot.domain.workers import Worker
from bot.ports.queue import ExecuteRun, HandleDelivery
from tests.walks import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, retry_pauses=(30.0, 50.0))


def pause(world: World) -> float:
    """Seconds until the run can be claimed."""
    free_at = world.run().free_at
    with world.app.work() as work:
        assert free_at is not None
        return free_at.timestamp() - work.clock()


def end_pause(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(sa.update(table).values(free_at=table.c.free_at - 60))
    world.turn("runs")
    world.settle()


def test_an_attempt_that_could_not_be_made_is_followed_by_the_next_after_a_while(world: World) -> None:
    world.source.fault = SourceUnavailable("the forge did not answer")
    world.push()
    world.settle()

    assert (world.run().state, world.run().attempt) == (RunState.QUEUED, 1)
    assert 20 < pause(world) <= 30
    assert world.turn("runs") == 0

    end_pause(world)
    assert (world.run().state, world.run().attempt) == (RunState.QUEUED, 2)
    assert 40 < pause(world) <= 50

    world.source.fault = None
    end_pause(world)
    assert (world.run().state, world.run().attempt) == (RunState.PASSED, 3)


def test_people_read_why_it_waits_and_until_when(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise SandboxUnavailable("making the container: no space left on device")

    monkeypatch.setattr(world.sandbox, "set_up", fails)
    world.push()
    world.settle()

    waits = queries.run(world.app, ANYBODY, world.run().id).run.waits
    assert waits.startswith("next attempt at ")
    assert waits.endswith(" UTC: engine of worker here: making the container: no space left on device")
    assert world.titles()["assay / unit"].startswith("Trying again after a fault of the CI server: next attempt at ")
    assert world.run().reason is Reason.SANDBOX


def test_a_failure_of_the_suite_itself_waits_for_nothing(world: World) -> None:
    world.forge.suite_files = {"": b"suites:\n  unit:\n    image: busybox\n    run: 'false'\n    retries: 1\n"}
    world.push()
    world.settle()

    assert world.run().state.is_final


def test_whoever_takes_no_runs_leaves_a_hint_to_another(world: World) -> None:
    with world.app.work() as work:
        work.workers.announce(Worker(process="there/1", name="there", slots=1, cpus=4.0, memory=1 << 33), 60)
    world.push()
    world.step(HandleDelivery)
    world.sandbox.trouble = "the Docker engine starts no containers: no space left on device"

    world.step(ExecuteRun)

    assert [type(task) for task in world.queue.tasks if isinstance(task, ExecuteRun)] == [ExecuteRun]
    assert (world.run().state, world.run().attempt) == (RunState.QUEUED, 0)


def test_pauses_get_shorter_with_the_lease() -> None:
    assert upkeep.retry_pauses(60.0) == upkeep.retry_pauses(3600.0) == (5.0, 30.0)
    assert upkeep.retry_pauses(6.0) == (0.5, 3.0)
