"""Runs whose worker died or was restarted while their container went on: taken over and brought to their end."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bot.app import reclaiming, resuming, secrets
from bot.domain.runs import RunState
from bot.ports.queue import ExecuteRun, HandleDelivery
from bot.ports.sandbox import Exit
from tests.fakes.forge import HELLO
from tests.fakes.sandbox import Act
from tests.walks import SUITES, World

SCRIPT = "sh tests/run.sh"


class Late(threading.Event):
    """The process shall end after some questions."""

    asked = 0

    def is_set(self) -> bool:
        self.asked += 1
        return self.asked > 50


def left(world: World, output: bytes = b"first\n") -> None:
    """A run of which the worker's time to drain is over, while its container goes on."""
    world.sandbox.acts[SCRIPT] = Act(output=output, endless=True)
    world.shutdown = Late()
    world.push()
    world.step(HandleDelivery)
    world.step(ExecuteRun)
    assert world.run().state is RunState.RUNNING
    world.lose_hints()
    world.shutdown = threading.Event()


def taken_over(world: World) -> bool:
    """By the process that comes next: is there anything to go on with?"""
    world.app = replace(world.app, owner="here/1:b")
    found = reclaiming.take_over(world.app)
    for run in found:
        resuming.resume(world.app, run, world.shutdown)
    world.turn("reports")
    world.settle()
    return bool(found)


def test_a_run_that_was_left_goes_on_in_the_same_container_and_attempt(world: World) -> None:
    left(world)
    world.sandbox.acts["unit"] = Act(output=b"second\n")
    assert taken_over(world)
    assert (world.run().state, world.run().attempt) == (RunState.PASSED, 1)
    assert len(world.sandbox.jobs) == 1
    assert world.log() == b"first\nsecond\n"
    assert world.conclusions()["assay / unit"] == "success"
    assert world.sandbox.left == {}


def test_how_it_ended_meanwhile_is_its_verdict(world: World) -> None:
    left(world)
    world.sandbox.acts["unit"] = Act(output=b"broken\n", exit=Exit(code=3))
    taken_over(world)
    assert (world.run().state, world.run().exit_code, world.log()) == (RunState.FAILED, 3, b"first\nbroken\n")


def test_it_can_be_left_and_taken_over_many_times(world: World) -> None:
    left(world)
    for _ in range(3):
        world.shutdown = Late()
        assert taken_over(world)
        assert world.run().state is RunState.RUNNING
    world.shutdown = threading.Event()
    world.sandbox.acts["unit"] = Act(output=b"last\n")
    assert taken_over(world)
    assert (world.run().state, world.run().attempt, world.log()) == (RunState.PASSED, 1, b"first\nlast\n")


def test_the_worker_that_lost_it_can_write_nothing_any_more(world: World) -> None:
    left(world)
    before = world.run()
    world.app = replace(world.app, owner="here/1:b")
    reclaiming.take_over(world.app)
    assert not world.app.logs.append(before.id, before.fence, b"from the dead")
    with world.app.work() as work:
        assert work.runs.renew(before.id, before.fence, 60) is None


def test_its_time_out_counts_from_its_real_start(world: World) -> None:
    world.forge.suite_files[""] = SUITES.encode() + b"    timeout: 5m\n"
    left(world)
    world.sandbox.age = 300.0 - 0.1
    taken_over(world)
    assert world.run().state is RunState.TIMED_OUT


def test_without_its_container_it_is_started_again(world: World) -> None:
    left(world)
    world.sandbox.going_on.clear()
    world.sandbox.acts[SCRIPT] = Act(output=b"anew\n")
    assert not taken_over(world)
    assert (world.run().state, world.run().attempt) == (RunState.PASSED, 2)


def test_secrets_stay_hidden_although_they_were_changed_meanwhile(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.forge.suite_files[""] = SUITES.encode() + b"    secrets: [TOKEN]\n"
    with world.app.work() as work:
        repository = work.repositories.see(HELLO)
    secrets.set_secret(world.app, repository, "TOKEN", "hunter2hunter2", actor="ada")
    left(world, b"hunter2hun")
    secrets.set_secret(world.app, repository, "TOKEN", "quite-another", actor="ada")
    world.sandbox.acts["unit"] = Act(output=b"ter2 is the token\n")
    taken_over(world)
    assert world.log().endswith(b"*** is the token\n")
    assert b"hunter2" not in world.log()


def test_groups_keep_the_times_that_were_known(world: World) -> None:
    world.forge.suite_files[""] = b"suites: {unit: {image: busybox, run: [make, make test]}}"
    world.sandbox.acts["unit"] = Act(output=b"\x1e1:0\nmade\n\x1e2:0\ntested\n", endless=True)
    world.shutdown = Late()
    world.push()
    world.step(HandleDelivery)
    world.step(ExecuteRun)
    (first, second) = world.run().groups
    world.lose_hints()
    world.shutdown = threading.Event()
    world.sandbox.age = 100.0
    world.sandbox.acts["unit"] = Act(output=b"and more\n")
    taken_over(world)
    assert world.run().groups[0] == first
    assert second.seconds is None
    assert world.run().groups[1].seconds == pytest.approx(100.0, abs=5)
    assert world.log() == b"made\ntested\nand more\n"


def test_what_kills_its_worker_after_its_end_is_taken_over_once_and_then_begun_anew(world: World) -> None:
    left(world)
    run = world.run()
    job, act, output = world.sandbox.going_on[run.id, 1]
    world.sandbox.going_on[run.id, 1] = (job, replace(act, endless=False), output)
    assert [one.state for one in reclaiming.take_over(world.app)] == [RunState.FINALIZING]
    assert reclaiming.take_over(world.app) == []
    assert world.run().state is RunState.QUEUED
