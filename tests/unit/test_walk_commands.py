"""Steering by comment: who may, what runs, what is answered (BEHAVIOUR §2)."""

from bot.domain.errors import ForgeUnavailable, NotAllowed, RateLimited
from bot.domain.refs import Person
from bot.domain.runs import Reason
from bot.ports.forge import Reaction
from bot.ports.sandbox import Exit
from tests.fakes.forge import ANA, a_change
from tests.fakes.sandbox import Act
from tests.talks import FILE, RITA, last_reply, ran
from tests.walks import ONE, TWO, World


def test_retest_runs_only_what_is_not_green(built: World) -> None:
    comment = built.say("/retest")
    assert ran(built) == ["bad"]
    assert built.forge.reactions[comment] == [Reaction.SEEN, Reaction.DONE]
    assert built.forge.replies == {}
    assert len(built.forge.checks(ONE, "assay / bad")) == 2
    assert len(built.forge.checks(ONE, "assay / good")) == 1


def test_a_label_starts_nothing_and_a_retest_after_it_still_works(built: World) -> None:
    for action in ("labeled", "unlabeled", "labeled"):
        built.hear(built.updated(7, ONE, action=action))
    built.settle()
    assert (ran(built), len(built.builds())) == ([], 1)
    built.say("/retest")
    assert ran(built) == ["bad"]


def test_a_retest_that_passes_turns_the_aggregate_green(built: World) -> None:
    built.sandbox.acts.clear()
    built.say("/retest")
    assert built.conclusions()["assay"] == "success"


def test_retest_of_a_green_change_says_so(built: World) -> None:
    built.sandbox.acts.clear()
    built.say("/retest")
    comment = built.say("/retest")
    assert "Nothing to run again: all 3 checks of `1111111` passed." in last_reply(built)
    assert built.forge.reactions[comment][-1] is Reaction.DONE


def test_retest_while_it_runs_waits_for_the_verdict(built: World) -> None:
    built.sandbox.trouble = "no worker"
    built.say("/test")
    built.say("/retest")
    assert "will be judged when it ends" in last_reply(built)


def test_retest_runs_what_never_ran(world: World) -> None:
    world.forge.changes[7] = a_change(7, ONE)
    world.source.add(ONE, {})
    world.say("/retest")
    assert ran(world) == ["unit"]
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}


def test_retest_of_a_named_suite_runs_it_only_if_it_is_not_green(built: World) -> None:
    built.say("/retest bad good")
    assert ran(built) == ["bad"]


def test_test_runs_everything_anew(built: World) -> None:
    built.say("/test")
    assert ran(built) == ["bad", "good", "spare"]


def test_test_of_named_suites_runs_them_whatever_their_state(built: World) -> None:
    built.say("/test good\r\n")
    assert ran(built) == ["good"]


def test_globs_name_several_suites(built: World) -> None:
    built.say("/test *a*")
    assert ran(built) == ["bad", "spare"]


def test_two_commands_of_a_comment_are_one_plan(built: World) -> None:
    built.say("/test good\n/test spare")
    assert ran(built) == ["good", "spare"]
    assert len(built.builds()) == 2


def test_a_named_suite_runs_although_its_filter_says_no(world: World) -> None:
    world.forge.suite_files[""] = b"suites:\n  docs: {image: busybox, run: x, when: {branches: [release]}}\n"
    world.open_change(a_change(7, ONE))
    world.settle()
    assert world.conclusions()["assay / docs"] == "skipped"
    world.say("/test docs")
    assert world.conclusions()["assay / docs"] == "success"


def test_an_unknown_suite_is_answered_with_the_nearest_and_runs_nothing(built: World) -> None:
    comment = built.say("/test godo")
    assert "There is no suite `godo`. Did you mean `good`?" in last_reply(built)
    assert built.forge.reactions[comment] == [Reaction.SEEN, Reaction.REFUSED]
    assert ran(built) == []


def test_a_comment_that_comes_twice_is_obeyed_once(built: World) -> None:
    built.say("/test good")
    built.say("/test good", comment=5001)
    assert ran(built) == ["good"]


def test_a_command_that_is_interrupted_by_the_forge_is_obeyed_later_once(built: World) -> None:
    built.forge.trouble["permission"] = [ForgeUnavailable("502", retry_after=0)]
    built.say("/test good")
    assert ran(built) == ["good"]
    assert built.forge.calls.count("permission") > 1


def test_a_locked_conversation_does_not_keep_a_command_from_being_obeyed(built: World) -> None:
    built.forge.trouble["react"] = [NotAllowed("locked"), NotAllowed("locked")]
    built.forge.trouble["reply"] = [NotAllowed("locked")]
    built.say("/test good\n/assay status")
    assert ran(built) == ["good"]


def test_a_bots_comment_does_nothing(built: World) -> None:
    built.say("/retest", by=Person(ANA.id, "helper[bot]", is_bot=True))
    assert ran(built) == []
    assert built.forge.reactions == {}


def test_a_comment_without_command_costs_no_call(built: World) -> None:
    before = len(built.forge.calls)
    built.say("I like it.")
    assert len(built.forge.calls) == before


def test_on_a_closed_change_nothing_happens(built: World) -> None:
    built.forge.changes[7] = a_change(7, ONE, is_open=False)
    built.say("/retest")
    assert ran(built) == []
    assert built.forge.replies == {}


def test_cancel_ends_what_waits_and_names_who_said_so(built: World) -> None:
    built.sandbox.trouble = "no worker"
    built.say("/test good")
    built.say("/cancel")
    built.say("/cancel")
    assert built.titles()["assay / good"] == "Cancelled by ana"
    assert built.forge.check(ONE, "assay / good").check.summary.count("@") == 0


def test_cancel_of_a_running_suite_reaches_its_worker(built: World) -> None:
    built.sandbox.trouble = "no worker"
    built.say("/test good")
    run = built.runs(2)[0]
    with built.app.work() as work:
        assert work.runs.claim(run.id, "elsewhere", 60)
    built.say("/cancel good")
    with built.app.work() as work:
        assert work.runs.get(run.id).cancel is Reason.USER


def test_status_is_one_reply_that_is_edited(built: World) -> None:
    built.say("/assay status", by=RITA)
    built.sandbox.acts.clear()
    built.say("/retest")
    built.say("/assay status", by=RITA)
    assert len(built.forge.replies) == 1
    assert "✓" in last_reply(built)
    assert "✗" not in last_reply(built)


def test_help_lists_the_commands_with_who_may_say_them_and_the_suites(built: World) -> None:
    built.say("/assay help", by=RITA)
    assert "`good`, `bad`, `spare`" in last_reply(built)
    assert "| `/retest [SUITE…]` |" in last_reply(built)
    assert "admin" in last_reply(built)
    built.say("/assay help")
    assert len(built.forge.replies) == 1


def test_a_reaction_that_the_forge_is_too_busy_for_is_put_later_and_repeats_nothing(built: World) -> None:
    built.forge.trouble["react"] = [RateLimited("slow down", retry_after=0), RateLimited("slow down", retry_after=0)]
    comment = built.say("/test godo\n/assay status")
    assert built.forge.reactions[comment] == [Reaction.REFUSED]
    assert len(built.forge.replies) == 2


def test_explain_gives_the_reason_for_each_suite(world: World) -> None:
    world.forge.suite_files[""] = (
        b"suites:\n"
        b"  docs: {image: busybox, run: x, when: {branches: [release]}}\n"
        b"  tags: {image: busybox, run: x, when: {events: [tag]}}\n"
    )
    world.open_change(a_change(7, ONE))
    world.settle()
    world.say("/assay explain")
    assert "`docs`: skipped: branch main does not match release" in last_reply(world)
    assert "`tags`: has not run; it is for tag" in last_reply(world)


def test_a_broken_suite_file_is_pointed_at(world: World) -> None:
    world.forge.suite_files[""] = b"suites:\n  unit: {image: x}\n"
    world.open_change(a_change(7, ONE))
    world.settle()
    world.say("/retest")
    assert "`.assay.yml` has 1 error; see the check `assay`" in last_reply(world)


def test_answers_to_one_person_replace_each_other_within_ten_minutes(built: World) -> None:
    built.say("/test godo")
    built.say("/test bda")
    assert len(built.forge.replies) == 1
    assert "`bda`" in last_reply(built)


def test_the_bare_forms_can_be_switched_off(tmp_path: object) -> None:
    world = World(tmp_path, bare_commands=False)  # type: ignore[arg-type]  # one of the forge's options
    world.open_change(a_change(7, ONE))
    world.settle()
    world.sandbox.jobs.clear()
    world.say("/test")
    assert ran(world) == []
    world.say("/assay test")
    assert ran(world) == ["unit"]


def test_a_push_ends_what_a_command_started_on_the_older_head(built: World) -> None:
    built.sandbox.trouble = "no worker"
    built.say("/test good")
    built.sandbox.trouble = None
    built.open_change(a_change(7, TWO), action="synchronize")
    built.settle()
    assert built.conclusions(ONE)["assay / good"] == "cancelled"
    assert built.conclusions(TWO)["assay / good"] == "success"


def test_a_retest_leaves_what_a_filter_skipped_as_it_is(world: World) -> None:
    docs = b"suites:\n  docs: {image: busybox, run: x, when: {branches: [release]}}\n"
    world.forge.suite_files[""] = FILE.replace(b"suites:\n", docs)
    world.sandbox.acts["exit 1"] = Act(exit=Exit(code=1))
    world.open_change(a_change(7, ONE))
    world.settle()
    world.say("/retest")
    assert len(world.forge.checks(ONE, "assay / docs")) == 1
