"""A change whose suites can be talked about: what the walks about comments begin with."""

from bot.domain.refs import Person
from bot.ports.sandbox import Exit
from tests.fakes.forge import STAN, a_change
from tests.fakes.sandbox import Act
from tests.walks import ONE, World

RITA = Person(3, "rita")
FILE = b"""suites:
  good: {image: busybox, run: 'true'}
  bad: {image: busybox, run: 'exit 1'}
  spare: {image: busybox, run: 'maybe', allow_failure: true}
pull_requests: {comment: never}
"""


def build(world: World) -> World:
    """A trusted change whose suites have ended: good and spare passed, bad failed."""
    world.forge.suite_files[""] = FILE
    world.sandbox.acts["exit 1"] = Act(exit=Exit(code=1))
    world.open_change(a_change(7, ONE))
    world.settle()
    world.sandbox.jobs.clear()
    return world


def wait(world: World) -> World:
    """A stranger's change from a fork that waits for approval."""
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()
    return world


def ran(world: World) -> list[str]:
    """The names of the suites that were started."""
    return sorted(job.env["ASSAY_SUITE"] for job in world.sandbox.jobs)


def last_reply(world: World) -> str:
    return list(world.forge.replies.values())[-1]
