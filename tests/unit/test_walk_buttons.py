"""Buttons beside checks, and the merge queue (BEHAVIOUR §1)."""

import pytest

from bot.domain.events import ActionAsked, MergeGroupAsked, MergeGroupGone, RerunAsked
from bot.domain.refs import Person, Sha
from bot.domain.runs import RunState
from bot.ports.queue import HandleDelivery
from bot.ports.sandbox import Exit
from tests.fakes.forge import ANA, HELLO, STAN, a_change
from tests.fakes.sandbox import Act
from tests.walks import ONE, TWO, World

FILE = b"suites:\n  good: {image: busybox, run: 'true'}\n  bad: {image: busybox, run: 'exit 1'}\n"


@pytest.fixture
def built(world: World) -> World:
    world.forge.suite_files[""] = FILE
    world.sandbox.acts["exit 1"] = Act(exit=Exit(code=1))
    world.open_change(a_change(7, ONE))
    world.settle()
    world.sandbox.jobs.clear()
    return world


@pytest.fixture
def waiting(world: World) -> World:
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()
    return world


def shown(world: World, name: str) -> str:
    """The id of ours that the newest check of that name shows."""
    return world.forge.check(ONE, name).check.external_id


def rerun(world: World, name: str | None, by: Person = ANA, sha: Sha = ONE) -> None:
    external_id = shown(world, name) if name else None
    world.hear(RerunAsked(repository=HELLO, sha=sha, external_id=external_id, sender=by))
    world.settle()


def press(world: World, name: str, identifier: str, by: Person = ANA) -> None:
    event = ActionAsked(repository=HELLO, sha=ONE, external_id=shown(world, name), identifier=identifier, sender=by)
    world.hear(event)
    world.settle()


def ran(world: World) -> list[str]:
    return sorted(job.env["ASSAY_SUITE"] for job in world.sandbox.jobs)


def test_rerunning_a_check_runs_that_suite_again(built: World) -> None:
    rerun(built, "assay / good")
    assert ran(built) == ["good"]
    assert len(built.forge.checks(ONE, "assay / good")) == 2


def test_rerunning_the_aggregate_runs_what_failed(built: World) -> None:
    rerun(built, "assay")
    assert ran(built) == ["bad"]


def test_rerunning_all_of_a_commit_runs_what_failed(built: World) -> None:
    rerun(built, None)
    assert ran(built) == ["bad"]


def test_rerunning_all_when_all_is_green_runs_everything(world: World) -> None:
    world.open_change(a_change(7, ONE))
    world.settle()
    rerun(world, None)
    assert ran(world) == ["unit", "unit"]


def test_a_burst_of_events_is_one_request(built: World) -> None:
    for _ in range(4):
        built.hear(RerunAsked(repository=HELLO, sha=ONE, external_id=None, sender=ANA))
    built.settle()
    assert ran(built) == ["bad"]


def test_the_same_rerun_delivered_twice_runs_once(built: World) -> None:
    external_id = shown(built, "assay / good")
    for _ in range(2):
        built.hear(RerunAsked(repository=HELLO, sha=ONE, external_id=external_id, sender=ANA))
    built.settle()
    assert ran(built) == ["good"]


@pytest.mark.parametrize("identifier", ["rerun_failed", "rerun_all"])
def test_the_buttons_of_a_failed_check_run_it_again(built: World, identifier: str) -> None:
    assert identifier in [one.identifier for one in built.forge.check(ONE, "assay / bad").check.actions]
    press(built, "assay / bad", identifier)
    assert ran(built) == ["bad"]


def test_rerun_all_on_the_aggregate_runs_everything(built: World) -> None:
    press(built, "assay", "rerun_all")
    assert ran(built) == ["bad", "good"]


def test_a_check_of_another_commit_or_nobodys_check_does_nothing(built: World) -> None:
    rerun(built, "assay / good", sha=TWO)
    built.hear(RerunAsked(repository=HELLO, sha=ONE, external_id="nobodys", sender=ANA))
    built.hear(RerunAsked(repository=HELLO, sha=ONE, external_id="build-999", sender=ANA))
    built.settle()
    assert ran(built) == []


def test_an_unknown_button_does_nothing(built: World) -> None:
    press(built, "assay / bad", "make_coffee")
    assert ran(built) == []


def test_nothing_is_rerun_on_a_closed_change(built: World) -> None:
    built.forge.changes[7] = a_change(7, ONE, is_open=False)
    rerun(built, "assay / bad")
    assert ran(built) == []


def test_the_approve_button_lets_the_commit_run(waiting: World) -> None:
    press(waiting, "assay", "approve", by=STAN)
    assert ran(waiting) == []
    press(waiting, "assay", "approve")
    assert ran(waiting) == ["unit"]
    assert waiting.conclusions() == {"assay": "success", "assay / unit": "success"}


def test_the_other_approve_button_covers_later_commits(waiting: World) -> None:
    press(waiting, "assay", "approve_pr")
    waiting.open_change(a_change(7, TWO, author=STAN, fork=True), action="synchronize", sender=STAN)
    waiting.settle()
    assert waiting.conclusions(TWO)["assay"] == "success"


def test_an_approve_button_of_an_older_head_does_nothing(waiting: World) -> None:
    waiting.forge.changes[7] = a_change(7, TWO, author=STAN, fork=True)
    press(waiting, "assay", "approve")
    assert ran(waiting) == []


@pytest.mark.parametrize(
    "external_id", ["build-99", f"build-{'9' * 30}", "build-\N{ARABIC-INDIC DIGIT ONE}", "build-", "x"]
)
def test_a_check_that_shows_nothing_of_ours_starts_nothing(built: World, external_id: str) -> None:
    built.hear(RerunAsked(repository=HELLO, sha=ONE, external_id=external_id, sender=ANA))
    built.settle()
    with built.engine.connect() as connection:
        done = connection.exec_driver_sql("SELECT status, reason FROM delivery ORDER BY id DESC LIMIT 1").one()
    assert done.status == "processed"
    assert done.reason.startswith("there is no")
    assert ran(built) == []


def test_a_rerun_of_a_commit_that_nobody_approved_does_nothing(waiting: World) -> None:
    rerun(waiting, None)
    rerun(waiting, "assay")
    assert ran(waiting) == []


def test_a_push_can_be_rerun_too(world: World) -> None:
    world.push()
    world.settle()
    rerun(world, "assay / unit")
    assert ran(world) == ["unit", "unit"]


def group(sha: Sha = TWO) -> MergeGroupAsked:
    return MergeGroupAsked(
        repository=HELLO,
        sha=sha,
        ref=f"gh-readonly-queue/main/pr-7-{sha}",
        base_ref="main",
        base_sha=ONE,
        message="Merge 7",
        sender=ANA,
    )


def test_a_merge_group_is_run_on_its_head_with_the_same_names(built: World) -> None:
    built.source.add(TWO, {})
    built.sandbox.acts.clear()
    built.hear(group())
    built.settle()
    assert built.conclusions(TWO) == {"assay": "success", "assay / good": "success", "assay / bad": "success"}


def test_a_merge_group_that_is_gone_is_cancelled(world: World) -> None:
    world.source.add(TWO, {})
    world.hear(group())
    world.step(HandleDelivery)
    world.hear(MergeGroupGone(repository=HELLO, sha=TWO, reason="dequeued"))
    world.step(HandleDelivery)
    world.settle()
    assert world.run().state is RunState.CANCELLED
    assert world.titles(TWO)["assay / unit"] == "Cancelled: merge group dequeued"


def test_what_the_branch_counts_on_by_now_outlives_its_merge_group(world: World) -> None:
    """The push of what was merged may come before the end of the group."""
    world.source.add(TWO, {})
    world.hear(group())
    world.step(HandleDelivery)
    world.push(TWO)
    world.step(HandleDelivery)
    world.hear(MergeGroupGone(repository=HELLO, sha=TWO, reason="merged"))
    world.step(HandleDelivery)
    world.settle()
    assert world.conclusions(TWO) == {"assay": "success", "assay / unit": "success"}
    assert ran(world) == ["unit"]
