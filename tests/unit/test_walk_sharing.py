"""Several builds of one commit, people and forges that get in each other's way: nobody's result is lost or forged."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.errors import ForgeUnavailable, SandboxUnavailable
from bot.domain.events import ChangeClosed, RerunAsked
from bot.domain.planning import ChangedFiles
from bot.domain.refs import Sha
from bot.domain.runs import Reason, RunId, RunState, Trust
from bot.domain.trust import ForkPolicy
from bot.ports.queue import HandleDelivery
from bot.ports.sandbox import Exit, Leftover
from tests.builders import NOON
from tests.fakes.forge import ANA, HELLO, STAN, a_change
from tests.fakes.sandbox import Act
from tests.walks import ONE, TWO, World

FAILS = Act(exit=Exit(code=1))
NEEDS = b"suites:\n  build: {image: busybox, run: make}\n  test: {image: busybox, run: check, needs: [build]}\n"


def ran(world: World) -> list[str]:
    return [job.env["ASSAY_SUITE"] for job in world.sandbox.jobs]


def shown(world: World, name: str, sha: Sha = ONE) -> str:
    return world.forge.check(sha, name).check.external_id


def rerun(world: World, name: str, sha: Sha = ONE) -> None:
    world.hear(RerunAsked(repository=HELLO, sha=sha, external_id=shown(world, name, sha), sender=ANA))
    world.settle()


def test_a_failed_need_of_many_cells_ends_the_build(world: World) -> None:
    cells = ", ".join(f"n{number}" for number in range(400))
    world.forge.suite_files[""] = (
        b"suites:\n  build: {image: busybox, run: make}\n"
        b"  test:\n    image: busybox\n    run: check\n    needs: [build]\n    matrix: {n: ["
        + cells.encode()
        + b"]}\n"
    )
    world.sandbox.acts["make"] = FAILS
    world.push()
    world.settle()
    assert {run.state for run in world.runs()} == {RunState.FAILED, RunState.SKIPPED}
    assert world.conclusions()["assay"] == "failure"


def test_an_approval_written_before_a_push_does_not_reach_it_through_an_older_delivery(world: World) -> None:
    world.forge.changes[7] = a_change(7, TWO, author=STAN, fork=True)
    world.source.add(TWO, {})
    world.hear(world.updated(7, ONE, action="opened", sender=STAN))
    world.settle()
    assert world.builds(TWO) == []


def test_a_writers_older_delivery_does_not_make_a_strangers_head_trusted(world: World) -> None:
    world.forge.changes[7] = a_change(7, TWO, fork=True)
    world.source.add(TWO, {})
    world.hear(world.updated(7, ONE, action="opened", sender=ANA))
    world.hear(world.updated(7, TWO, action="synchronize", sender=STAN))
    world.settle()
    assert [build.trust for build in world.builds(TWO)] == [Trust.UNTRUSTED]
    assert ran(world) == []


def test_retargeting_by_a_writer_does_not_make_a_strangers_head_trusted(world: World) -> None:
    world.open_change(a_change(7, ONE, fork=True), sender=STAN)
    world.settle()
    world.open_change(a_change(7, ONE, fork=True, base_ref="release"), action="retargeted", sender=ANA)
    world.settle()
    assert ran(world) == []


@pytest.fixture
def need_failed(world: World) -> World:
    world.forge.suite_files[""] = NEEDS
    world.sandbox.acts["make"] = FAILS
    world.open_change(a_change(7, ONE))
    world.settle()
    world.sandbox.acts.clear()
    world.sandbox.jobs.clear()
    return world


def test_a_run_whose_need_passed_unseen_is_found(world: World) -> None:
    """Two ends at the same moment do not see each other."""
    world.forge.suite_files[""] = NEEDS
    world.push()
    world.step(HandleDelivery)
    with world.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE run SET state = 'passed' WHERE suite_key = 'build'")
    world.settle()
    assert ran(world) == []
    assert (world.turn("needs"), world.turn("needs")) == (1, 0)
    world.settle()
    assert ran(world) == ["test"]


@pytest.mark.parametrize("name", ["assay", "assay / build"])
def test_a_rerun_of_a_failed_need_also_runs_what_was_skipped_for_it(need_failed: World, name: str) -> None:
    rerun(need_failed, name)
    assert ran(need_failed) == ["build", "test"]
    assert need_failed.conclusions()["assay"] == "success"


def test_an_overridden_need_alone_does_not_make_the_build_green(need_failed: World) -> None:
    need_failed.forge.admins.add(ANA.id)
    need_failed.say("/override build it is known")
    assert need_failed.conclusions()["assay"] == "failure"
    need_failed.say("/retest")
    assert ran(need_failed) == ["test"]
    assert need_failed.conclusions()["assay"] == "success"


def test_a_merge_by_fast_forward_leaves_the_branchs_build_alone(world: World) -> None:
    world.sandbox.trouble = "no worker"
    world.open_change(a_change(7, ONE))
    world.push(branch="main")
    world.settle()
    world.forge.changes[7] = a_change(7, ONE, is_open=False)
    world.hear(ChangeClosed(repository=HELLO, number=7, merged=True, sender=ANA))
    world.settle()
    world.sandbox.trouble = None
    world.turn("runs")
    world.settle()
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}


def test_a_new_head_also_ends_the_older_push_to_the_changes_own_branch(world: World) -> None:
    world.sandbox.trouble = "no worker"
    world.push(branch="topic")
    world.open_change(a_change(7, ONE))
    world.settle()
    world.open_change(a_change(7, TWO), action="synchronize")
    world.settle()
    assert world.conclusions(ONE)["assay / unit"] == "cancelled"


@pytest.fixture
def trusted(world: World) -> World:
    """A trusted push that waits for a worker, and a stranger's change of the same commit."""
    world.sandbox.trouble = "no worker"
    world.push(branch="main")
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()
    return world


def test_a_stranger_cannot_cancel_what_is_not_theirs(trusted: World) -> None:
    trusted.say("/cancel", by=STAN)
    assert trusted.run(1).state is RunState.QUEUED


def test_a_stranger_cannot_end_it_by_closing_or_pushing(trusted: World) -> None:
    trusted.open_change(a_change(7, TWO, author=STAN, fork=True), action="synchronize", sender=STAN)
    trusted.settle()
    trusted.forge.changes[7] = a_change(7, TWO, author=STAN, fork=True, is_open=False)
    trusted.hear(ChangeClosed(repository=HELLO, number=7, merged=False, sender=STAN))
    trusted.settle()
    assert trusted.run(1).state is RunState.QUEUED


@pytest.mark.parametrize("state", ["good", "bad"])
def test_a_stranger_cannot_displace_a_trusted_result(world: World, state: str) -> None:
    acts = {"good": Act(), "bad": FAILS}
    world.sandbox.acts["sh tests/run.sh"] = acts[state]
    world.push(branch="main")
    world.settle()
    before = world.conclusions()
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.open_change(a_change(7, ONE, author=STAN, fork=True, base_ref="release"), action="retargeted", sender=STAN)
    world.settle()
    assert world.conclusions() == before


def test_a_rerun_on_an_older_head_leaves_the_newest_alone(world: World) -> None:
    world.open_change(a_change(7, ONE))
    world.settle()
    world.sandbox.trouble = "no worker"
    world.open_change(a_change(7, TWO), action="synchronize")
    world.settle()
    rerun(world, "assay / unit", ONE)
    assert world.run(2).state is RunState.QUEUED
    assert len(world.builds(ONE)) == 1


def test_a_lost_answer_does_not_obey_a_comment_again(world: World) -> None:
    world.sandbox.acts["sh tests/run.sh"] = FAILS
    world.open_change(a_change(7, ONE))
    world.settle()
    world.sandbox.acts.clear()
    world.forge.trouble["react"] = [ForgeUnavailable("502", retry_after=0), ForgeUnavailable("502", retry_after=0)]
    world.say("/cancel\n/retest")
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}


def test_what_was_cancelled_before_its_approval_can_still_be_approved(world: World) -> None:
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()
    world.say("/cancel")
    assert world.run().state is RunState.REJECTED
    world.say("/ok-to-test")
    assert ran(world) == ["unit"]
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}


def test_an_approval_of_what_was_cancelled_outlives_a_forge_that_is_away_for_a_moment(world: World) -> None:
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()
    world.say("/cancel")
    world.forge.trouble["read_file"] = [ForgeUnavailable("502", retry_after=0)] * 2
    world.say("/ok-to-test")
    for _ in range(2):
        world.turn("deliveries")
        world.settle()
    assert ran(world) == ["unit"]
    assert world.conclusions()["assay"] == "success"


def test_an_approval_of_later_commits_counts_after_one_of_this_commit(world: World) -> None:
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()
    world.say("/ok-to-test")
    world.say("/ok-to-test pr")
    world.open_change(a_change(7, TWO, author=STAN, fork=True), action="synchronize", sender=STAN)
    world.settle()
    assert world.conclusions(TWO)["assay"] == "success"


def test_a_policy_that_asks_nobody_lets_strangers_run_untrusted_and_again(tmp_path: Path) -> None:
    world = World(tmp_path, fork_policy=ForkPolicy.NEVER)
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()
    world.say("/test")
    assert ran(world) == ["unit", "unit"]
    assert {job.network.value for job in world.sandbox.jobs} == {"none"}


@pytest.mark.parametrize(
    ("paths", "complete", "runs"), [(("src/a.py",), True, 2), ((".assay.yml",), True, 1), (("src/a.py",), False, 1)]
)
def test_first_time_lets_known_people_in_unless_they_touch_what_is_run(
    tmp_path: Path, paths: tuple[str, ...], complete: bool, runs: int
) -> None:
    world = World(tmp_path, fork_policy=ForkPolicy.FIRST_TIME)
    world.forge.changed = ChangedFiles(paths, complete=complete)
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()
    assert ran(world) == []
    world.say("/ok-to-test")
    world.open_change(a_change(8, TWO, author=STAN, fork=True), sender=STAN)
    world.settle()
    assert len(ran(world)) == runs


def test_an_unknown_list_of_files_is_said_to_be_unknown(world: World) -> None:
    world.forge.changed = None
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()
    assert "not known whole" in world.forge.check(ONE, "assay").check.summary


def test_one_container_that_cannot_be_removed_holds_up_no_other(world: World) -> None:
    stuck, other = RunId("stuck"), RunId("other")
    world.sandbox.left = {(one, 1): Leftover(one, 1, 1, age=1000) for one in (stuck, other)}
    original = world.sandbox.remove

    def remove(run: RunId, attempt: int) -> None:
        if run == stuck:
            raise SandboxUnavailable("busy")
        original(run, attempt)

    world.sandbox.remove = remove  # type: ignore[method-assign]  # one container that resists
    assert world.turn("janitor") == 1
    assert list(world.sandbox.left) == [(stuck, 1)]


def test_an_override_counts_for_every_cell(world: World) -> None:
    world.forge.suite_files[""] = b"suites:\n  unit: {image: busybox, run: test, matrix: {n: [1, 2]}}\n"
    world.sandbox.acts["test"] = FAILS
    world.forge.admins.add(ANA.id)
    world.open_change(a_change(7, ONE))
    world.settle()
    world.say("/override unit it is known")
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}
    assert {run.reason for run in world.runs(2)} == {Reason.OVERRIDE}


def test_a_late_end_of_an_older_attempt_changes_nothing(world: World) -> None:
    world.open_change(a_change(7, ONE))
    world.step(HandleDelivery)
    world.lose_hints()
    run = world.run()
    with world.app.work() as work:
        old = work.runs.claim(run.id, "slow worker", 60)
    assert old is not None
    world.say("/test")
    with world.app.work() as work:
        assert work.runs.save(old, old.ended(RunState.FAILED, Reason.COMMAND, NOON + timedelta(1)), "slow worker")
    world.turn("reports")
    world.settle()
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}


def test_a_change_that_comes_back_to_a_head_that_has_its_result_leaves_the_other_head(world: World) -> None:
    for head in (ONE, TWO, ONE):
        world.open_change(a_change(7, head), action="synchronize")
        world.step(HandleDelivery)
        if head == ONE:
            world.settle()
    assert world.runs(2)[0].state is RunState.SUPERSEDED
    assert world.conclusions(TWO)["assay"] == "cancelled"
    assert len(world.builds(ONE)) == 1
