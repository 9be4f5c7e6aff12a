"""The commit that broke a registered suite is found with the version that failed, whatever suite files say."""

from pathlib import Path

import pytest

from bot.app import cataloguing, requesting
from bot.app.catalog import Draft
from bot.app.queries import Viewer
from bot.app.requesting import Conflict, Order
from bot.domain.bisecting import Bisection, BisectionState
from bot.domain.catalog import Entry, Kind
from bot.domain.refs import Sha
from bot.domain.runs import Run, RunState
from bot.domain.tokens import Scope
from bot.ports.sandbox import Exit
from tests.fakes.channel import FakeChannel
from tests.fakes.sandbox import Act
from tests.searches import COMMITS, sandbox, search_world
from tests.walks import World

ROBOT = Viewer(token="t", name="robot", scopes=frozenset({Scope.READ, Scope.WRITE, Scope.SUITES}))
SUITE = {"suite": {"image": "box", "run": "nightly"}}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = search_world(tmp_path, FakeChannel())
    world.forge.suite_files.clear()
    return world


def register(world: World) -> Entry:
    return cataloguing.register(world.app, ROBOT, Kind.SUITE, Draft("unit", SUITE))


def order(world: World, suite: Entry, place: int) -> Run:
    asked = Order(repository="acme/hello", sha=COMMITS[place], ref="main", suites=(), suite_id=suite.id)
    build = requesting.start(world.app, ROBOT, asked, None).build
    world.settle()
    (run,) = world.runs(build)
    return run


def breaks_at(world: World, bad: int) -> None:
    sandbox(world).at = {sha: Act(exit=Exit(code=int(place >= bad))) for place, sha in enumerate(COMMITS)}


def search(world: World, run: Run) -> Bisection:
    requesting.bisect(world.app, ROBOT, run.id)
    world.settle()
    for _ in range(30):
        with world.app.work() as work:
            (found,) = work.bisections.of_build(run.build)
        if found.state is not BisectionState.RUNNING:
            return found
        world.turn("bisections")
        world.settle()
    raise AssertionError("it does not end")


@pytest.mark.parametrize("bad", [1, 5, 11])
def test_it_runs_the_version_that_failed_at_half_a_handful_of_commits(world: World, bad: int) -> None:
    breaks_at(world, bad)
    suite = register(world)
    order(world, suite, 0)
    failed = order(world, suite, 11)
    changed = {"suite": {"image": "box", "run": "something else"}}
    cataloguing.change(world.app, ROBOT, Kind.SUITE, suite.id, suite.version, Draft("unit", changed))
    sandbox(world).jobs.clear()
    found = search(world, failed)
    assert (found.state, found.first_bad) == (BisectionState.FOUND, COMMITS[bad])
    assert {job.script for job in sandbox(world).jobs} == {"nightly"}
    assert len(sandbox(world).jobs) <= 4


def test_what_was_ordered_before_is_not_run_again(world: World) -> None:
    breaks_at(world, 6)
    suite = register(world)
    for place in (0, 5, 6):
        order(world, suite, place)
    failed = order(world, suite, 11)
    sandbox(world).jobs.clear()
    found = search(world, failed)
    assert (found.first_bad, sandbox(world).jobs) == (COMMITS[6], [])


def test_a_pass_of_another_version_is_none(world: World) -> None:
    breaks_at(world, 6)
    suite = register(world)
    order(world, suite, 0)
    again = Draft("unit", {"suite": {"image": "box", "run": "other"}})
    cataloguing.change(world.app, ROBOT, Kind.SUITE, suite.id, suite.version, again)
    failed = order(world, suite, 11)
    assert failed.state is RunState.FAILED
    with pytest.raises(Conflict, match="never passed on main"):
        requesting.bisect(world.app, ROBOT, failed.id)


def test_a_commit_that_does_not_come_after_the_pass_is_no_place_to_search(world: World) -> None:
    suite, aside = register(world), Sha("f" * 40)
    world.source.add(aside, {"code.txt": "aside"}, None)
    world.forge.messages[aside] = "Aside"
    breaks_at(world, 0)
    sandbox(world).at = {**sandbox(world).at, aside: Act()}
    asked = Order(repository="acme/hello", sha=aside, ref="main", suites=(), suite_id=suite.id)
    requesting.start(world.app, ROBOT, asked, None)
    world.settle()
    failed = order(world, suite, 11)
    with pytest.raises(Conflict, match="no history in common"):
        requesting.bisect(world.app, ROBOT, failed.id)
