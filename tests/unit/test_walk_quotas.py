"""Quotas: what one repository or one stranger may have at once; the rest waits, or is refused with the reason."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from bot.app import approving, listing, presence, queries, ruling
from bot.app.queries import Viewer
from bot.domain.errors import BadInput
from bot.domain.quotas import Quotas
from bot.domain.refs import Person, Sha
from bot.domain.runs import BuildId, Reason, Run, RunState
from bot.ports.queue import ExecuteRun, HandleDelivery
from tests.fakes.forge import ANA, HELLO, STAN, a_change
from tests.walks import ONE, TWO, World

THREE = Sha("3" * 40)
MANY = b"suites:\n  a: {image: busybox, run: a}\n  b: {image: busybox, run: b}\n  c: {image: busybox, run: c}\n"


def bound(world: World, **quotas: int) -> None:
    world.app = replace(world.app, rules=replace(world.app.rules, quotas=Quotas(**quotas)))


def states(world: World, build: int = 1) -> list[RunState]:
    return [run.state for run in world.runs(build)]


def claim(world: World, run: Run) -> None:
    """Another worker takes it."""
    with world.app.work() as work:
        assert work.runs.claim(run.id, "elsewhere/1:a", 60)


@contextmanager
def counted_statements(world: World) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    sa.event.listen(world.engine, "before_cursor_execute", note)
    yield statements
    sa.event.remove(world.engine, "before_cursor_execute", note)


def a_strangers(world: World, number: int, head: Sha, author: Person = STAN) -> None:
    world.open_change(a_change(number, head, author=author, fork=True), sender=author)
    world.settle()


def test_what_a_quota_holds_waits_and_starts_when_there_is_room(world: World) -> None:
    world.forge.suite_files[""] = MANY
    bound(world, runs_max=1)
    world.push()
    world.step(HandleDelivery)
    first, *others = world.runs()
    claim(world, first)
    world.settle()
    assert states(world) == [RunState.PREPARING, RunState.QUEUED, RunState.QUEUED]
    assert world.sandbox.jobs == []

    with world.app.work() as work:
        held = work.runs.get(first.id)
        work.runs.save(held, held.ended(RunState.PASSED, None, world.app.now()), "elsewhere/1:a")
    world.turn("runs")
    world.settle()
    assert [one.state for one in (world.runs()[1], world.runs()[2])] == [RunState.PASSED] * len(others)


def test_the_end_of_a_run_lets_the_next_start_without_waiting_for_a_turn_of_the_upkeep(world: World) -> None:
    world.forge.suite_files[""] = MANY
    bound(world, runs_max=1)
    world.push()
    world.step(HandleDelivery)
    world.lose_hints()
    world.queue.send(ExecuteRun(world.runs()[0].id))
    world.settle()
    assert states(world) == [RunState.PASSED] * 3


def test_no_hints_are_sent_for_what_a_quota_holds(world: World) -> None:
    world.forge.suite_files[""] = MANY
    bound(world, runs_max=1)
    world.push()
    world.step(HandleDelivery)
    claim(world, world.runs()[0])
    world.lose_hints()
    assert world.turn("runs") == 0


def test_page_and_queue_say_which_quota_holds_a_run(world: World) -> None:
    world.forge.suite_files[""] = MANY
    bound(world, runs_max=1)
    world.push()
    world.step(HandleDelivery)
    first, second, _ = world.runs()
    claim(world, first)
    length, waiting = listing.queue(world.app, Viewer(), 9)
    page = queries.suite(world.app, Viewer(), BuildId(1), "b", second.id)
    words = "this repository has 1 running, as many as it may"
    assert (length, [one.run.waits for one in waiting], page.run.waits) == (2, [words, words], words)
    assert queries.run(world.app, Viewer(), first.id).run.waits == ""


def test_a_repositorys_own_quota_is_below_the_servers(world: World) -> None:
    world.forge.suite_files[""] = MANY
    bound(world, runs_max=2)
    world.push()
    world.step(HandleDelivery)
    first, second, _ = world.runs()
    with world.app.work() as work:
        repository = work.repositories.get(first.repository)
    ruling.change(world.app, repository, {"runs_max": "1"}, actor="ada")
    claim(world, first)
    world.settle()
    assert world.runs()[1].state is RunState.QUEUED
    assert queries.run(world.app, Viewer(), second.id).run.waits.startswith("this repository has 1 running")


def test_a_stranger_runs_as_many_as_the_quota_allows(world: World) -> None:
    world.forge.suite_files[""] = MANY
    bound(world, stranger_runs_max=2)
    a_strangers(world, 7, ONE)
    approving.approve(world.app, BuildId(1), actor="ana")
    first, second, third = world.runs()
    claim(world, first)
    claim(world, second)
    world.settle()
    assert world.runs()[2].state is RunState.QUEUED
    held = queries.run(world.app, Viewer(), third.id).run.waits
    assert held == "its author has 2 running here, as many as a stranger may"


def test_a_build_that_would_make_the_queue_too_long_is_refused_as_a_whole_and_says_so(world: World) -> None:
    world.forge.suite_files[""] = MANY
    bound(world, queue_max=4)
    world.push()
    world.step(HandleDelivery)
    world.push(TWO, branch="other")
    world.step(HandleDelivery)
    assert [run.reason for run in world.runs(2)] == [Reason.QUOTA] * 3
    world.settle()
    title = "Could not run: 3 runs of this repository wait already and 3 would come, but at most 4 may wait"
    assert world.titles(TWO)["assay / a"] == title
    assert world.conclusions(TWO)["assay"] == "failure"
    assert world.titles(ONE)["assay / a"].startswith("Passed")


@pytest.mark.parametrize("stranger", [False, True])
def test_what_holds_the_runs_of_a_build_is_looked_up_once_however_many_there_are(
    world: World, stranger: bool
) -> None:
    bound(world, runs_max=1, stranger_runs_max=1)
    asked = []
    for number, cells in enumerate((2, 30), 1):
        values = ", ".join(f"v{one}" for one in range(cells))
        file = f"suites: {{unit: {{image: box, run: x, matrix: {{v: [{values}]}}}}}}"
        world.forge.suite_files[""] = file.encode()
        author = STAN if stranger else ANA
        world.open_change(a_change(number, Sha(str(number) * 40), author=author, fork=stranger), sender=author)
        world.step(HandleDelivery)
        world.lose_hints()
        if stranger:
            approving.approve(world.app, BuildId(number), actor="ana")
        with world.app.work() as work, counted_statements(world) as statements:
            shown = presence.with_waits(world.app, work, work.runs.of_build(BuildId(number)))
        asked.append(len(statements))
        assert [run.state for run in shown] == [RunState.QUEUED] * cells
    assert asked[0] == asked[1]


def test_what_was_refused_runs_when_somebody_asks_for_it_later(world: World) -> None:
    world.forge.suite_files[""] = MANY
    bound(world, queue_max=4)
    world.push(TWO, branch="other")
    world.step(HandleDelivery)
    world.open_change(a_change(7, ONE))
    world.step(HandleDelivery)
    assert {run.reason for run in world.runs(2)} == {Reason.QUOTA}
    world.settle()
    world.say("/retest")
    assert states(world, 3) == [RunState.PASSED] * 3


def test_a_strangers_runs_count_against_the_strangers_quota_while_they_wait_for_approval(world: World) -> None:
    world.forge.suite_files[""] = MANY
    bound(world, stranger_queue_max=5)
    another = Person(78, "sam")
    a_strangers(world, 7, ONE)
    a_strangers(world, 8, TWO)
    a_strangers(world, 9, THREE, another)
    assert states(world, 1) == [RunState.AWAITING_APPROVAL] * 3
    assert {run.reason for run in world.runs(2)} == {Reason.QUOTA}
    assert states(world, 3) == [RunState.AWAITING_APPROVAL] * 3
    assert "of this author" in world.titles(TWO)["assay / a"]


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_a_quota_is_a_number_above_nothing(world: World, text: str) -> None:
    with world.app.work() as work:
        repository = work.repositories.see(HELLO)
    with pytest.raises(BadInput, match="queue_max: a number above 0"):
        ruling.change(world.app, repository, {"queue_max": text}, actor="ada")


def test_builds_that_wait_are_looked_at_one_by_one_only_by_those_who_may_approve_them(world: World) -> None:
    asked = {STAN: list[int](), ANA: list[int]()}
    for number in (1, 2, 3):
        a_strangers(world, number, Sha(str(number) * 40))
        for person, counts in asked.items():
            viewer = Viewer(name=person.login, forge=HELLO.forge, person=person)
            with counted_statements(world) as statements:
                found = listing.approvals(world.app, viewer)
            counts.append(len(statements))
            assert [one.build.change for one in found] == (list(range(1, number + 1)) if person == ANA else [])
    assert len(set(asked[STAN])) == 1
    assert len(set(asked[ANA])) == 3
