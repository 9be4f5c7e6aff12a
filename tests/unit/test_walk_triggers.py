"""From a webhook to builds and runs: what each event does, once, whatever order deliveries come in."""

import itertools
from dataclasses import replace

import pytest

from bot.app import intake
from bot.app.intake import Outcome
from bot.domain.errors import BadSignature, ForgeUnavailable, StoreBusy
from bot.domain.events import ChangeClosed, Ignored, InstallationChanged, RefDeleted, RepositoryMoved
from bot.domain.planning import ChangedFiles
from bot.domain.refs import Person
from bot.domain.runs import RunState
from bot.ports.queue import ExecuteRun, HandleDelivery
from bot.ports.sandbox import Exit
from tests.fakes.forge import ANA, HELLO, STAN, a_change
from tests.fakes.sandbox import Act
from tests.walks import GITHUB, ONE, TWO, World


def suites(text: str) -> bytes:
    return b"suites:\n" + text.encode()


UNIT = "  unit: {image: busybox, run: 'true'}\n"


def test_a_push_is_run_and_ends_in_two_green_checks(world: World) -> None:
    assert world.push().outcome is Outcome.STORED
    world.settle()
    assert world.run().state is RunState.PASSED
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}
    assert world.forge.check(ONE, "assay / unit").check.details_url == "https://ci.example.org/b/1/unit"


def test_a_delivery_with_a_bad_signature_is_refused_and_leaves_nothing(world: World) -> None:
    with pytest.raises(BadSignature):
        intake.accept(world.app, GITHUB, {"signature": "wrong"}, b"{}")
    assert not world.queue.tasks


def test_an_ignored_event_says_why(world: World) -> None:
    answer = world.hear(Ignored("unsupported event star"))
    assert (answer.outcome, answer.reason) == (Outcome.IGNORED, "unsupported event star")
    assert not world.queue.tasks


def test_the_same_delivery_again_is_a_duplicate(world: World) -> None:
    world.push()
    world.settle()
    body = next(iter(world.forge.events))
    again = intake.accept(world.app, GITHUB, {"signature": "right", "id": "1"}, body)
    assert again.outcome is Outcome.DUPLICATE
    world.settle()
    assert len(world.builds()) == 1


def test_the_same_event_under_two_deliveries_makes_one_build(world: World) -> None:
    world.push()
    world.push()
    world.settle()
    assert len(world.builds()) == 1
    assert len(world.sandbox.jobs) == 1


def test_hints_that_come_twice_run_nothing_twice(world: World) -> None:
    world.push()
    world.queue.tasks.extend(world.queue.tasks)
    world.step(HandleDelivery)
    world.queue.tasks.extend(world.queue.tasks)
    world.settle()
    assert len(world.sandbox.jobs) == 1
    assert len(world.forge.shown) == 2


def test_lost_hints_are_sent_again_by_the_sweep(world: World) -> None:
    world.push()
    world.lose_hints()
    assert world.turn("deliveries") == 1
    world.step(HandleDelivery)
    world.lose_hints()
    assert (world.turn("runs"), world.turn("reports")) == (1, 2)
    world.settle()
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}


def test_a_repository_without_suite_file_gets_nothing(world: World) -> None:
    world.forge.suite_files.clear()
    world.push()
    world.open_change(a_change(7, TWO))
    world.settle()
    assert world.forge.shown == {}
    assert world.builds() == []


def test_a_faulty_suite_file_gives_one_failing_check_and_runs_nothing(world: World) -> None:
    world.forge.suite_files[""] = suites("  unit: {image: busybox, run: 'true', artefacts: x, timeout: 10}\n")
    world.push()
    world.settle()
    assert world.conclusions() == {"assay": "failure"}
    assert world.titles()["assay"] == ".assay.yml has 2 errors"
    assert len(world.forge.check(ONE, "assay").check.annotations) == 2
    assert world.sandbox.jobs == []


@pytest.mark.parametrize("message", ["Correct a letter [skip ci]", "[CI SKIP] x", "one\n\n[ci skip]"])
def test_skip_ci_is_reported_as_skipped(world: World, message: str) -> None:
    world.push(message=message)
    world.settle()
    assert world.conclusions() == {"assay": "success", "assay / unit": "skipped"}
    assert "skip ci" in world.titles()["assay / unit"]
    assert world.sandbox.jobs == []


def test_a_path_filter_that_matches_nothing_is_reported_with_its_glob(world: World) -> None:
    world.forge.suite_files[""] = suites(UNIT + "  docs: {image: busybox, run: 'true', when: {paths: ['docs/**']}}\n")
    world.forge.changed = ChangedFiles(("src/code.py",), complete=True)
    world.push()
    world.settle()
    assert world.conclusions() == {"assay": "success", "assay / unit": "success", "assay / docs": "skipped"}
    assert world.titles()["assay / docs"] == "Skipped: no changed file matches docs/**"


@pytest.mark.parametrize("changed", [None, ChangedFiles(("src/code.py",), complete=False)])
def test_a_list_of_files_that_may_be_cut_skips_nothing(world: World, changed: ChangedFiles | None) -> None:
    world.forge.suite_files[""] = suites("  docs: {image: busybox, run: 'true', when: {paths: ['docs/**']}}\n")
    world.forge.changed = changed
    world.push()
    world.settle()
    assert world.conclusions()["assay / docs"] == "success"
    assert "path filters were not used" in world.forge.check(ONE, "assay").check.summary


def test_a_suite_for_other_events_is_not_shown(world: World) -> None:
    world.forge.suite_files[""] = suites(UNIT + "  release: {image: busybox, run: 'true', when: {events: [tag]}}\n")
    world.push()
    world.settle()
    assert set(world.conclusions()) == {"assay", "assay / unit"}


def test_a_push_that_no_suite_is_for_gets_nothing(world: World) -> None:
    world.forge.suite_files[""] = suites("  unit: {image: busybox, run: 'true', when: {events: [pull_request]}}\n")
    world.push()
    world.settle()
    assert world.forge.shown == {}


def test_a_change_that_no_suite_is_for_gets_a_green_aggregate(world: World) -> None:
    world.forge.suite_files[""] = suites("  unit: {image: busybox, run: 'true', when: {events: [push]}}\n")
    world.open_change(a_change(7, ONE))
    world.settle()
    assert world.conclusions() == {"assay": "success"}


def test_deleting_a_branch_cancels_what_waits_for_it(world: World) -> None:
    world.push(branch="gone")
    world.step(HandleDelivery)
    world.hear(RefDeleted(repository=HELLO, branch="gone", tag=None))
    world.step(HandleDelivery)
    world.settle()
    assert world.run().state is RunState.CANCELLED
    assert world.sandbox.jobs == []


def test_a_new_head_supersedes_the_older_one(world: World) -> None:
    world.open_change(a_change(7, ONE))
    world.step(HandleDelivery)
    world.open_change(a_change(7, TWO), action="synchronize")
    world.step(HandleDelivery)
    world.settle()
    assert world.conclusions(ONE) == {"assay": "cancelled", "assay / unit": "cancelled"}
    assert world.titles(ONE)["assay / unit"] == "Superseded by 2222222"
    assert world.conclusions(TWO) == {"assay": "success", "assay / unit": "success"}


HEADS = [digit * 40 for digit in "345"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_in_any_order_of_deliveries_only_the_newest_head_runs(world: World, order: tuple[int, ...]) -> None:
    newest = a_change(7, HEADS[-1])
    world.source.add(newest.head, {})
    world.forge.changes[7] = newest
    for number in order:
        world.hear(world.updated(7, HEADS[number]))  # type: ignore[arg-type]  # a plain text stands for a sha
    world.settle()
    assert {one.check.sha for one in world.forge.shown.values()} == {HEADS[-1]}
    assert len(world.sandbox.jobs) == 1


def test_closing_ends_what_is_unfinished(world: World) -> None:
    world.open_change(a_change(7, ONE))
    world.step(HandleDelivery)
    world.forge.changes[7] = a_change(7, ONE, is_open=False)
    world.hear(ChangeClosed(repository=HELLO, number=7, merged=False, sender=ANA))
    world.step(HandleDelivery)
    world.settle()
    assert world.conclusions() == {"assay": "cancelled", "assay / unit": "cancelled"}
    assert world.sandbox.jobs == []


def test_a_late_opened_does_not_revive_a_closed_change(world: World) -> None:
    world.forge.changes[7] = a_change(7, ONE, is_open=False)
    world.hear(ChangeClosed(repository=HELLO, number=7, merged=True, sender=ANA))
    world.hear(world.updated(7, ONE, action="opened"))
    world.settle()
    assert world.builds() == []


def test_a_late_closed_does_not_end_a_change_that_was_reopened(world: World) -> None:
    world.open_change(a_change(7, ONE))
    world.hear(ChangeClosed(repository=HELLO, number=7, merged=False, sender=ANA))
    world.settle()
    assert world.run().state is RunState.PASSED


def test_a_reopened_change_is_built_anew(world: World) -> None:
    test_closing_ends_what_is_unfinished(world)
    world.open_change(a_change(7, ONE), action="reopened")
    world.settle()
    assert [run.state for build in (1, 2) for run in world.runs(build)] == [RunState.CANCELLED, RunState.PASSED]
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}


def test_a_push_and_a_change_of_one_commit_share_their_run(world: World) -> None:
    world.push(branch="topic")
    world.open_change(a_change(7, ONE))
    world.settle()
    assert len(world.builds()) == 2
    assert len(world.sandbox.jobs) == 1
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}
    assert len(world.forge.checks(ONE, "assay / unit")) == 1


def test_a_draft_that_becomes_ready_is_not_run_twice(world: World) -> None:
    world.open_change(a_change(7, ONE, draft=True))
    world.settle()
    world.open_change(a_change(7, ONE), action="ready_for_review")
    world.settle()
    assert len(world.sandbox.jobs) == 1


def test_a_retargeted_change_is_run_anew(world: World) -> None:
    world.open_change(a_change(7, ONE))
    world.settle()
    world.open_change(a_change(7, ONE, base_ref="release"), action="retargeted")
    world.settle()
    assert len(world.sandbox.jobs) == 2
    assert len(world.forge.checks(ONE, "assay / unit")) == 2


def test_the_aggregate_takes_in_the_suites_of_every_build_of_the_commit(world: World) -> None:
    world.forge.suite_files[""] = suites(
        "  good: {image: busybox, run: 'true', when: {events: [push]}}\n"
        "  bad: {image: busybox, run: 'exit 1', when: {events: [pull_request]}}\n"
    )
    world.sandbox.acts["exit 1"] = Act(exit=Exit(code=1))
    world.open_change(a_change(7, ONE))
    world.settle()
    world.push(branch="topic")
    world.settle()
    assert world.conclusions() == {"assay": "failure", "assay / good": "success", "assay / bad": "failure"}


def test_a_forge_that_is_away_for_a_moment_is_asked_again(world: World) -> None:
    world.forge.trouble["read_file"] = [ForgeUnavailable("502", retry_after=0)]
    world.push()
    world.step(HandleDelivery)
    assert world.forge.shown == {}
    world.lose_hints()
    assert world.turn("deliveries") == 1
    world.settle()
    assert world.conclusions()["assay"] == "success"


def test_a_store_that_is_busy_loses_nothing(world: World) -> None:
    world.forge.trouble["read_file"] = [StoreBusy("locked", retry_after=0)]
    world.push()
    world.settle()
    world.turn("deliveries")
    world.settle()
    assert world.run().state is RunState.PASSED


def test_a_delivery_that_makes_us_stumble_is_tried_again_and_stops_no_other(world: World) -> None:
    world.forge.trouble["read_file"] = [RuntimeError("a bug")]
    world.push(ONE)
    world.push(TWO, branch="other")
    world.settle()
    assert world.conclusions(TWO)["assay"] == "success"
    assert world.builds(ONE) == []


def test_a_renamed_repository_is_followed_by_what_the_forge_says(world: World) -> None:
    world.push()
    world.settle()
    renamed = replace(HELLO, path="acme/second", clone_url="https://github.example/acme/second.git")
    world.forge.seen = renamed
    world.hear(RepositoryMoved(repository=renamed))
    world.settle()
    with world.app.work() as work:
        assert work.repositories.see(HELLO).path == "acme/second"
        assert work.repositories.find(GITHUB, "acme/hello") is None


def test_a_new_repository_under_an_old_name_is_another_one(world: World) -> None:
    world.push()
    world.settle()
    world.push(TWO, repository=replace(HELLO, forge_id=101))
    world.settle()
    assert world.builds(TWO) == []
    with world.app.work() as work:
        other = work.repositories.see(replace(HELLO, forge_id=101))
        assert len(work.builds.at(other.id, TWO)) == 1


def test_an_installation_is_noted(world: World) -> None:
    world.hear(InstallationChanged(forge=GITHUB, installation=5, active=False))
    world.settle()
    assert world.forge.shown == {}


def test_a_strangers_change_waits_and_runs_nothing(world: World) -> None:
    world.forge.changed = ChangedFiles((".assay.yml", "src/x.py"), complete=True)
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()
    assert world.conclusions() == {"assay": "action_required"}
    assert world.run().state is RunState.AWAITING_APPROVAL
    assert "`.assay.yml`" in world.forge.check(ONE, "assay").check.summary
    assert world.sandbox.jobs == []


@pytest.mark.parametrize(
    ("author", "sender"),
    [(STAN, ANA), (ANA, STAN), (STAN, Person(77, "ana")), (STAN, Person(8, "helper[bot]", True))],
)
def test_a_forks_change_is_trusted_only_if_author_and_sender_may_write(
    world: World, author: Person, sender: Person
) -> None:
    world.open_change(a_change(7, ONE, author=author, fork=True), sender=sender)
    world.settle()
    assert world.run().state is RunState.AWAITING_APPROVAL


def test_a_change_from_a_deleted_fork_waits(world: World) -> None:
    world.open_change(a_change(7, ONE, author=STAN, head_repository=None), sender=STAN)
    world.settle()
    assert world.conclusions() == {"assay": "action_required"}


def test_a_forks_change_by_somebody_who_may_write_is_run(world: World) -> None:
    world.open_change(a_change(7, ONE, fork=True))
    world.settle()
    assert world.run().state is RunState.PASSED


def test_a_bots_change_from_a_branch_of_the_repository_is_run(world: World) -> None:
    bot = Person(8, "updater[bot]", is_bot=True)
    world.open_change(a_change(7, ONE, author=bot), sender=bot)
    world.settle()
    assert world.run().state is RunState.PASSED


def test_a_permission_that_cannot_be_asked_is_no_permission_yet(world: World) -> None:
    world.forge.trouble["permission"] = [ForgeUnavailable("timeout", retry_after=0)]
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.step(HandleDelivery)
    assert world.builds() == []
    world.settle()
    assert world.run().state is RunState.AWAITING_APPROVAL


def test_a_push_by_a_writer_of_a_strangers_commit_is_run_trusted(world: World) -> None:
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()
    world.push(branch="topic")
    world.settle()
    assert [job.env["ASSAY_BRANCH"] for job in world.sandbox.jobs] == ["topic"]
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}


def test_a_run_waits_while_no_worker_may_take_it(world: World) -> None:
    world.sandbox.trouble = "the disk is nearly full"
    world.push()
    world.settle()
    assert world.run().state is RunState.QUEUED
    world.sandbox.trouble = None
    world.turn("runs")
    world.step(ExecuteRun)
    world.settle()
    assert world.run().state is RunState.PASSED
