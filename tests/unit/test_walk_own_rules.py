"""What is set for one repository has its effect there, within what the operator allows, and nowhere else."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app import ruling
from bot.app.context import Rules
from bot.domain.errors import BadInput
from bot.domain.own_rules import AS_EVERYWHERE, OwnRules
from bot.domain.refs import Repository
from bot.domain.suites import GIB, MIB, Limits, Network
from bot.domain.trust import ForkPolicy
from bot.settings import Settings
from tests.fakes.forge import HELLO, STAN, a_change
from tests.walks import ONE, World

WIDE = b"""
environments:
  wide: {image: busybox, cpus: 4, memory: 4GiB}
suites:
  unit:
    environment: wide
    run: sh tests/run.sh
    timeout: 2h
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path, ceiling=Limits(cpus=4.0, memory=8 * GIB))
    world.forge.suite_files[""] = WIDE
    return world


def repository(world: World) -> Repository:
    with world.app.work() as work:
        return work.repositories.see(HELLO)


def set_rules(world: World, **rules: str) -> OwnRules:
    return ruling.change(world.app, repository(world), rules, actor="ada")


def test_limits_of_a_repository_are_below_those_of_the_server(world: World) -> None:
    set_rules(world, memory_max="1GiB", cpus_max="1.5", timeout_max="10m", pids_max="64", log_limit="1MiB")
    world.push()
    world.settle()

    (job,) = world.sandbox.jobs
    assert (job.limits.memory, job.limits.cpus, job.limits.pids, job.limits.log) == (GIB, 1.5, 64, MIB)
    assert job.deadline == 600


def test_no_repository_gets_more_than_the_server_allows(world: World) -> None:
    set_rules(world, memory_max="1000GiB", cpus_max="64", timeout_max="30d", network_default="internet")
    world.app = replace(world.app, rules=replace(world.app.rules, network_trusted=Network.SERVICES))
    world.push()
    world.settle()

    (job,) = world.sandbox.jobs
    assert (job.limits.memory, job.limits.cpus, job.deadline) == (4 * GIB, 4.0, 7200)
    assert job.network is Network.SERVICES


def test_the_network_of_a_repository_is_tightened(world: World) -> None:
    set_rules(world, network_default="none")
    world.push()
    world.settle()

    assert [job.network for job in world.sandbox.jobs] == [Network.NONE]


@pytest.mark.parametrize(
    ("allowed", "ran"), [("busybox", 1), ("python:*,busybox*", 1), ("python:*", 0), ("**,!busybox", 0)]
)
def test_only_allowed_images_run(world: World, allowed: str, ran: int) -> None:
    set_rules(world, images_allowed=allowed)
    world.push()
    world.settle()

    assert len(world.sandbox.jobs) == ran
    assert ("not allowed in this repository" in world.titles()["assay / unit"]) is not bool(ran)


def test_the_operators_images_count_as_well(world: World) -> None:
    world.app = replace(world.app, rules=replace(world.app.rules, images=(("python:*",),)))
    set_rules(world, images_allowed="busybox")
    world.push()
    world.settle()

    assert world.sandbox.jobs == []


def test_a_fork_policy_of_its_own_lets_strangers_in(world: World) -> None:
    set_rules(world, fork_policy="never")
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()

    assert len(world.sandbox.jobs) == 1


def test_bare_commands_can_be_switched_off(world: World) -> None:
    world.open_change(a_change(7, ONE))
    world.settle()
    set_rules(world, bare_commands="false")
    world.say("/test")
    assert len(world.sandbox.jobs) == 1

    world.say("/assay test")
    assert len(world.sandbox.jobs) == 2


def test_other_repositories_are_as_everywhere(world: World) -> None:
    set_rules(world, memory_max="1GiB")
    world.forge.seen = replace(HELLO, forge_id=101, path="acme/other")
    world.push(repository=world.forge.seen)
    world.settle()

    assert [job.limits.memory for job in world.sandbox.jobs] == [4 * GIB]


def test_what_is_set_can_be_read_and_taken_back(world: World) -> None:
    set_rules(
        world, memory_max="1GiB", fork_policy="first-time", images_allowed="a, b", comments="false", cpus_max="0.5"
    )

    assert ruling.written(ruling.of(world.app, repository(world))) == {
        "fork_policy": "first-time",
        "comments": "false",
        "images_allowed": "a,b",
        "cpus_max": "0.5",
        "memory_max": str(GIB),
    }
    assert (
        set_rules(world, memory_max="", fork_policy="", images_allowed="", comments="", cpus_max="") == AS_EVERYWHERE
    )


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("memory", "1GiB", "did you mean memory_max"),
        ("lease", "1", "can't be set"),
        ("memory_max", "much", "no size"),
        ("memory_max", "1", "at least"),
        ("memory_max", "5parsec", "unknown unit"),
        ("cpus_max", "nan", "above 0"),
        ("cpus_max", "-1", "above 0"),
        ("fork_policy", "sometimes", "one of always"),
        ("network_forks", "all", "one of none"),
        ("comments", "maybe", "one of true"),
        ("images_allowed", "python:*,!", "images_allowed"),
    ],
)
def test_what_can_not_be_set_is_told_and_nothing_is_changed(world: World, name: str, text: str, words: str) -> None:
    set_rules(world, disk_max="1GiB")

    with pytest.raises(BadInput, match=words):
        set_rules(world, **{"pids_max": "100", name: text})

    assert ruling.written(ruling.of(world.app, repository(world))) == {"disk_max": str(GIB)}


def test_the_names_are_those_of_the_settings() -> None:
    assert set(ruling.NAMES) <= Settings.model_fields.keys()


limits = st.none() | st.integers(1, 1 << 50)


@given(
    st.builds(
        OwnRules,
        memory_max=limits,
        disk_max=limits,
        pids_max=limits,
        timeout_max=limits,
        log_limit=limits,
        artifact_limit=limits,
        network_default=st.none() | st.sampled_from(Network),
        network_forks=st.none() | st.sampled_from(Network),
        bare_commands=st.none() | st.booleans(),
        fork_policy=st.none() | st.sampled_from(ForkPolicy),
    )
)
def test_nothing_that_is_set_ever_widens_a_limit(own: OwnRules) -> None:
    all_, one = Rules(), Rules().under(own)
    order = list(Network)

    assert all(getattr(one.ceiling, item.name) <= getattr(all_.ceiling, item.name) for item in fields(Limits))
    assert (one.timeout_max, one.artifact_limit) <= (all_.timeout_max, all_.artifact_limit)
    assert order.index(one.network_trusted) <= order.index(all_.network_trusted)
    assert order.index(one.network_forks) <= order.index(all_.network_forks)
