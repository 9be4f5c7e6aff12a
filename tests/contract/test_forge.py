"""What every forge adapter must do, whatever the forge."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.checks import Check, CheckStatus, Conclusion
from bot.domain.errors import Ambiguous, BadInput, BadSignature, ForgeUnavailable, Gone, NotAllowed, Refused
from bot.domain.events import CommentKind, Ignored, Pushed
from bot.domain.planning import ChangedFiles
from bot.domain.refs import Person, Sha
from bot.ports.forge import Permission, Reaction
from tests.contract.forge_world import ForgeWorld, GitHubHookWorld, GitHubWorld, Shown
from tests.contract.gitlab_world import GitLabWorld

UNKNOWN = Sha("f" * 40)
ANN = Person(31, "ann")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(params=[GitHubWorld, GitHubHookWorld, GitLabWorld], ids=["github", "github by a token", "gitlab"])
def forge_world(request: pytest.FixtureRequest, tmp_path: Path) -> ForgeWorld:
    world: ForgeWorld = request.param(tmp_path)
    return world


@pytest.fixture
def sha(forge_world: ForgeWorld) -> Sha:
    return forge_world.commit("First widget", {"a.py": b"print()\n", "web/b.css": b""})


def check_of(sha: Sha, **changes: object) -> Check:
    check = Check(
        name="assay / unit",
        sha=sha,
        external_id="run-1",
        ref="main",
        details_url="http://127.0.0.1:1/b/1/unit",
        status=CheckStatus.QUEUED,
        conclusion=None,
        title="Queued",
        summary="Waits for a worker.",
    )
    return replace(check, **changes)  # type: ignore[arg-type]  # replace() checks the names


def passed(check: Check) -> Check:
    return replace(
        check,
        status=CheckStatus.COMPLETED,
        conclusion=Conclusion.SUCCESS,
        title="Passed",
        started_at=AT,
        completed_at=AT,
    )


def test_it_is_known_how_far_its_clock_is_before_ours_once_it_has_answered(forge_world: ForgeWorld) -> None:
    forge_world.forge.find(forge_world.repository.path)

    assert forge_world.forge.clock_ahead() == 0


def test_a_signed_push_is_understood(forge_world: ForgeWorld, sha: Sha) -> None:
    headers, body = forge_world.push_delivery(sha, "d-1")

    delivery = forge_world.forge.read(headers, body)

    assert isinstance(delivery.event, Pushed)
    assert (delivery.event.sha, delivery.event.branch, delivery.event.message) == (sha, "main", "First widget")
    assert delivery.event.repository.forge_id == forge_world.repository.forge_id
    assert delivery.event == forge_world.forge.parse(delivery.name, delivery.payload)


def test_a_delivery_that_is_sent_again_has_the_same_key(forge_world: ForgeWorld, sha: Sha) -> None:
    first, again, other = (forge_world.push_delivery(sha, one) for one in ("d-1", "d-1", "d-2"))

    keys = [forge_world.forge.read(*one).key for one in (first, again, other)]

    assert keys[0] == keys[1] != keys[2]


def test_a_changed_byte_breaks_the_signature(forge_world: ForgeWorld, sha: Sha) -> None:
    headers, body = forge_world.push_delivery(sha, "d-1")

    with pytest.raises(BadSignature) as caught:
        forge_world.forge.read(headers, body.replace(b"First", b"Forst"))

    assert str(caught.value) == ""


def test_a_body_that_cannot_be_read_is_bad_input_or_ignored(forge_world: ForgeWorld) -> None:
    event = forge_world.forge.parse("push", b"[" * 100_000)

    assert isinstance(event, Ignored)
    assert "invalid payload" in event.reason


def test_a_repository_is_found_by_its_number_after_a_rename(forge_world: ForgeWorld) -> None:
    forge_world.rename("octo/gadgets")

    seen = forge_world.forge.repository(forge_world.repository)

    assert (seen.path, seen.forge_id) == ("octo/gadgets", forge_world.repository.forge_id)


def test_calls_under_the_old_name_of_a_repository_reach_it(forge_world: ForgeWorld, sha: Sha) -> None:
    forge_world.rename("octo/gadgets")

    forge_world.forge.publish(forge_world.repository, check_of(sha), None)

    assert [one.status for one in forge_world.checks(sha)] == ["queued"]


def test_a_change_is_read_as_it_is_now(forge_world: ForgeWorld, sha: Sha) -> None:
    head = forge_world.commit("Better", {"a.py": b"print(1)\n"})
    number = forge_world.open_change(head, sha)
    forge_world.label(number, "run/web")

    change = forge_world.forge.change(forge_world.repository, number)

    assert (change.number, change.is_open, change.head, change.base_sha) == (number, True, head, sha)
    assert (change.base_ref, change.head_repository) == ("main", forge_world.repository.forge_id)
    assert change.labels == ("run/web",)


def test_a_change_that_is_not_there_is_gone(forge_world: ForgeWorld) -> None:
    with pytest.raises(Gone):
        forge_world.forge.change(forge_world.repository, 999)


def test_the_message_of_a_commit_is_read(forge_world: ForgeWorld, sha: Sha) -> None:
    assert forge_world.forge.commit_message(forge_world.repository, sha) == "First widget"


@pytest.mark.parametrize("permission", [Permission.READ, Permission.WRITE, Permission.ADMIN])
def test_a_person_may_do_what_the_forge_says(forge_world: ForgeWorld, permission: Permission) -> None:
    for role in forge_world.roles[permission]:
        forge_world.grant("ann", 31, role)

        assert forge_world.forge.permission(forge_world.repository, ANN) is permission


def test_a_login_that_somebody_else_has_now_gives_no_permission(forge_world: ForgeWorld) -> None:
    forge_world.grant("ann", 32, forge_world.roles[Permission.ADMIN][0])

    assert forge_world.forge.permission(forge_world.repository, ANN) is Permission.NONE


def test_an_unknown_person_may_do_nothing(forge_world: ForgeWorld) -> None:
    assert forge_world.forge.permission(forge_world.repository, ANN) is Permission.NONE


def test_a_permission_that_cannot_be_asked_for_is_not_taken_for_none(forge_world: ForgeWorld) -> None:
    forge_world.break_next(503)

    with pytest.raises(ForgeUnavailable):
        forge_world.forge.permission(forge_world.repository, ANN)


def test_a_file_is_read_at_its_commit(forge_world: ForgeWorld) -> None:
    old = forge_world.commit("One", {".assay.yml": b"version: 1\n"})
    forge_world.commit("Two", {".assay.yml": b"version: 2\n"})

    assert forge_world.forge.read_file(forge_world.repository, old, ".assay.yml", 1000) == b"version: 1\n"


def test_a_file_that_is_not_text_is_read_to_the_byte(forge_world: ForgeWorld) -> None:
    data = bytes(range(256))
    sha = forge_world.commit("Binary", {"weird name#1?.bin": data})

    assert forge_world.forge.read_file(forge_world.repository, sha, "weird name#1?.bin", 1000) == data


def test_of_a_large_file_one_byte_more_than_the_limit_is_read(forge_world: ForgeWorld) -> None:
    sha = forge_world.commit("Large", {"large": b"x" * 200_000})

    assert forge_world.forge.read_file(forge_world.repository, sha, "large", 1000) == b"x" * 1001


@pytest.mark.parametrize("path", ["missing", "web"], ids=["missing", "a folder"])
def test_no_file_is_none(forge_world: ForgeWorld, sha: Sha, path: str) -> None:
    assert forge_world.forge.read_file(forge_world.repository, sha, path, 1000) is None


def test_a_forge_in_trouble_does_not_say_that_there_is_no_file(forge_world: ForgeWorld, sha: Sha) -> None:
    forge_world.break_next(502)

    with pytest.raises(ForgeUnavailable):
        forge_world.forge.read_file(forge_world.repository, sha, "a.py", 1000)


def test_the_files_between_two_commits_are_listed(forge_world: ForgeWorld, sha: Sha) -> None:
    head = forge_world.commit("Two", {"c": b"", "web/b.css": b"b {}"})

    found = forge_world.forge.changed_files(forge_world.repository, change=None, base=sha, head=head)

    assert found == ChangedFiles(("c", "web/b.css"), complete=True)


def test_a_branch_leads_to_its_commits_and_to_no_others(forge_world: ForgeWorld, sha: Sha) -> None:
    head = forge_world.commit("Two", {"c": b""})
    forge_world.open_change(head, sha)
    holds, repository = forge_world.forge.holds, forge_world.repository

    assert holds(repository, "main", sha)
    assert not holds(repository, "main", head)
    assert holds(repository, "better", head)
    assert not holds(repository, "main", UNKNOWN)
    assert not holds(repository, head, head)
    assert not holds(repository, "nowhere", sha)


def test_all_pages_of_a_changes_files_are_listed(forge_world: ForgeWorld, sha: Sha) -> None:
    names = [f"f{number:03}" for number in range(250)]
    head = forge_world.commit("Many", dict.fromkeys(names, b"x"))
    number = forge_world.open_change(head, sha)

    found = forge_world.forge.changed_files(forge_world.repository, change=number, base=sha, head=head)

    assert found == ChangedFiles(tuple(names), complete=True)


@pytest.mark.parametrize("base", [None, UNKNOWN], ids=["none", "gone"])
def test_without_a_base_the_changed_files_are_unknown(forge_world: ForgeWorld, sha: Sha, base: Sha | None) -> None:
    assert forge_world.forge.changed_files(forge_world.repository, change=None, base=base, head=sha) is None


def test_a_check_is_made_once_and_then_changed(forge_world: ForgeWorld, sha: Sha) -> None:
    check = check_of(sha)

    ref = forge_world.forge.publish(forge_world.repository, check, None)
    forge_world.forge.publish(forge_world.repository, passed(check), ref)

    assert forge_world.checks(sha) == [Shown("assay / unit", "completed", "success", "Passed")]


def test_a_check_whose_making_was_not_heard_of_is_adopted(forge_world: ForgeWorld, sha: Sha) -> None:
    forge_world.lose_next_write()
    with pytest.raises(Ambiguous):
        forge_world.forge.publish(forge_world.repository, check_of(sha), None)

    forge_world.forge.publish(forge_world.repository, passed(check_of(sha)), None, again=True)

    assert [one.status for one in forge_world.checks(sha)] == ["completed"]


def test_a_check_of_another_run_is_not_adopted(forge_world: ForgeWorld, sha: Sha) -> None:
    forge_world.forge.publish(forge_world.repository, passed(check_of(sha)), None)

    forge_world.forge.publish(forge_world.repository, check_of(sha, external_id="run-2"), None, again=True)

    assert forge_world.checks(sha)[-1].status == "queued"


def test_a_check_that_is_shown_again_stays_one(forge_world: ForgeWorld, sha: Sha) -> None:
    ref = forge_world.forge.publish(forge_world.repository, passed(check_of(sha)), None)
    forge_world.forge.publish(forge_world.repository, passed(check_of(sha)), ref, again=True)

    assert [one.status for one in forge_world.checks(sha)] == ["completed"]


def test_texts_that_are_too_long_are_cut_and_not_refused(forge_world: ForgeWorld, sha: Sha) -> None:
    check = check_of(sha, title="é" * 300, summary="日" * 30_000, text="🙂" * 30_000)

    forge_world.forge.publish(forge_world.repository, check, None)

    assert re.fullmatch("é+…", forge_world.checks(sha)[0].title)


def test_a_commit_that_the_forge_does_not_have_is_refused_for_good(forge_world: ForgeWorld) -> None:
    with pytest.raises(Refused):
        forge_world.forge.publish(forge_world.repository, check_of(UNKNOWN), None)


@pytest.fixture
def change(forge_world: ForgeWorld, sha: Sha) -> int:
    return forge_world.open_change(forge_world.commit("Better", {"a.py": b"print(1)\n"}), sha)


@pytest.mark.parametrize("kind", CommentKind)
@pytest.mark.parametrize("reaction", Reaction)
def test_a_reaction_is_put_on_a_comment_once(
    forge_world: ForgeWorld, change: int, kind: CommentKind, reaction: Reaction
) -> None:
    comment = forge_world.comment(change, "/retest", kind)

    forge_world.forge.react(forge_world.repository, change, comment, kind, reaction)
    forge_world.forge.react(forge_world.repository, change, comment, kind, reaction)

    assert forge_world.reactions(comment) == [reaction]


@pytest.mark.parametrize("kind", CommentKind)
def test_a_reaction_to_a_comment_that_is_gone_is_no_error(
    forge_world: ForgeWorld, change: int, kind: CommentKind
) -> None:
    comment = forge_world.comment(change, "/retest", kind)
    forge_world.delete_comment(comment)

    forge_world.forge.react(forge_world.repository, change, comment, kind, Reaction.SEEN)

    assert forge_world.comments(change) == {}


def test_a_reaction_whose_answer_was_lost_can_be_repeated(forge_world: ForgeWorld, change: int) -> None:
    comment = forge_world.comment(change, "/retest", CommentKind.CHANGE)
    forge_world.lose_next_write()
    with pytest.raises(ForgeUnavailable) as caught:
        forge_world.forge.react(forge_world.repository, change, comment, CommentKind.CHANGE, Reaction.SEEN)

    forge_world.forge.react(forge_world.repository, change, comment, CommentKind.CHANGE, Reaction.SEEN)

    assert not isinstance(caught.value, Ambiguous)
    assert forge_world.reactions(comment) == [Reaction.SEEN]


def test_a_reply_is_written_once_and_then_changed(forge_world: ForgeWorld, change: int) -> None:
    ref = forge_world.forge.reply(forge_world.repository, change, "first", None)
    same = forge_world.forge.reply(forge_world.repository, change, "second", ref)

    assert same == ref
    assert forge_world.comments(change) == {int(ref): "second"}


def test_a_reply_that_somebody_deleted_is_written_anew(forge_world: ForgeWorld, change: int) -> None:
    ref = forge_world.forge.reply(forge_world.repository, change, "first", None)
    forge_world.delete_comment(int(ref))

    anew = forge_world.forge.reply(forge_world.repository, change, "second", ref)

    assert forge_world.comments(change) == {int(anew): "second"}


def test_a_reply_that_is_too_long_is_cut_and_not_refused(forge_world: ForgeWorld, change: int) -> None:
    ref = forge_world.forge.reply(forge_world.repository, change, "🙂" * 1_100_000, None)

    assert re.fullmatch("🙂{60000,}…", forge_world.comments(change)[int(ref)])


def test_a_reply_whose_answer_was_lost_may_have_been_written(forge_world: ForgeWorld, change: int) -> None:
    forge_world.lose_next_write()

    with pytest.raises(Ambiguous):
        forge_world.forge.reply(forge_world.repository, change, "first", None)

    assert list(forge_world.comments(change).values()) == ["first"]


def test_a_change_of_a_reply_whose_answer_was_lost_can_be_repeated(forge_world: ForgeWorld, change: int) -> None:
    ref = forge_world.forge.reply(forge_world.repository, change, "first", None)
    forge_world.lose_next_write()
    with pytest.raises(ForgeUnavailable) as caught:
        forge_world.forge.reply(forge_world.repository, change, "second", ref)

    forge_world.forge.reply(forge_world.repository, change, "second", ref)

    assert not isinstance(caught.value, Ambiguous)
    assert forge_world.comments(change) == {int(ref): "second"}


def test_a_change_that_is_gone_takes_no_reply(forge_world: ForgeWorld) -> None:
    with pytest.raises(Gone):
        forge_world.forge.reply(forge_world.repository, 999, "first", None)


def test_where_nobody_may_comment_we_are_not_allowed_to(forge_world: ForgeWorld, change: int) -> None:
    comment = forge_world.comment(change, "/retest", CommentKind.CHANGE)
    forge_world.lock(change)

    with pytest.raises(NotAllowed):
        forge_world.forge.reply(forge_world.repository, change, "first", None)
    with pytest.raises(NotAllowed):
        forge_world.forge.react(forge_world.repository, change, comment, CommentKind.CHANGE, Reaction.SEEN)


def test_git_gets_a_credential_for_this_repository_alone(forge_world: ForgeWorld) -> None:
    access = forge_world.forge.access(forge_world.repository)

    assert access.url == forge_world.repository.clone_url
    assert forge_world.reads_with(access.headers)
    assert "Authorization" not in repr(access)


def test_a_call_without_signature_is_refused_before_it_is_read(forge_world: ForgeWorld) -> None:
    with pytest.raises(BadSignature):
        forge_world.forge.read({}, b"not json")


def test_a_signature_does_not_make_a_body_readable(forge_world: ForgeWorld, sha: Sha) -> None:
    headers, body = forge_world.push_delivery(sha, "d-1")

    with pytest.raises(BadInput):
        forge_world.forge.read({**headers, "Content-Type": "text/plain"}, body)
