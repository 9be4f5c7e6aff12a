"""A branch that somebody broke, commit by commit: what the walks about searches begin with."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from bot.domain.bisecting import Bisection, BisectionState
from bot.domain.events import ActionAsked
from bot.domain.refs import Person, Sha
from bot.domain.runs import Build, Run
from bot.ports.sandbox import Exit, Job
from tests.fakes.channel import FakeChannel
from tests.fakes.forge import ANA, HELLO
from tests.fakes.sandbox import Act, FakeSandbox
from tests.walks import World

FILE = b"""suites:
  unit: {image: box, run: "all", needs: [lint], retry: {select: some}, reports: {junit: r.xml}}
  lint: {image: box, run: "lint"}
notify:
  - {channel: team}
"""
COMMITS = [Sha(f"{number:040x}") for number in range(1, 13)]
"""The first was pushed and passed; the last was pushed and failed, and brought all others."""
PUSHED = 11
"""The place of the last one."""


def report(**tests: bool) -> bytes:
    cases = "".join(
        f'<testcase classname="t" name="{name}">{"" if passes else "<failure/>"}</testcase>'
        for name, passes in tests.items()
    )
    return f"<testsuite>{cases}</testsuite>".encode()


class ByCommit(FakeSandbox):
    """What a suite does depends on the commit."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.at: Mapping[Sha, Act] = {}

    def run(self, job: Job, **how: Callable[..., object]) -> Exit:
        if job.env["ASSAY_SUITE"] == "unit":
            self.acts[job.script] = self.at.get(Sha(job.env["ASSAY_COMMIT"]), Act())
        return super().run(job, **how)  # type: ignore[arg-type]  # as above

    @property
    def tried(self) -> list[int]:
        """The places of the commits that the suite ran at."""
        return [COMMITS.index(Sha(job.env["ASSAY_COMMIT"])) for job in self.jobs if job.env["ASSAY_SUITE"] == "unit"]


def search_world(folder: Path, team: FakeChannel) -> World:
    world = World(folder)
    world.sandbox = ByCommit(folder / "places")
    world.app = replace(world.app, channels={"team": team}, sandbox=world.sandbox)
    world.forge.suite_files[""] = FILE
    for before, sha in zip([None, *COMMITS], COMMITS, strict=False):
        world.source.add(sha, {"code.txt": sha}, before)
        world.forge.messages[sha] = f"Commit {int(sha, 16)}\n\nmore"
        world.forge.authors[sha] = "@Ana *Doe*"
    return world


def sandbox(world: World) -> ByCommit:
    assert isinstance(world.sandbox, ByCommit)
    return world.sandbox


def broken(world: World, bad: int, odd: Mapping[int, Act] | None = None) -> World:
    """`a` fails from that commit on; `odd`: commits where something else happens."""
    sandbox(world).at = {
        sha: (odd or {}).get(
            place, Act(exit=Exit(code=int(place >= bad)), files={"r.xml": report(a=place < bad, b=True)})
        )
        for place, sha in enumerate(COMMITS)
    }
    for place in (0, PUSHED):
        push(world, place)
    sandbox(world).jobs.clear()
    return world


def push(world: World, place: int) -> None:
    parents = dict(world.source.parents)
    world.push(COMMITS[place])
    world.source.parents = parents
    world.settle()


def go_on(world: World) -> None:
    turns = 0
    while found(world).state is BisectionState.RUNNING:
        world.turn("bisections")
        world.settle()
        turns += 1
        assert turns < 30, "it does not end"


def build_of(world: World) -> Build:
    return world.builds(COMMITS[PUSHED])[0]


def failed(world: World) -> Run:
    return next(run for run in world.runs(build_of(world).id) if run.suite.name == "unit")


def press(world: World, by: Person = ANA) -> None:
    event = ActionAsked(
        repository=HELLO, sha=COMMITS[PUSHED], external_id=failed(world).id, identifier="bisect", sender=by
    )
    world.hear(event)
    world.settle()


def found(world: World) -> Bisection:
    (one,) = searches(world)
    return one


def searches(world: World) -> list[Bisection]:
    number = build_of(world).id
    with world.app.work() as work:
        return list(work.bisections.of_build(number))


def steps(world: World) -> list[Run]:
    number = found(world).id
    with world.app.work() as work:
        return list(work.bisections.runs(number))
