"""While a suite runs, its check and its page tell how many tests have ended, if its output tells it."""

from dataclasses import replace
from pathlib import Path

from bot.app import queries
from bot.app.queries import Viewer
from bot.domain.runs import Progress
from bot.ports.queue import SendReport
from bot.ports.sandbox import Exit
from tests.fakes.sandbox import Act
from tests.walks import ONE, TWO, World

FILE = b"suites:\n  unit: {image: box, run: all, reports: {junit: r.xml}}\n"
REPORT = b"<testsuite>" + b"".join(b"<testcase name='%d'/>" % number for number in range(4)) + b"</testsuite>"
MUCH = b"x" * (1 << 20) + b"\n"
"""That much is stored at once."""
SOME = Act(output=b"ok 1 - a\nnot ok 2 - b\n" + MUCH, exit=Exit(code=1), files={"r.xml": REPORT})


def a_world(folder: Path, output: bytes = SOME.output) -> World:
    """On `main` the suite has had four tests; then it prints that."""
    world = World(folder, count_pause=0.0)
    world.forge.suite_files[""] = FILE
    world.sandbox.acts["all"] = Act(files={"r.xml": REPORT})
    world.push(ONE)
    world.settle()
    world.sandbox.acts["all"] = Act(output=output, exit=SOME.exit, files=SOME.files)
    return world


def seen_before_the_end(world: World) -> list[str]:
    """The titles of both checks that people see while the suite of TWO is about to end."""
    titles: list[str] = []

    def look() -> None:
        while any(isinstance(task, SendReport) for task in world.queue.tasks):
            world.step(SendReport)
        titles.extend(world.titles(TWO)[name] for name in ("assay", "assay / unit"))

    world.sandbox.on_end = look
    world.push(TWO)
    world.settle()
    return titles


def test_the_check_of_the_suite_counts_beside_what_the_branch_had(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    whole, unit = seen_before_the_end(world)
    assert whole.startswith("0 of 1 done")
    assert unit.startswith("Running: 2 of about 4 tests, 1 failed")
    assert world.run(2).progress is None
    assert "Running" not in world.titles(TWO)["assay / unit"]


def test_without_a_tool_that_tells_it_there_is_no_count(tmp_path: Path) -> None:
    world = a_world(tmp_path, b"all is well\n" + MUCH)
    assert seen_before_the_end(world)[1].startswith("Running: all")


def test_the_page_and_the_api_count_too(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    views: list[queries.RunView] = []
    world.sandbox.on_end = lambda: views.append(queries.run(world.app, Viewer(), world.run(2).id))
    world.push(TWO)
    world.settle()
    assert [view.run.progress for view in views] == [Progress(done=2, failed=1)]
    assert [view.outlook.tests for view in views] == [4]


def test_a_short_suite_costs_no_write_for_its_count(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    world.app = replace(world.app, rules=replace(world.app.rules, count_pause=30.0))
    assert seen_before_the_end(world)[1].startswith("Running: all")
