"""Steering by comment: who may approve, override and skip (BEHAVIOUR §2, RELIABILITY §8C)."""

from datetime import timedelta

import pytest

from bot.app import requesting
from bot.app.queries import Viewer
from bot.app.requesting import Order
from bot.domain.errors import RateLimited
from bot.domain.refs import ForgeName, Person
from bot.domain.runs import RunState
from bot.domain.tokens import Scope
from bot.ports.forge import Reaction
from tests.builders import NOON
from tests.fakes.forge import ANA, STAN, a_change
from tests.talks import last_reply, ran
from tests.walks import ONE, TWO, World

MAYA = Person(50, "maya")


def test_skip_ci_does_not_hold_against_a_command(world: World) -> None:
    world.forge.messages[ONE] = "x [skip ci]"
    world.open_change(a_change(7, ONE))
    world.settle()
    world.say("/test")
    assert ran(world) == ["unit"]


@pytest.mark.parametrize("text", ["/retest", "/test good", "/cancel", "/ok-to-test", "/skip spare", "/run good"])
def test_a_stranger_may_do_nothing(built: World, text: str) -> None:
    comment = built.say(text, by=STAN)
    assert ran(built) == []
    assert built.forge.reactions[comment][-1] is Reaction.REFUSED
    assert "write access" in last_reply(built)


def test_a_stranger_is_told_once(built: World) -> None:
    built.say("/retest", by=STAN)
    built.say("/test", by=STAN)
    assert len(built.forge.replies) == 1


def test_the_author_may_run_a_change_that_was_approved(waiting: World) -> None:
    waiting.say("/retest", by=STAN)
    assert ran(waiting) == []
    waiting.say("/ok-to-test")
    waiting.say("/test", by=STAN)
    assert ran(waiting) == ["unit", "unit"]


def test_who_starts_something_over_the_api_is_nobody_of_another_forge(world: World) -> None:
    world.push()
    world.settle()
    operator = Viewer(
        name="root", scopes=frozenset({Scope.ADMIN}), forge=ForgeName("gitlab"), person=Person(STAN.id, "root")
    )
    order = Order(repository="acme/hello", sha=ONE, ref="", suites=())
    requesting.start(world.app, operator, order, None)
    assert (world.builds()[0].sender_id, world.builds()[0].sender) == (0, "root")


def test_somebody_without_write_access_gets_three_commands_in_ten_minutes(waiting: World) -> None:
    waiting.say("/ok-to-test")
    waiting.sandbox.jobs.clear()
    waiting.say("/test", by=STAN)
    waiting.say("/test", by=STAN)
    waiting.say("/test", by=STAN)
    waiting.say("/test", by=STAN)
    waiting.say("/test", by=STAN)
    assert len(waiting.sandbox.jobs) == 3
    assert [text for text in waiting.forge.replies.values() if "At most 3" in text]
    assert len(waiting.forge.replies) == 1


def test_ok_to_test_lets_this_commit_run(waiting: World) -> None:
    comment = waiting.say("/ok-to-test")
    assert waiting.conclusions() == {"assay": "success", "assay / unit": "success"}
    assert waiting.forge.reactions[comment][-1] is Reaction.DONE


def test_ok_to_test_with_the_whole_sha_of_the_head_is_as_good(waiting: World) -> None:
    waiting.say(f"/ok-to-test {ONE}")
    assert ran(waiting) == ["unit"]


@pytest.mark.parametrize("sha", [ONE[:7], TWO, "main"])
def test_ok_to_test_with_another_or_a_short_sha_is_refused(waiting: World, sha: str) -> None:
    waiting.say(f"/ok-to-test {sha}")
    assert "is not the head" in last_reply(waiting)
    assert ran(waiting) == []


def test_an_approval_older_than_the_push_is_refused(waiting: World) -> None:
    waiting.say("/ok-to-test", created_at=NOON - timedelta(seconds=5))
    assert "pushed after" in last_reply(waiting)
    assert ran(waiting) == []


def test_a_later_commit_waits_again(waiting: World) -> None:
    waiting.say("/ok-to-test")
    waiting.open_change(a_change(7, TWO, author=STAN, fork=True), action="synchronize", sender=STAN)
    waiting.settle()
    assert waiting.conclusions(TWO) == {"assay": "action_required"}


def test_ok_to_test_pr_covers_later_commits_until_it_is_taken_back(waiting: World) -> None:
    waiting.say("/ok-to-test pr")
    waiting.open_change(a_change(7, TWO, author=STAN, fork=True), action="synchronize", sender=STAN)
    waiting.settle()
    assert waiting.conclusions(TWO)["assay"] == "success"
    waiting.say("/ok-to-test stop")
    third = "3" * 40
    waiting.open_change(a_change(7, third, author=STAN, fork=True), action="synchronize", sender=STAN)
    waiting.settle()
    assert waiting.conclusions(third) == {"assay": "action_required"}  # type: ignore[arg-type]  # a plain text stands for a sha


def test_ok_to_test_pr_is_as_good_after_somebody_else_approved_the_commit(waiting: World) -> None:
    waiting.forge.writers.add(MAYA.id)
    waiting.say("/ok-to-test")
    comment = waiting.say("/ok-to-test pr", by=MAYA)
    assert (waiting.forge.reactions[comment][-1], waiting.forge.replies) == (Reaction.DONE, {})
    with waiting.app.work() as work:
        entry = work.audit.recent(1)[0]
    assert (entry.actor, entry.action, entry.subject) == ("maya", "approve change", "change:7")
    waiting.open_change(a_change(7, TWO, author=STAN, fork=True), action="synchronize", sender=STAN)
    waiting.settle()
    assert waiting.conclusions(TWO)["assay"] == "success"


def test_ok_to_test_pr_on_a_trusted_change_says_that_nothing_waits(built: World) -> None:
    built.say("/ok-to-test pr")
    assert "Nothing waits for an approval" in last_reply(built)
    repository = built.builds()[0].repository
    with built.app.work() as work:
        assert not work.approvals.stands(repository, 7)


def test_who_started_a_suite_may_cancel_it_and_nothing_else(built: World) -> None:
    built.forge.writers.add(MAYA.id)
    built.sandbox.trouble = "no worker"
    built.say("/test good")
    built.say("/test spare", by=MAYA)
    built.forge.writers.discard(MAYA.id)
    comment = built.say("/cancel", by=MAYA)
    assert built.forge.reactions[comment][-1] is Reaction.DONE
    assert [run.state for build in (2, 3) for run in built.runs(build)] == [RunState.QUEUED, RunState.CANCELLED]


def test_a_writer_cannot_run_a_commit_that_nobody_approved(waiting: World) -> None:
    waiting.say("/test")
    assert "waits for an approval" in last_reply(waiting)
    assert ran(waiting) == []


def test_ok_to_test_where_nothing_waits_says_so(built: World) -> None:
    built.say("/ok-to-test")
    assert "Nothing waits for an approval" in last_reply(built)


def test_a_suite_that_may_fail_can_be_skipped_by_name(built: World) -> None:
    built.say("/skip spare")
    assert built.titles()["assay / spare"] == "Skipped: skipped by ana"
    assert built.conclusions()["assay / spare"] == "skipped"


def test_a_suite_that_has_to_pass_cannot_be_skipped(built: World) -> None:
    built.say("/skip bad")
    assert "has to pass" in last_reply(built)
    assert built.conclusions()["assay / bad"] == "failure"


def test_an_admin_can_override_a_suite_with_a_reason_that_is_shown_and_audited(built: World) -> None:
    built.forge.admins.add(ANA.id)
    built.say("/override bad the test is wrong, see the tracker")
    assert built.conclusions() == {
        "assay": "success",
        "assay / good": "success",
        "assay / bad": "success",
        "assay / spare": "success",
    }
    assert built.titles()["assay / bad"] == "Passed: overridden by ana: the test is wrong, see the tracker"
    with built.app.work() as work:
        entry = work.audit.recent(1)[0]
    assert (entry.actor, entry.action, "the test is wrong" in entry.detail) == ("ana", "override", True)


def test_a_writer_cannot_override(built: World) -> None:
    built.say("/override bad because")
    assert "admin rights" in last_reply(built)
    assert built.conclusions()["assay / bad"] == "failure"


def test_an_override_of_a_running_suite_ends_it_silently(built: World) -> None:
    built.forge.admins.add(ANA.id)
    built.sandbox.trouble = "no worker"
    built.say("/test bad")
    built.say("/override bad it is known")
    assert built.conclusions()["assay / bad"] == "success"
    assert RunState.SUPERSEDED in [run.state for run in built.runs(2)]


def test_until_it_is_approved_a_strangers_build_shows_the_aggregate_alone(world: World) -> None:
    world.forge.suite_files[""] = (
        b"suites:\n  unit: {image: busybox, run: x}\n  docs: {image: busybox, run: x, when: {branches: [release]}}\n"
    )
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()
    assert world.conclusions() == {"assay": "action_required"}
    world.say("/ok-to-test")
    assert world.conclusions() == {"assay": "success", "assay / unit": "success", "assay / docs": "skipped"}


def test_an_approval_whose_last_reaction_came_later_is_not_taken_back_in_words(waiting: World) -> None:
    waiting.forge.trouble["react"] = [
        RateLimited("slow down", retry_after=0),
        RateLimited("slow down", retry_after=0),
    ]
    comment = waiting.say("/ok-to-test")
    assert waiting.forge.reactions[comment] == [Reaction.DONE]
    assert waiting.forge.replies == {}
    assert ran(waiting) == ["unit"]
