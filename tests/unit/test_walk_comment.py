"""The one comment with a change's results: silent while green, written once, edited from then on (PRODUCT §2.5)."""

from pathlib import Path

import pytest

from bot.domain.errors import ForgeUnavailable, NotAllowed
from bot.domain.events import RerunAsked
from bot.domain.refs import Sha
from bot.domain.runs import RunState
from bot.ports.queue import SendReport
from bot.ports.sandbox import Exit
from tests.fakes.forge import ANA, HELLO, STAN, a_change
from tests.fakes.sandbox import Act
from tests.walks import ONE, TWO, World

THREE = Sha("3" * 40)
RED = b"suites:\n  good: {image: 'box:1', run: 'true'}\n  bad: {image: 'box:1', run: 'exit 1'}\n"
GREEN = b"suites:\n  good: {image: 'box:1', run: 'true'}\n"


@pytest.fixture
def red(world: World) -> World:
    """A change whose suite `bad` fails."""
    world.forge.suite_files[""] = RED
    world.sandbox.acts["exit 1"] = Act(exit=Exit(code=1), output=b"all is well\nsaid @ana: `no`\n")
    return world


def opened(world: World, head: str = ONE) -> None:
    world.open_change(a_change(7, head), action="opened" if head == ONE else "synchronize")
    world.settle()


def said(world: World) -> list[str]:
    """The first line of each text that the comment has had."""
    return [text.split("\n")[0] for text in world.forge.said]


def test_nothing_is_said_while_all_is_green(world: World) -> None:
    world.forge.suite_files[""] = GREEN
    opened(world)
    opened(world, TWO)
    assert said(world) == []


def test_a_red_head_is_told_once_with_links_and_last_lines_and_without_a_mention(red: World) -> None:
    opened(red)
    (text,) = red.forge.said
    assert text.startswith(
        "**1 check failed** on `1111111`\n\n| | |\n| --- | --- |\n| ✗ bad | exit 1 exited with 1 · [log]("
    )
    assert "https://ci.example.org/b/1/bad?run=id" in text
    assert "```\nall is well\nsaid @ana: `no`\n```" in text
    assert "1 other passed. `/retest` runs the failed ones again." in text
    assert text.endswith("<!-- assay:summary v1 1111111 -->")


def test_the_comment_is_edited_once_for_each_head_and_says_when_all_is_well_again(red: World) -> None:
    opened(red)
    opened(red, TWO)
    red.forge.suite_files[THREE] = GREEN
    opened(red, THREE)
    assert said(red) == [
        "**1 check failed** on `1111111`",
        "**1 check failed** on `2222222`",
        "All checks pass on `3333333`. <sub>[all results](https://ci.example.org/b/3)</sub>",
    ]
    assert len(red.forge.replies) == 1


def test_a_check_that_is_sent_again_without_news_edits_nothing(red: World) -> None:
    opened(red)
    (build,) = red.builds()
    with red.app.work() as work:
        for report in work.reports.at(build.repository, ONE):
            work.send(SendReport(work.reports.own(build.repository, ONE, report.name, build.id, report.run)))
    red.settle()
    assert len(said(red)) == 1


def test_it_says_what_a_retest_of_the_same_head_came_to(red: World) -> None:
    opened(red)
    red.sandbox.acts.clear()
    red.say("/retest")
    assert [line.split(".")[0] for line in said(red)] == [
        "**1 check failed** on `1111111`",
        "All checks pass on `1111111`",
    ]


def test_a_head_that_was_superseded_is_not_told(red: World) -> None:
    red.open_change(a_change(7, ONE))
    red.step(type(red.queue.tasks[0]))
    red.open_change(a_change(7, TWO), action="synchronize")
    red.settle()
    assert said(red) == ["**1 check failed** on `2222222`"]


def test_never_means_never_and_always_speaks_from_the_first_end_on(red: World) -> None:
    red.forge.suite_files[""] = RED + b"pull_requests: {comment: never}\n"
    opened(red)
    assert said(red) == []
    red.forge.suite_files[""] = GREEN + b"pull_requests: {comment: always}\n"
    opened(red, TWO)
    assert [line.split(".")[0] for line in said(red)] == ["All checks pass on `2222222`"]


def test_the_operators_never_counts_more_than_the_suite_file(tmp_path: Path) -> None:
    world = World(tmp_path, comments=False)
    world.forge.suite_files[""] = GREEN + b"pull_requests: {comment: always}\n"
    opened(world)
    assert said(world) == []


def test_a_push_is_never_commented_but_the_change_of_its_commit_is(red: World) -> None:
    red.push(ONE, branch="topic")
    red.settle()
    assert said(red) == []
    opened(red)
    assert said(red) == ["**1 check failed** on `1111111`"]


def test_a_comment_that_somebody_deleted_is_not_written_again(red: World) -> None:
    opened(red)
    red.forge.replies.clear()
    opened(red, TWO)
    opened(red, THREE)
    assert (len(said(red)), red.forge.replies) == (1, {})


def test_a_process_that_dies_after_the_comment_was_written_leaves_one_comment(red: World) -> None:
    red.forge.after_reply = [ForgeUnavailable("the answer was lost", retry_after=0)]
    opened(red)
    red.turn("reports")
    red.settle()
    assert len(red.forge.replies) == 1
    opened(red, TWO)
    assert len(red.forge.replies) == 1


def test_a_lost_hint_is_made_up_for(red: World) -> None:
    red.open_change(a_change(7, ONE))
    for _ in range(200):
        red.queue.tasks = type(red.queue.tasks)(one for one in red.queue.tasks if not isinstance(one, SendReport))
        if not red.queue.tasks:
            break
        red.step(type(red.queue.tasks[0]))
    for _ in range(3):
        red.turn("reports")
        red.settle()
    assert said(red) == ["**1 check failed** on `1111111`"]


def test_a_locked_conversation_costs_the_checks_nothing(red: World) -> None:
    red.forge.trouble["reply"] = [NotAllowed("locked")]
    opened(red)
    assert (said(red), red.conclusions()["assay"]) == ([], "failure")


def test_a_change_that_waits_for_approval_and_one_that_was_cancelled_are_not_told(red: World) -> None:
    red.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    red.settle()
    red.say("/cancel", by=STAN)
    assert all("assay:summary" not in text for text in red.forge.said)


def test_an_invalid_suite_file_is_told(red: World) -> None:
    red.forge.suite_files[""] = b"suites: {a: {image: 'box:1'}}"
    opened(red)
    assert said(red) == ["**Nothing ran** on `1111111`: `.assay.yml` has 1 error."]


def test_each_cell_has_its_own_check_when_asked_and_hears_its_own_button(world: World) -> None:
    world.forge.suite_files[""] = (
        b"suites:\n  unit: {image: 'box:1', run: test, matrix: {v: [1, 2]}}\npull_requests: {checks: cell}\n"
    )
    opened(world)
    assert world.conclusions() == {"assay": "success", "assay / unit (1)": "success", "assay / unit (2)": "success"}
    check = world.forge.check(ONE, "assay / unit (2)").check
    (run,) = [one for one in world.runs() if one.suite.key == "unit (2)"]
    assert (check.external_id, check.details_url) == (run.id, f"https://ci.example.org/b/1/unit?run={run.id}")
    assert "| v |" not in check.text
    world.hear(RerunAsked(repository=HELLO, sha=ONE, external_id=run.id, sender=ANA))
    world.settle()
    assert [job.env["MATRIX_V"] for job in world.sandbox.jobs] == ["1", "2", "2"]


def test_runs_of_older_heads_go_on_when_the_suite_file_wants_it(world: World) -> None:
    world.forge.suite_files[""] = GREEN + b"pull_requests: {cancel_superseded: false}\n"
    world.open_change(a_change(7, ONE))
    world.step(type(world.queue.tasks[0]))
    world.open_change(a_change(7, TWO), action="synchronize")
    world.settle()
    assert [world.run(1).state, world.run(2).state] == [RunState.PASSED, RunState.PASSED]
    assert world.conclusions(ONE)["assay"] == "success"


def test_a_strangers_older_heads_never_go_on(world: World) -> None:
    world.forge.suite_files[""] = GREEN + b"pull_requests: {cancel_superseded: false}\n"
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()
    world.open_change(a_change(7, TWO, author=STAN, fork=True), sender=STAN, action="synchronize")
    world.settle()
    assert world.run(1).state is RunState.SUPERSEDED


def test_what_the_suite_file_says_without_effect_is_noted_on_its_lines_as_many_as_wanted(world: World) -> None:
    file = b"environments: {spare: {image: 'box:1'}, other: {image: 'box:1'}}\n" + GREEN
    world.forge.suite_files[""] = file
    opened(world)
    check = world.forge.check(ONE, "assay").check
    assert [(one.path, one.line, one.level) for one in check.annotations] == [(".assay.yml", 1, "warning")] * 2
    assert check.summary.endswith("`.assay.yml` has 2 warnings: `assay lint`")
    world.forge.suite_files[TWO] = file + b"pull_requests: {annotations: 1}\n"
    opened(world, TWO)
    assert len(world.forge.check(TWO, "assay").check.annotations) == 1
    world.forge.suite_files[THREE] = file + b"pull_requests: {annotations: 0}\n"
    opened(world, THREE)
    assert world.forge.check(THREE, "assay").check.annotations == ()


def test_an_untagged_image_is_a_matter_for_lint_alone(world: World) -> None:
    world.forge.suite_files[""] = GREEN.replace(b"'box:1'", b"box")
    opened(world)
    assert world.forge.check(ONE, "assay").check.annotations == ()
