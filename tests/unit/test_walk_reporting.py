"""The outbox: what the forge shows becomes what is stored, once, and never goes back (RELIABILITY §6.7)."""

import random
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.domain.errors import Ambiguous, ForgeUnavailable, RateLimited, Refused
from bot.domain.runs import RunState
from bot.ports.queue import ExecuteRun, HandleDelivery, SendReport
from tests.walks import ONE, World


def publishes(world: World) -> int:
    return world.forge.calls.count("publish")


def test_a_check_is_queued_then_in_progress_then_completed(world: World) -> None:
    world.push()
    world.step(HandleDelivery)
    world.step(SendReport)
    world.step(SendReport)
    world.step(ExecuteRun)
    world.settle()
    assert world.forge.check(ONE, "assay / unit").history[0] == "queued"
    assert world.forge.check(ONE, "assay / unit").history[-1] == "success"


def test_only_the_newest_state_is_sent(world: World) -> None:
    world.push()
    world.step(HandleDelivery)
    world.step(ExecuteRun)
    world.settle()
    assert world.forge.check(ONE, "assay / unit").history == ["success"]
    assert world.forge.check(ONE, "assay").history == ["success"]


def test_of_a_short_suite_the_forge_hears_at_the_beginning_and_at_the_end(tmp_path: Path) -> None:
    world = World(tmp_path, progress_pause=60)
    world.push()
    world.step(HandleDelivery)
    world.step(SendReport)
    world.settle()
    assert world.forge.check(ONE, "assay / unit").history == ["queued", "success"]
    assert world.forge.check(ONE, "assay").history == ["success"]
    assert publishes(world) == 3


def test_progress_of_a_long_suite_is_shown_after_its_pause(tmp_path: Path) -> None:
    world = World(tmp_path, progress_pause=60)
    world.sandbox.trouble = "no worker"
    world.push()
    world.settle()
    assert "assay" not in world.titles()
    with world.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE report SET next_at = next_at - 60")
    world.turn("reports")
    world.settle()
    assert world.titles()["assay"] == "0 of 1 done"


def test_a_report_that_shows_nothing_new_is_not_sent(world: World) -> None:
    world.push()
    world.settle()
    before = publishes(world)
    run = world.run()
    with world.app.work() as work:
        work.reports.touch(run.repository, run.sha, "assay")
    world.turn("reports")
    world.settle()
    assert publishes(world) == before


def test_a_forge_that_is_away_gets_the_final_state_later(world: World) -> None:
    world.forge.trouble["publish"] = [ForgeUnavailable("502", retry_after=0) for _ in range(5)]
    world.push()
    world.settle()
    for _ in range(6):
        world.turn("reports")
        world.settle()
    assert world.run().state is RunState.PASSED
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}
    assert len(world.forge.shown) == 2


def test_however_long_the_forge_was_away_the_end_is_shown_within_a_minute_of_its_return(world: World) -> None:
    world.forge.trouble["publish"] = [ForgeUnavailable("502") for _ in range(100)]
    world.push()
    world.settle()
    for _ in range(15):
        _pass(world, 60)
    assert world.conclusions() == {}
    world.forge.trouble["publish"] = []
    _pass(world, 60)
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}


def _pass(world: World, seconds: int) -> None:
    """That time goes by for reports, which are then sent if they are due."""
    with world.engine.begin() as connection:
        connection.execute(sa.text("UPDATE report SET next_at = next_at - :seconds"), {"seconds": seconds})
    world.turn("reports")
    world.settle()


def test_a_creation_whose_answer_got_lost_is_adopted(world: World) -> None:
    world.forge.after_publish = [Ambiguous("timeout", retry_after=0), Ambiguous("timeout", retry_after=0)]
    world.push()
    world.settle()
    for _ in range(3):
        world.turn("reports")
        world.settle()
    assert len(world.forge.shown) == 2
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}


def test_a_rate_limit_is_waited_out(world: World) -> None:
    world.forge.trouble["publish"] = [RateLimited("slow down", retry_after=3600)]
    world.push()
    world.step(HandleDelivery)
    world.step(SendReport)
    before = publishes(world)
    with world.app.work() as work:
        due = work.reports.due(10)
    world.turn("reports")
    assert len(due) == 1
    assert publishes(world) == before


def test_a_report_that_the_forge_will_never_take_is_buried_and_said(world: World) -> None:
    world.forge.trouble["publish"] = [Refused("No commit found for SHA")]
    world.push()
    world.step(HandleDelivery)
    world.step(SendReport)
    repository = world.run().repository
    with world.app.work() as work:
        assert "No commit found" in work.reports.trouble(repository, ONE)


def test_a_later_state_is_tried_again_after_a_burial(world: World) -> None:
    test_a_report_that_the_forge_will_never_take_is_buried_and_said(world)
    world.settle()
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}


def test_a_report_lost_between_forge_and_store_is_sent_again_without_a_second_check(world: World) -> None:
    world.push()
    world.step(HandleDelivery)
    with world.app.work() as work:
        first = work.reports.due(10)[0]
        claimed = work.reports.claim(first, 0)
    assert claimed is not None
    world.lose_hints()
    world.turn("reports")
    world.turn("runs")
    world.settle()
    assert len(world.forge.shown) == 2


@pytest.mark.parametrize("seed", range(8))
def test_whatever_the_order_of_tasks_the_end_is_the_same(world: World, seed: int) -> None:
    chance = random.Random(seed)
    world.forge.trouble["publish"] = [ForgeUnavailable("502", retry_after=0), Ambiguous("reset", retry_after=0)]
    world.push()
    for _ in range(60):
        tasks = list(world.queue.tasks) * chance.choice((1, 2))
        chance.shuffle(tasks)
        world.queue.tasks.clear()
        world.queue.tasks.extend(tasks[: chance.randint(0, len(tasks))])
        world.settle()
        world.turn("deliveries")
        world.turn("runs")
        world.turn("reports")
    assert world.run().state is RunState.PASSED
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}
    assert len(world.forge.shown) == 2
    assert len(world.sandbox.jobs) == 1
