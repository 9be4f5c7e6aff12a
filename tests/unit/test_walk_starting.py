"""Suites that wait for a person, single cells, labels: what is started, by whom, and what it holds up."""

from dataclasses import replace

import pytest

from bot.domain.events import ActionAsked, RerunAsked
from bot.domain.refs import Person
from bot.domain.runs import RunState
from bot.ports.forge import Reaction
from bot.ports.sandbox import Exit
from tests.fakes.forge import ANA, HELLO, STAN, a_change
from tests.fakes.sandbox import Act
from tests.talks import RITA, last_reply, ran
from tests.walks import ONE, TWO, World

FILE = b"""suites:
  unit: {image: busybox, run: 'true'}
  deploy: {image: busybox, run: send, when: {start: manual}}
  smoke: {image: busybox, run: look, needs: [deploy, unit]}
"""
CELLS = b"""suites:
  unit:
    image: python:${{ matrix.python }}
    matrix: {python: [3.9, 3.12], db: [pg, my]}
    run: test
  lint: {image: busybox, run: x}
"""
LABELS = b"""suites:
  unit: {image: busybox, run: x}
  e2e: {image: busybox, run: y, when: {labels: ["run/*"]}}
"""


@pytest.fixture
def manual(world: World) -> World:
    """A trusted change of which only `unit` has run."""
    return _opened(world, FILE)


@pytest.fixture
def cells(world: World) -> World:
    return _opened(world, CELLS)


@pytest.fixture
def labels(world: World) -> World:
    return _opened(world, LABELS)


def _opened(world: World, file: bytes) -> World:
    world.forge.suite_files[""] = file
    world.open_change(a_change(7, ONE))
    world.settle()
    return world


def press(world: World, name: str, identifier: str = "start", by: Person = ANA) -> None:
    shown = world.forge.check(ONE, name).check.external_id
    world.hear(ActionAsked(repository=HELLO, sha=ONE, external_id=shown, identifier=identifier, sender=by))
    world.settle()


def label(world: World, *names: str, by: Person = ANA, sha: object = ONE) -> None:
    world.forge.changes[7] = replace(world.forge.changes[7], labels=names)
    world.hear(world.updated(7, world.forge.changes[7].head, action="labeled", sender=by))
    world.settle()


def test_a_manual_suite_has_a_check_with_a_button_and_holds_nothing_up(manual: World) -> None:
    assert ran(manual) == ["unit"]
    assert manual.conclusions() == {
        "assay": "success",
        "assay / unit": "success",
        "assay / deploy": "neutral",
        "assay / smoke": "neutral",
    }
    check = manual.forge.check(ONE, "assay / deploy").check
    assert check.title == "Not started: /run deploy or the button"
    assert [one.identifier for one in check.actions] == ["start"]
    assert manual.titles()["assay / smoke"] == "Not started: needs deploy, which nobody has started"
    assert manual.titles()["assay"].startswith("1 passed in ")


@pytest.mark.parametrize("text", ["/run deploy", "/test deploy", "/test depl*"])
def test_somebody_with_write_access_starts_it_by_its_name_and_what_waits_for_it_follows(
    manual: World, text: str
) -> None:
    manual.say(text)
    assert ran(manual) == ["deploy", "smoke", "unit"]
    assert set(manual.conclusions().values()) == {"success"}


def test_the_button_starts_it_once(manual: World) -> None:
    shown = manual.forge.check(ONE, "assay / deploy").check.external_id
    for _ in range(2):
        manual.hear(ActionAsked(repository=HELLO, sha=ONE, external_id=shown, identifier="start", sender=ANA))
    manual.hear(RerunAsked(repository=HELLO, sha=ONE, external_id=shown, sender=ANA))
    manual.settle()
    assert ran(manual) == ["deploy", "smoke", "unit"]


@pytest.mark.parametrize("by", [STAN, RITA], ids=lambda person: person.login)
def test_somebody_without_write_access_starts_nothing(manual: World, by: Person) -> None:
    manual.forge.changes[7] = a_change(7, ONE, author=RITA)
    press(manual, "assay / deploy", by=by)
    press(manual, "assay / deploy", "rerun_all", by=by)
    manual.say("/run deploy", by=by)
    comment = manual.say("/test deploy", by=by)
    manual.say("/test *", by=by)
    assert manual.forge.reactions[comment][-1] is Reaction.REFUSED
    assert ran(manual) == ["unit"]


@pytest.mark.parametrize("text", ["/test", "/retest"])
def test_it_is_not_started_where_it_is_not_named(manual: World, text: str) -> None:
    manual.say(text)
    press(manual, "assay", "rerun_all")
    assert "deploy" not in ran(manual)
    assert manual.conclusions()["assay / deploy"] == "neutral"


def test_with_all_suites_a_named_manual_one_is_started_as_well(manual: World) -> None:
    manual.sandbox.jobs.clear()
    manual.say("/test\n/run deploy")
    assert ran(manual) == ["deploy", "smoke", "unit"]


def test_one_that_failed_fails_its_own_check_alone_and_retest_runs_it_again(manual: World) -> None:
    manual.sandbox.acts["send"] = Act(exit=Exit(code=1))
    manual.say("/run deploy")
    shown = manual.conclusions()
    assert (shown["assay / deploy"], shown["assay / smoke"]) == ("failure", "skipped")
    manual.sandbox.acts.clear()
    manual.sandbox.jobs.clear()
    manual.say("/retest")
    assert ran(manual) == ["deploy", "smoke"]
    assert set(manual.conclusions().values()) == {"success"}


def test_a_failing_manual_suite_leaves_the_aggregate_green(world: World) -> None:
    _opened(world, FILE.rpartition(b"  smoke")[0])
    world.sandbox.acts["send"] = Act(exit=Exit(code=1))
    world.say("/run deploy")
    assert world.conclusions() == {"assay": "success", "assay / unit": "success", "assay / deploy": "failure"}


def test_a_later_event_on_the_commit_leaves_what_was_started(manual: World) -> None:
    manual.say("/run deploy")
    manual.push(branch="topic")
    manual.settle()
    assert ran(manual) == ["deploy", "smoke", "unit"]
    assert manual.conclusions()["assay / deploy"] == "success"


def test_nothing_is_started_on_a_closed_change_or_an_older_head(manual: World) -> None:
    manual.forge.changes[7] = a_change(7, TWO)
    press(manual, "assay / deploy")
    manual.forge.changes[7] = a_change(7, ONE, is_open=False)
    press(manual, "assay / deploy")
    manual.say("/run deploy")
    assert ran(manual) == ["unit"]


def test_a_strangers_manual_suite_needs_the_approval_first(world: World) -> None:
    world.forge.suite_files[""] = b"suites: {deploy: {image: busybox, run: send, when: {start: manual}}}\n"
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()
    world.say("/run deploy")
    assert "waits for an approval" in last_reply(world)
    press(world, "assay / deploy")
    assert ran(world) == []
    world.say("/ok-to-test\n/run deploy")
    assert ran(world) == ["deploy"]


def test_a_suite_for_manual_starts_only_is_unseen_until_it_is_started(world: World) -> None:
    _opened(
        world,
        b"suites:\n  unit: {image: busybox, run: x}\n  bench: {image: busybox, run: y, when: {events: [manual]}}\n",
    )
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}
    world.say("/run bench")
    assert world.conclusions()["assay / bench"] == "success"


def test_a_change_whose_suites_all_wait_for_a_person_is_green(world: World) -> None:
    _opened(world, b"suites: {deploy: {image: busybox, run: send, when: {start: manual}}}\n")
    assert world.conclusions() == {"assay": "success", "assay / deploy": "neutral"}
    assert world.titles()["assay"] == "Nothing has to run here"


def test_one_cell_runs_anew_and_the_others_keep_their_results(cells: World) -> None:
    before = {run.suite.key: run.id for run in cells.runs()}
    cells.sandbox.jobs.clear()
    cells.say("/test unit python=3.12 db=my")
    assert [job.image for job in cells.sandbox.jobs] == ["python:3.12"]
    (run,) = cells.runs(2)
    assert run.suite.key == "unit (3.12, my)"
    assert run.id not in before.values()
    assert cells.conclusions() == {"assay": "success", "assay / unit": "success", "assay / lint": "success"}
    assert "4 passed" in cells.titles()["assay / unit"]


def test_a_failing_cell_that_is_run_alone_turns_the_check_green(cells: World) -> None:
    cells.sandbox.acts["test"] = Act(exit=Exit(code=1))
    cells.say("/test unit python=3.9")
    assert cells.conclusions()["assay / unit"] == "failure"
    cells.sandbox.acts.clear()
    cells.sandbox.jobs.clear()
    cells.say("/test unit python=3.9 db=pg\n/test unit python=3.9 db=my")
    assert len(cells.sandbox.jobs) == 2
    assert cells.conclusions()["assay / unit"] == "success"


def test_an_axis_leaves_named_suites_without_it_whole(cells: World) -> None:
    cells.sandbox.jobs.clear()
    cells.say("/test unit lint db=pg")
    assert ran(cells) == ["lint", "unit", "unit"]


def test_all_that_is_not_there_is_said_in_one_reply_and_nothing_runs(cells: World) -> None:
    cells.sandbox.jobs.clear()
    comment = cells.say("/test unit pyhton=3.9\n/test unit python=3.8\n/test lin")
    assert len(cells.forge.replies) == 1
    for words in (
        "No suite to run has an axis `pyhton`. Did you mean `python`?",
        "`unit` has no cell with `python=3.8`. Did you mean `3.9`? Values here: `3.9`, `3.12`.",
        "There is no suite `lin`. Did you mean `lint`?",
    ):
        assert words in last_reply(cells)
    assert cells.forge.reactions[comment] == [Reaction.SEEN, Reaction.REFUSED]
    assert ran(cells) == []


def test_a_change_without_the_label_skips_the_suite_and_says_why(labels: World) -> None:
    assert labels.conclusions() == {"assay": "success", "assay / unit": "success", "assay / e2e": "skipped"}
    assert labels.titles()["assay / e2e"] == "Skipped: no label matches run/*"


def test_a_label_that_matches_starts_that_suite_and_no_other(labels: World) -> None:
    label(labels, "docs")
    assert ran(labels) == ["unit"]
    label(labels, "docs", "run/web")
    assert ran(labels) == ["e2e", "unit"]
    assert labels.conclusions()["assay / e2e"] == "success"


def test_labels_that_come_and_go_double_nothing(labels: World) -> None:
    for names in (["run/web"], ["run/web", "run/api"], [], ["run/web"], ["run/web", "docs"]):
        label(labels, *names)
    assert ran(labels) == ["e2e", "unit"]
    assert labels.conclusions()["assay / e2e"] == "success"


def test_a_label_restarts_nothing_that_somebody_has_cancelled(labels: World) -> None:
    labels.sandbox.trouble = "no worker"
    label(labels, "run/web")
    labels.say("/cancel e2e")
    labels.sandbox.trouble = None
    label(labels, "run/web", "more")
    assert ran(labels) == ["unit"]
    assert labels.conclusions()["assay / e2e"] == "cancelled"


def test_labels_count_when_a_change_is_opened_with_them_in_whatever_order_it_is_told(world: World) -> None:
    world.forge.suite_files[""] = LABELS
    change = a_change(7, ONE, labels=("run/web",))
    world.forge.changes[7] = change
    world.hear(world.updated(7, ONE, action="labeled"))
    world.settle()
    assert world.builds() == []
    world.open_change(change)
    world.settle()
    assert ran(world) == ["e2e", "unit"]


def test_a_label_by_somebody_without_write_access_changes_no_trust(labels: World) -> None:
    label(labels, "run/web", by=STAN)
    assert {run.trust.value for build in (1, 2) for run in labels.runs(build)} == {"trusted"}


def test_a_label_on_a_strangers_change_lets_nothing_run(world: World) -> None:
    world.forge.suite_files[""] = LABELS
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()
    label(world, "run/web")
    assert ran(world) == []
    assert {run.state for run in world.runs(2)} == {RunState.AWAITING_APPROVAL}
    assert world.conclusions()["assay"] == "action_required"
    world.say("/ok-to-test")
    assert ran(world) == ["e2e", "unit"]
    assert set(world.conclusions().values()) == {"success"}


def test_a_named_suite_runs_whatever_the_labels(labels: World) -> None:
    labels.say("/test e2e")
    assert labels.conclusions()["assay / e2e"] == "success"


def test_a_retest_looks_at_the_labels_of_now(labels: World) -> None:
    labels.forge.changes[7] = replace(labels.forge.changes[7], labels=("run/web",))
    labels.say("/retest")
    assert ran(labels) == ["e2e", "unit"]


def test_labels_hold_no_push_up(world: World) -> None:
    world.forge.suite_files[""] = LABELS
    world.push()
    world.settle()
    assert ran(world) == ["e2e", "unit"]
