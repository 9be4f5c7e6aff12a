"""Runs for repositories without a forge: ordered over the API, seen here alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.forge_git import GitRepositories
from bot.app import queries, requesting
from bot.app.queries import ANYBODY, Viewer
from bot.app.requesting import NotPossible, Order
from bot.domain.errors import Gone, SourceRefused
from bot.domain.plain import allowed_of
from bot.domain.runs import BuildId, Reason, RunState, Trust
from bot.domain.tokens import Scope
from tests.fakes.channel import FakeChannel
from tests.walks import ONE, World

URL = "https://git.example.org/team/thing.git"
FILE = """suites: {unit: {image: busybox, run: "true"}}
notify: [{channel: team, send: all}]
"""
ROBOT = Viewer(token="t", name="robot", scopes=frozenset({Scope.READ, Scope.WRITE}))


@pytest.fixture
def team() -> FakeChannel:
    return FakeChannel()


@pytest.fixture
def world(tmp_path: Path, team: FakeChannel) -> World:
    world = World(tmp_path)
    world.source.add(ONE, {".assay.yml": FILE})
    world.source.refs["refs/heads/main"] = ONE
    allow(world, "https://git.example.org/team/*")
    world.app = replace(world.app, channels={"team": team})
    return world


def allow(world: World, *patterns: str) -> None:
    world.app = replace(world.app, plain=GitRepositories(allowed_of(patterns), world.source))


def order(repository: str = URL) -> Order:
    return Order(repository=repository, sha=None, ref="", suites=())


def test_its_own_suite_file_is_run_and_its_channels_hear_of_it(world: World, team: FakeChannel) -> None:
    requesting.start(world.app, ROBOT, order(), None)
    world.settle()
    (run,) = world.runs()
    assert (run.state, run.trust, run.sha) == (RunState.PASSED, Trust.TRUSTED, ONE)
    assert team.news == ["passed"]
    assert world.forge.shown == {}
    assert [wanted.refs for wanted in world.source.checkouts] == [("refs/heads/main",)]


def test_the_same_order_again_is_of_the_same_repository(world: World) -> None:
    first = requesting.start(world.app, ROBOT, order(), None)
    for name in (
        "https://git.example.org/team/thing",
        "git:git.example.org/team/thing",
        "git.example.org/team/thing",
    ):
        again = requesting.start(world.app, ROBOT, order(name), None)
        assert again.build != first.build
    with world.app.work() as work:
        assert len({build.repository for build in work.builds.recent(10, public_only=False)}) == 1


def test_it_is_there_for_those_alone_that_may_see_everything(world: World) -> None:
    requesting.start(world.app, ROBOT, order(), None)
    for viewer in (ANYBODY, replace(ROBOT, scopes=frozenset({Scope.WRITE}))):
        with pytest.raises(Gone):
            queries.build(world.app, viewer, BuildId(1))
    world.source.fault = AssertionError("nobody asks for this one")
    with pytest.raises(Gone):
        requesting.start(world.app, replace(ROBOT, scopes=frozenset({Scope.WRITE})), order(), None)


@pytest.mark.parametrize("url", ["https://evil.example/a", "file:///etc", "ext::sh", "https://git.example.org/a"])
def test_what_is_not_allowed_is_refused_before_anything_is_asked(world: World, url: str) -> None:
    world.source.fault = AssertionError("nobody asks for this one")
    with pytest.raises((NotPossible, Gone)):
        requesting.start(world.app, ROBOT, order(url), None)
    world.app = replace(world.app, plain=None)
    with pytest.raises((NotPossible, Gone)):
        requesting.start(world.app, ROBOT, order(), None)


def test_what_is_no_longer_allowed_when_its_turn_comes_does_not_run(world: World) -> None:
    requesting.start(world.app, ROBOT, order(), None)
    world.source.mirrored.clear()
    allow(world, "https://git.example.org/other/*")
    world.settle()
    assert world.run().state is RunState.ERRORED


def test_a_repository_that_does_not_answer_as_one_is_the_callers_business(world: World) -> None:
    world.source.fault = SourceRefused("it is gone")
    with pytest.raises(NotPossible, match="it is gone"):
        requesting.start(world.app, ROBOT, order(), None)


def test_it_can_be_run_again_and_ended(world: World) -> None:
    requesting.start(world.app, ROBOT, order(), None)
    world.settle()
    granted = requesting.retest(world.app, ROBOT, world.run().id)
    requesting.cancel_build(world.app, ROBOT, granted.build)
    world.settle()
    assert (world.run(2).state, world.run(2).reason) == (RunState.CANCELLED, Reason.USER)
