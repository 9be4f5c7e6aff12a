"""Workers with labels and a size: who takes what, what people read while nobody will, and draining."""

from dataclasses import replace

import pytest

from bot.app import presence, queries
from bot.app.queries import ANYBODY
from bot.domain.errors import Gone
from bot.domain.runs import RunState
from bot.domain.suites import GIB
from bot.domain.workers import Offer
from bot.ports.queue import ExecuteRun
from tests.walks import SUITES, World

WIDE = SUITES.replace("image: busybox", "environment: wide")
GPU = SUITES + "    runs_on: gpu\n"


def offering(world: World, **offer: object) -> None:
    """The world's worker is another one from now on."""
    known = {"name": "here", "slots": 2, "cpus": 4.0, "memory": 8 * GIB, **offer}
    world.app = replace(world.app, offer=Offer(**known))  # type: ignore[arg-type]  # the constructor checks
    presence.announce(world.app)


def pushed(world: World, file: str) -> None:
    world.forge.suite_files = {"": file.encode()}
    world.push()
    world.settle()


def test_a_run_whose_label_no_worker_has_says_so_on_its_check_and_its_page(world: World) -> None:
    pushed(world, GPU)
    assert world.run().state is RunState.QUEUED
    assert world.titles()["assay / unit"] == "Queued: no worker has the label gpu"
    assert queries.run(world.app, ANYBODY, world.run().id).run.waits == "no worker has the label gpu"


def test_it_starts_once_a_worker_has_the_label(world: World) -> None:
    pushed(world, GPU)
    offering(world, labels=frozenset({"gpu", "amd64"}))
    world.turn("runs")
    world.settle()
    assert world.conclusions()["assay / unit"] == "success"


def test_more_memory_than_any_worker_has_is_said(world: World) -> None:
    offering(world, memory=GIB)
    pushed(world, f"environments: {{wide: {{image: busybox, memory: 2GiB}}}}\n{WIDE}")
    assert world.titles()["assay / unit"] == "Queued: no worker has 2 GiB of memory"


def test_when_the_last_worker_goes_what_waits_says_so(world: World) -> None:
    world.push()
    presence.leave(world.app)
    world.lose_hints()
    assert world.turn("deliveries") == 1
    while not world.builds():
        world.step(type(world.queue.tasks[0]))
    world.queue.tasks = type(world.queue.tasks)(
        task for task in world.queue.tasks if not isinstance(task, ExecuteRun)
    )
    world.settle()
    assert world.titles()["assay / unit"] == "Queued: no worker is there"


def test_what_waits_for_a_worker_that_has_gone_is_told_later_too(world: World) -> None:
    offering(world, labels=frozenset({"gpu"}))
    presence.drain(world.app, "here", draining=True, actor="ana")
    pushed(world, GPU)
    assert world.titles()["assay / unit"] == "Queued: every worker that could take it is being drained"
    presence.drain(world.app, "here", draining=False, actor="ana")
    offering(world, labels=frozenset())
    assert world.turn("stranded") == 1
    world.settle()
    assert world.titles()["assay / unit"] == "Queued: no worker has the label gpu"


def test_a_drained_worker_takes_nothing_until_it_may_again(world: World) -> None:
    presence.drain(world.app, world.app.place, draining=True, actor="ana")
    pushed(world, SUITES)
    assert world.run().state is RunState.QUEUED
    presence.drain(world.app, "here", draining=False, actor="ana")
    world.turn("runs")
    world.settle()
    assert world.run().state is RunState.PASSED
    with world.app.work() as work:
        assert [one.action for one in work.audit.recent(2, public_only=False)] == ["undrain", "drain"]


def test_a_worker_that_nobody_knows_cannot_be_drained(world: World) -> None:
    with pytest.raises(Gone, match="no worker elsewhere"):
        presence.drain(world.app, "elsewhere", draining=True, actor="ana")


def test_a_hint_that_one_worker_cannot_follow_goes_on_to_another_that_can(world: World) -> None:
    other = replace(world.app, owner="there/1:a", offer=Offer(name="there", slots=1, labels=frozenset({"gpu"})))
    presence.announce(other)
    world.forge.suite_files = {"": GPU.encode()}
    world.push()
    while not any(isinstance(task, ExecuteRun) for task in world.queue.tasks):
        world.step(type(world.queue.tasks[0]))
    world.step(ExecuteRun)
    assert [task for task in world.queue.tasks if isinstance(task, ExecuteRun)] == [ExecuteRun(world.run().id)]
    world.app = other
    world.settle()
    assert world.run().state is RunState.PASSED
