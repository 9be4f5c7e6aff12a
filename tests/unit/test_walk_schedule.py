"""Suites that run at times: once for each, on the default branch's head, whatever dies or is late."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.app import suitefile
from bot.domain.errors import ForgeUnavailable, NotAllowed
from bot.domain.runs import Cause, RunState
from bot.domain.suites import Schedule
from bot.ports.queue import ExecuteRun
from tests.fakes.forge import HELLO, a_change
from tests.walks import ONE, TWO, World

FILE = """suites:
  unit: {image: busybox, run: 'true'}
  nightly: {image: busybox, run: 'all', when: {events: [schedule], schedule: "0 3 * * *"}}
"""


def at(world: World, text: str) -> None:
    world.now = datetime.fromisoformat(f"2026-{text}:00").replace(tzinfo=UTC)


def begin(world: World, file: str = FILE) -> None:
    """The file is on main, at noon of the first of May."""
    at(world, "05-01T12:00")
    world.forge.suite_files[""] = file.encode()
    world.forge.refs["main"] = ONE
    world.push(ONE)
    world.settle()


def fire(world: World) -> int:
    count = world.turn("schedule")
    world.settle()
    return count


def scheduled(world: World, sha: str = ONE) -> list[list[str]]:
    """The suites of each build that a schedule started, oldest first."""
    builds = [one for one in world.builds(sha) if one.cause is Cause.SCHEDULE]  # type: ignore[arg-type]  # a plain text stands for a sha
    return [[run.suite.name for run in world.runs(one.id)] for one in reversed(builds)]


def test_a_time_that_has_come_starts_the_suite_on_the_default_branchs_head(world: World) -> None:
    begin(world)
    world.forge.refs["main"] = TWO
    world.source.add(TWO, {})
    at(world, "05-02T02:59")
    assert fire(world) == 0
    at(world, "05-02T03:00")
    assert fire(world) == 1
    assert scheduled(world, TWO) == [["nightly"]]
    assert world.conclusions(TWO) == {"assay": "success", "assay / nightly": "success"}
    assert world.builds(TWO)[0].sender == "schedule"


def test_a_time_starts_one_build_however_often_one_looks(world: World) -> None:
    begin(world)
    at(world, "05-02T03:00")
    assert [fire(world), fire(world), fire(world)] == [1, 0, 0]
    at(world, "05-03T03:00")
    assert fire(world) == 1
    assert scheduled(world) == [["nightly"], ["nightly"]]


def test_a_process_that_dies_after_the_start_leaves_one_build_also_when_the_branch_moves(world: World) -> None:
    begin(world)
    at(world, "05-02T03:00")
    with world.app.work() as work:
        repository = work.repositories.see(HELLO).id
        before = work.schedules.of_repository(repository)
    assert fire(world) == 1
    with world.app.work() as work:
        work.schedules.replace(repository, before)
    world.forge.refs["main"] = TWO
    assert fire(world) == 0
    assert (scheduled(world), scheduled(world, TWO)) == ([["nightly"]], [])


def test_times_missed_while_the_server_was_down_are_made_up_for_once(world: World) -> None:
    begin(world)
    at(world, "05-09T17:20")
    assert [fire(world), fire(world)] == [1, 0]
    at(world, "05-10T03:00")
    assert fire(world) == 1


def test_suites_of_one_time_make_one_build_in_which_their_needs_count(world: World) -> None:
    begin(
        world,
        "suites:\n"
        '  first: {image: busybox, run: a, when: {events: [schedule], schedule: "0 3 * * *"}}\n'
        '  second: {image: busybox, run: b, needs: [first], when: {events: [schedule], schedule: "0 3 * * *"}}\n'
        '  other: {image: busybox, run: c, when: {events: [schedule], schedule: "0 4 * * *"}}\n',
    )
    at(world, "05-02T03:00")
    assert fire(world) == 1
    assert scheduled(world) == [["first", "second"]]
    at(world, "05-02T04:00")
    assert fire(world) == 1
    assert scheduled(world) == [["first", "second"], ["other"]]


def test_what_has_run_on_the_commit_before_runs_again(world: World) -> None:
    begin(world, FILE.replace("[schedule]", "[push, schedule]"))
    at(world, "05-02T03:00")
    fire(world)
    assert [job.env["ASSAY_SUITE"] for job in world.sandbox.jobs] == ["unit", "nightly", "nightly"]


def test_what_still_runs_from_the_time_before_is_not_started_again(world: World) -> None:
    begin(world)
    at(world, "05-02T03:00")
    world.turn("schedule")
    world.queue.tasks = type(world.queue.tasks)(one for one in world.queue.tasks if not isinstance(one, ExecuteRun))
    at(world, "05-03T03:00")
    assert world.turn("schedule") == 0
    (build,) = (one for one in world.builds() if one.cause is Cause.SCHEDULE)
    assert world.run(build.id).state is RunState.QUEUED


def test_skip_ci_and_path_filters_do_not_hold_a_schedule_up(world: World) -> None:
    world.forge.messages[ONE] = "docs [skip ci]"
    begin(world, FILE.replace('"0 3 * * *"', '"0 3 * * *", paths: ["src/**"]'))
    at(world, "05-02T03:00")
    fire(world)
    assert scheduled(world) == [["nightly"]]


def test_a_suite_whose_branches_leave_the_default_branch_out_has_no_times(world: World) -> None:
    begin(world, FILE.replace('"0 3 * * *"', '"0 3 * * *", branches: [release]'))
    at(world, "05-09T03:00")
    assert fire(world) == 0


def test_a_schedule_counts_from_the_push_that_brings_it_and_ends_with_the_one_that_takes_it(world: World) -> None:
    begin(world)
    world.forge.suite_files[TWO] = FILE.replace("0 3", "0 5").encode()
    world.forge.refs["main"] = TWO
    at(world, "05-01T12:30")
    world.push(TWO)
    world.settle()
    at(world, "05-02T03:00")
    assert fire(world) == 0
    at(world, "05-02T05:00")
    assert fire(world) == 1
    world.forge.suite_files[TWO] = b"suites: {unit: {image: busybox, run: 'true'}}"
    world.push(TWO, message="again", tag=None)
    world.settle()
    at(world, "05-03T05:00")
    assert fire(world) == 0


def test_another_branch_and_a_change_have_no_say_in_the_schedule(world: World) -> None:
    begin(world)
    world.forge.suite_files[TWO] = FILE.replace("0 3", "0 1").encode()
    world.push(TWO, branch="topic")
    world.open_change(a_change(7, TWO))
    world.settle()
    at(world, "05-02T01:00")
    assert fire(world) == 0
    at(world, "05-02T03:00")
    assert fire(world) == 1


def test_a_late_delivery_of_an_older_push_does_not_bring_its_schedule_back(world: World) -> None:
    begin(world)
    world.forge.refs["main"] = TWO
    world.forge.suite_files[TWO] = b"suites: {unit: {image: busybox, run: 'true'}}"
    world.push(TWO)
    world.push(ONE, message="late")
    world.settle()
    at(world, "05-02T03:00")
    assert fire(world) == 0


def test_a_push_with_an_invalid_file_leaves_the_schedule_and_starts_nothing_until_it_is_mended(world: World) -> None:
    begin(world)
    world.forge.suite_files[TWO] = b"suites: nonsense"
    world.forge.refs["main"] = TWO
    world.push(TWO)
    world.settle()
    at(world, "05-02T03:00")
    assert fire(world) == 0
    world.forge.suite_files[TWO] = FILE.encode()
    at(world, "05-03T03:00")
    assert fire(world) == 1


def test_a_repository_that_we_may_not_see_any_more_runs_nothing_and_leaves_that_time_out(world: World) -> None:
    begin(world)
    at(world, "05-02T03:00")
    world.forge.trouble["commit"] = [NotAllowed("the App was uninstalled")]
    assert [fire(world), fire(world)] == [0, 0]
    at(world, "05-03T03:00")
    assert fire(world) == 1


def test_a_forge_that_is_down_is_asked_again_and_the_run_comes_late(world: World) -> None:
    begin(world)
    at(world, "05-02T03:00")
    world.forge.trouble["commit"] = [ForgeUnavailable("down")]
    assert [fire(world), fire(world), fire(world)] == [0, 1, 0]


def test_a_repository_that_somebody_plans_at_this_moment_waits_for_its_turn(world: World) -> None:
    begin(world)
    at(world, "05-02T03:00")
    with world.app.work() as work:
        number = work.repositories.see(HELLO).id
        assert work.leases.take(f"schedule:{number}", "another process", 60)
    assert fire(world) == 0
    with world.app.work() as work:
        work.leases.take(f"schedule:{number}", "another process", 0)
    assert fire(world) == 1


def test_a_default_branch_of_another_name_is_the_one_that_counts(world: World) -> None:
    world.forge.seen = replace(HELLO, default_branch="trunk")
    at(world, "05-01T12:00")
    world.forge.suite_files[""] = FILE.encode()
    world.forge.refs["trunk"] = TWO
    world.push(TWO, branch="trunk", repository=world.forge.seen)
    world.settle()
    at(world, "05-02T03:00")
    assert fire(world) == 1
    assert scheduled(world, TWO) == [["nightly"]]


@pytest.mark.parametrize(
    ("cron", "after", "times"),
    [
        ("30 2 * * *", "2026-03-28T12:00", ["03-29T01:00", "03-30T00:30"]),
        ("30 2 * * *", "2026-10-24T12:00", ["10-25T00:30", "10-26T01:30"]),
        ("0 * * * *", "2026-03-28T23:30", ["03-29T00:00", "03-29T01:00", "03-29T02:00"]),
        ("0 * * * *", "2026-10-24T23:30", ["10-25T00:00", "10-25T01:00", "10-25T02:00"]),
        ("*/30 2 * * *", "2026-03-29T00:00", ["03-30T00:00", "03-30T00:30"]),
        ("*/30 * * * *", "2026-10-25T00:00", ["10-25T00:30", "10-25T01:00", "10-25T01:30"]),
    ],
)
def test_times_go_by_the_rules_of_cron_where_clocks_are_changed(cron: str, after: str, times: list[str]) -> None:
    """In Berlin: on 29 March the hour from two to three is left out, on 25 October it comes twice."""
    now = datetime.fromisoformat(after).replace(tzinfo=UTC)
    found = []
    for _ in times:
        now = suitefile.next_time(Schedule(cron=cron, timezone="Europe/Berlin"), now)
        found.append(f"{now:%m-%dT%H:%M}")
    assert found == times


def test_a_time_is_not_the_next_one_after_itself() -> None:
    now = datetime(2026, 5, 2, 3, tzinfo=UTC)
    assert suitefile.next_time(Schedule(cron="0 3 * * *"), now) == now + timedelta(days=1)
