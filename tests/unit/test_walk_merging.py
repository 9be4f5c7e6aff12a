"""`test_merge: true`: a change is tested merged onto its target's tip, and shown on its head (BEHAVIOUR §4)."""

import pytest

from bot.domain.errors import SourceRefused, SourceUnavailable
from bot.domain.refs import Sha
from bot.domain.runs import RunState
from bot.ports.sandbox import Exit
from tests.fakes.forge import STAN, a_change
from tests.fakes.sandbox import Act
from tests.walks import ONE, World

START, TIP, LATER = Sha("a" * 40), Sha("c" * 40), Sha("d" * 40)
FILE = "test_merge: true\nsuites:\n  unit: {image: 'box:1', run: test}\n  lint: {image: 'box:1', run: look}\n"


@pytest.fixture
def merging(world: World) -> World:
    """Main has moved on since the change 7 left it; both have changed other files."""
    world.forge.suite_files[""] = FILE.encode()
    world.forge.refs["main"] = TIP
    world.source.add(START, {"a": "1", "b": "1"})
    world.source.add(TIP, {"a": "1", "b": "2"}, START)
    return world


def opened(world: World, files: dict[str, str], *, fork: bool = False) -> None:
    if fork:
        world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    else:
        world.open_change(a_change(7, ONE))
    world.source.add(ONE, files, START)
    world.settle()


def test_what_runs_is_the_head_merged_onto_the_targets_tip_and_it_is_shown_on_the_head(merging: World) -> None:
    opened(merging, {"a": "2", "b": "1"})
    (build,) = merging.builds()
    assert build.merge
    assert (build.sha, build.base_sha, build.merge.base, len(build.merge.tree)) == (ONE, TIP, TIP, 40)
    assert [(one.sha, one.onto and one.onto.sha) for one in merging.source.checkouts] == [(ONE, TIP)] * 2
    env = merging.sandbox.jobs[0].env
    assert (env["ASSAY_COMMIT"], env["ASSAY_BASE"]) == (ONE, TIP)
    assert merging.conclusions(ONE) == {"assay": "success", "assay / lint": "success", "assay / unit": "success"}
    assert (
        "`topic` at `1111111` merged onto `main` at `ccccccc`" in merging.forge.check(ONE, "assay / unit").check.text
    )


def test_a_conflict_is_a_failed_aggregate_that_names_the_files_and_runs_nothing(merging: World) -> None:
    opened(merging, {"a": "2", "b": "3"})
    assert merging.conclusions() == {"assay": "failure"}
    check = merging.forge.check(ONE, "assay").check
    assert check.title == "Conflicts with main in b"
    assert "`1111111` can't be merged onto `main` at `ccccccc`. Both have changed:\n\n- `b`" in check.summary
    assert not merging.sandbox.jobs
    assert merging.forge.said[0].startswith("**Nothing ran** on `1111111`: it conflicts with `main` in `b`.")


def test_a_re_run_merges_onto_the_tip_as_it_is_then(merging: World) -> None:
    opened(merging, {"a": "2", "b": "3"})
    merging.source.add(LATER, {"a": "1", "b": "3"}, TIP)
    merging.source.parents[ONE] = TIP
    merging.forge.refs["main"] = LATER
    merging.say("/retest")
    assert merging.conclusions()["assay"] == "success"
    assert {job.env["ASSAY_BASE"] for job in merging.sandbox.jobs} == {LATER}


def test_a_retest_leaves_alone_what_passed_on_an_older_tip_and_test_does_not(merging: World) -> None:
    merging.sandbox.acts["look"] = Act(exit=Exit(code=1))
    opened(merging, {"a": "2", "b": "1"})
    merging.source.add(LATER, {"a": "1", "b": "2", "c": "1"}, TIP)
    merging.forge.refs["main"] = LATER
    merging.sandbox.jobs.clear()
    merging.say("/retest")
    assert [(job.env["ASSAY_SUITE"], job.env["ASSAY_BASE"]) for job in merging.sandbox.jobs] == [("lint", LATER)]
    merging.sandbox.jobs.clear()
    merging.say("/test")
    assert sorted(job.env["ASSAY_SUITE"] for job in merging.sandbox.jobs) == ["lint", "unit"]


def test_a_re_run_that_meets_a_conflict_says_so_on_the_aggregate(merging: World) -> None:
    merging.sandbox.acts["look"] = Act(exit=Exit(code=1))
    opened(merging, {"a": "2", "b": "1"})
    merging.source.add(LATER, {"a": "5", "b": "2"}, TIP)
    merging.forge.refs["main"] = LATER
    merging.say("/retest")
    assert merging.titles()["assay"] == "Conflicts with main in a"


def test_runs_of_a_push_do_not_stand_for_the_merge_but_those_of_the_merge_do_for_a_push(merging: World) -> None:
    merging.push(ONE, branch="topic")
    merging.source.add(ONE, {"a": "2", "b": "1"}, START)
    merging.settle()
    assert [one.onto for one in merging.source.checkouts] == [None, None]
    opened(merging, {"a": "2", "b": "1"})
    assert [bool(one.onto) for one in merging.source.checkouts[2:]] == [True, True]
    merging.push(ONE, branch="other")
    merging.settle()
    assert len(merging.source.checkouts) == 4


def test_a_strangers_head_is_merged_and_waits_for_its_approval_all_the_same(merging: World) -> None:
    opened(merging, {"a": "2", "b": "1"}, fork=True)
    assert merging.conclusions() == {"assay": "action_required"}
    merging.forge.refs["main"] = LATER
    merging.say("/ok-to-test")
    assert {one.onto.sha for one in merging.source.checkouts if one.onto} == {TIP}
    assert {run.state for run in merging.runs()} == {RunState.PASSED}


def test_a_forge_that_does_not_answer_is_asked_again(merging: World) -> None:
    merging.source.fault = SourceUnavailable("no answer")
    opened(merging, {"a": "2", "b": "1"})
    assert merging.builds() == []
    merging.source.fault = None
    with merging.app.work() as work:
        work.deliveries.postpone(1, 0, "now")
    merging.turn("deliveries")
    merging.settle()
    assert merging.conclusions()["assay"] == "success"


def test_what_cannot_be_merged_for_another_reason_is_told_by_the_runs(merging: World) -> None:
    merging.source.fault = SourceRefused("commit is too large")
    opened(merging, {"a": "2", "b": "1"})
    assert merging.titles()["assay / unit"] == "Could not run: commit is too large"


def test_without_the_key_and_for_pushes_the_commit_itself_is_tested(merging: World) -> None:
    merging.push(ONE)
    merging.settle()
    merging.forge.suite_files[""] = FILE.replace("test_merge: true\n", "").encode()
    opened(merging, {"a": "2", "b": "3"})
    assert merging.source.merges == []
    assert all(one.onto is None for one in merging.source.checkouts)
