"""The demo's repository with a past has what its pages are to show."""

from pathlib import Path

import pytest

from bot.app import histories, overviews
from bot.app.queries import ANYBODY
from bot.demo import history
from bot.domain.refs import ForgeName
from tests.walks import World

GITHUB = ForgeName("github")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    history.seed(world.app, GITHUB, "http://forge.test")
    return world


def test_it_has_a_trend_flaky_and_known_failures(world: World) -> None:
    shown = overviews.repository(world.app, ANYBODY, GITHUB, history.PATH, limit=history.BUILDS + 1)
    assert len(shown.builds) == history.BUILDS
    assert {view.word for view in shown.trend.builds} == {"passed", "failed"}
    flaky = histories.flaky_of(world.app, shown.repository, 14).tests
    assert {one.name for one in flaky} == set(history.FLAKY)
    with world.app.work() as work:
        last = work.results.of_run(shown.builds[0].runs[0].id)
    assert last
    assert last.known == 1


def test_seeding_again_changes_nothing(world: World) -> None:
    history.seed(world.app, GITHUB, "http://forge.test")
    shown = overviews.repository(world.app, ANYBODY, GITHUB, history.PATH, limit=history.BUILDS + 1)
    assert len(shown.builds) == history.BUILDS
