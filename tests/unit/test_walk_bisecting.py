"""The commit that broke a branch is found by halves: by `/assay bisect`, or the button on a build's page."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.bisecting import BisectionState, Finding, Try, next_step, runs_left
from bot.domain.errors import ForgeUnavailable
from bot.domain.events import ActionAsked
from bot.domain.refs import Person, Sha
from bot.domain.runs import Cause, Reason, RunState
from bot.ports.sandbox import Exit
from tests.fakes.channel import FakeChannel
from tests.fakes.forge import ANA, HELLO, STAN
from tests.fakes.sandbox import Act
from tests.searches import (
    COMMITS,
    FILE,
    PUSHED,
    broken,
    build_of,
    failed,
    found,
    go_on,
    press,
    push,
    report,
    sandbox,
    search_world,
    searches,
    steps,
)
from tests.walks import World


@pytest.fixture
def team() -> FakeChannel:
    return FakeChannel()


@pytest.fixture
def world(tmp_path: Path, team: FakeChannel) -> World:
    return search_world(tmp_path, team)


@pytest.mark.parametrize("bad", [1, 4, 6, 11])
def test_the_commit_is_found_by_running_the_failed_test_at_half_a_handful_of_commits(world: World, bad: int) -> None:
    broken(world, bad)
    press(world)
    go_on(world)
    one = found(world)
    assert (one.state, one.first_bad, one.note) == (BisectionState.FOUND, COMMITS[bad], f"Commit {bad + 1}")
    assert one.author == "@Ana *Doe*"
    assert len(steps(world)) <= 4
    assert {job.script for job in world.sandbox.jobs} == {"some"}
    assert {job.env["ASSAY_TESTS"] for job in world.sandbox.jobs} == {"t::a"}
    assert sandbox(world).tried[0] == 5


def test_the_channels_that_heard_of_the_break_hear_who_did_it(world: World, team: FakeChannel) -> None:
    broken(world, 4)
    press(world)
    go_on(world)
    assert team.news == ["broke", "found"]
    told = team.heard[-1]
    assert told.title == "acme/hello main: 0000000 broke unit"
    assert told.text == "acme/hello main: 0000000 broke unit: Commit 5, by @Ana *Doe* (t::a fails)"
    assert (told.facts["author"], told.facts["tests"]) == ("@Ana *Doe*", ["t::a"])
    assert (told.facts["sha"], told.url) == (COMMITS[4], f"https://ci.example.org/b/{build_of(world).id}")


def test_a_search_shows_in_no_check_and_says_nothing_of_its_commits(world: World) -> None:
    broken(world, 4)
    before = len(world.forge.shown)
    press(world)
    go_on(world)
    newest = build_of(world)
    assert len(world.forge.shown) == before
    assert world.builds(COMMITS[5]) == []
    with world.app.work() as work:
        builds = [one for one in work.builds.recent(100) if one.cause is Cause.BISECT]
        assert [work.runs.of_commit(one.repository, one.sha) for one in builds] == [[]] * len(builds)
        assert work.builds.newest_push(builds[0].repository, "main") == newest
    push(world, 5)
    assert world.titles(COMMITS[5])["assay / unit"] == "1 test failed, also failing on main"


def test_commits_that_can_not_be_tested_are_left_out_and_the_channels_hear_which(
    world: World, team: FakeChannel
) -> None:
    no_report = Act(exit=Exit(code=2))
    broken(world, 7, {4: no_report, 5: no_report, 6: no_report})
    world.forge.suite_files[COMMITS[8]] = b"suites:\n  other: {image: box, run: 'true'}\n"
    press(world)
    go_on(world)
    one = found(world)
    assert (one.state, one.first_bad) == (BisectionState.UNCLEAR, None)
    assert one.note.startswith("one of 4 commits, of which the others can't be tested: ")
    assert one.untestable in ((), (COMMITS[8],))
    assert team.news == ["broke", "unclear"]
    assert team.heard[-1].text.startswith("acme/hello main: not found what broke unit: one of 4 commits, of which ")


def test_a_commit_without_the_suite_is_left_out_and_the_search_goes_on(world: World) -> None:
    broken(world, 3)
    world.forge.suite_files[COMMITS[5]] = b"suites:\n  other: {image: box, run: 'true'}\n"
    world.forge.suite_files[COMMITS[6]] = b"suites: nonsense"
    press(world)
    go_on(world)
    assert set(found(world).untestable) >= {COMMITS[5]}
    assert found(world).first_bad == COMMITS[3]


def test_other_failures_are_not_the_one_that_is_looked_for(world: World) -> None:
    other = Act(exit=Exit(code=1), files={"r.xml": report(a=True, b=False)})
    broken(world, 6, dict.fromkeys((2, 3, 4, 5), other))
    press(world)
    go_on(world)
    assert found(world).first_bad == COMMITS[6]


def test_what_pushes_have_shown_is_not_run_again(world: World) -> None:
    broken(world, 7)
    assert searches(world) == []
    push(world, 6)  # late, from somewhere else: it passes
    push(world, 7)
    sandbox(world).jobs.clear()
    press(world)
    assert found(world).first_bad == COMMITS[7]
    assert sandbox(world).tried == []


def test_without_a_way_to_select_tests_the_whole_suite_runs(world: World) -> None:
    world.forge.suite_files[""] = FILE.replace(b"retry: {select: some}, ", b"")
    broken(world, 9)
    press(world)
    go_on(world)
    assert found(world).first_bad == COMMITS[9]
    assert {job.script for job in world.sandbox.jobs} == {"all"}


def test_asked_twice_there_is_one_search(world: World) -> None:
    broken(world, 9)
    press(world)
    press(world)
    go_on(world)
    press(world)
    assert len(steps(world)) <= 4
    assert found(world).state is BisectionState.FOUND


def test_it_goes_on_after_hints_are_lost_and_the_forge_was_away(world: World) -> None:
    broken(world, 9)
    press(world)
    world.lose_hints()
    world.forge.trouble["read_file"] = [ForgeUnavailable("away") for _ in range(4)]
    world.turn("bisections")
    world.turn("bisections")
    world.turn("runs")
    world.settle()
    go_on(world)
    assert found(world).first_bad == COMMITS[9]


def test_whoever_cancels_a_step_ends_the_search(world: World) -> None:
    broken(world, 9)
    event = ActionAsked(
        repository=HELLO, sha=COMMITS[PUSHED], external_id=failed(world).id, identifier="bisect", sender=ANA
    )
    world.hear(event)
    world.step(type(world.queue.tasks[0]))
    (step,) = steps(world)
    assert step.state is RunState.QUEUED
    with world.app.work() as work:
        work.runs.save(step, step.stopped(Reason.USER, world.now, "ana"), "test")
    go_on(world)
    assert (found(world).state, found(world).note) == (BisectionState.STOPPED, "stopped by ana")


@pytest.mark.parametrize("by", [STAN, Person(77, "reader")])
def test_who_may_not_write_may_not_search(world: World, by: Person) -> None:
    broken(world, 4)
    press(world, by)
    assert searches(world) == []


COUNTED = [Sha(f"{number:040x}") for number in range(200)]


@given(st.integers(1, 200), st.data())
def test_halves_lead_to_the_first_bad_commit_in_few_steps(count: int, data: st.DataObject) -> None:
    commits = COUNTED[:count]
    bad = data.draw(st.integers(0, count - 1))
    odd = data.draw(st.sets(st.sampled_from(range(count)), max_size=5)) - {count - 1}
    known: dict[Sha, Finding] = {}
    while isinstance(step := next_step(commits, known), Try):
        assert step.sha not in known
        assert runs_left(commits, known) > 0
        place = commits.index(step.sha)
        known[step.sha] = Finding.UNTESTABLE if place in odd else Finding.BAD if place >= bad else Finding.GOOD
    assert len(known) <= count.bit_length() + len(odd)
    assert step.first_bad == commits[bad] or commits[bad] in step.suspects
