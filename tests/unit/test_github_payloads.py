"""Recorded-looking payloads of GitHub and the events that they mean (BEHAVIOUR §1, FORGES §1.3)."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from bot.adapters.forge_github.translation import translate
from bot.domain.events import (
    ActionAsked,
    ChangeClosed,
    ChangeUpdated,
    Commented,
    CommentKind,
    Ignored,
    InstallationChanged,
    MergeGroupAsked,
    MergeGroupGone,
    Pushed,
    RefDeleted,
    RepositoryMoved,
    RerunAsked,
)
from bot.domain.refs import ForgeName, Person, RepositorySeen, Sha

DATA: Final = Path(__file__).parents[1] / "data" / "github"
GITHUB: Final = ForgeName("github")
APP: Final = "4711"
ANN: Final = Person(601, "ann-t")
BEN: Final = Person(602, "ben-o")
KETTLE: Final = RepositorySeen(
    forge=GITHUB,
    forge_id=8101,
    path="brass/kettle",
    private=False,
    default_branch="main",
    web_url="https://github.com/brass/kettle",
    clone_url="https://github.com/brass/kettle.git",
    installation=3300,
)
SAMOVAR: Final = replace(
    KETTLE,
    path="brass/samovar",
    web_url="https://github.com/brass/samovar",
    clone_url="https://github.com/brass/samovar.git",
)
COPPER: Final = replace(
    KETTLE,
    path="copper/kettle",
    web_url="https://github.com/copper/kettle",
    clone_url="https://github.com/copper/kettle.git",
)
PUSHED: Final = Pushed(
    repository=KETTLE,
    branch="main",
    tag=None,
    sha=Sha("2" * 40),
    before=Sha("1" * 40),
    message="Whistle earlier\n\nAt 98 degrees.",
    sender=ANN,
)
TAGGED: Final = replace(PUSHED, branch=None, tag="v1.0", before=None)
NEW_BRANCH: Final = replace(PUSHED, branch="feature/lid", before=None)
BRANCH_DELETED: Final = RefDeleted(repository=KETTLE, branch="feature/lid", tag=None)
UPDATED: Final = ChangeUpdated(
    repository=KETTLE,
    number=7,
    action="opened",
    head=Sha("3" * 40),
    updated_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    sender=ANN,
)
CLOSED: Final = ChangeClosed(repository=KETTLE, number=7, merged=False, sender=ANN)
INSTALLED: Final = InstallationChanged(forge=GITHUB, installation=3300, active=True)
COMMENTED: Final = Commented(
    repository=KETTLE,
    number=7,
    comment=55,
    kind=CommentKind.CHANGE,
    author=ANN,
    text="/retest",
    created_at=datetime(2026, 1, 2, 4, 5, 6, tzinfo=UTC),
)
REVIEWED: Final = replace(COMMENTED, comment=56, kind=CommentKind.REVIEW, text="/test unit")
TIDY: Final = Person(699, "tidy[bot]", is_bot=True)
RERUN: Final = RerunAsked(repository=KETTLE, sha=Sha("3" * 40), external_id="run-1", sender=ANN)
ACTION: Final = ActionAsked(
    repository=KETTLE, sha=Sha("3" * 40), external_id="build-1", identifier="approve", sender=ANN
)
QUEUED: Final = MergeGroupAsked(
    repository=KETTLE,
    sha=Sha("7" * 40),
    ref="gh-readonly-queue/main/pr-7-" + "1" * 40,
    base_ref="main",
    base_sha=Sha("1" * 40),
    message="Merge pull request #7",
    sender=Person(697, "queue[bot]", is_bot=True),
)
UNQUEUED: Final = MergeGroupGone(repository=KETTLE, sha=Sha("7" * 40), reason="dequeued")
EDITED: Final = Ignored("comment edited: only new ones are read")
DELETED: Final = Ignored("comment deleted: only new ones are read")
OWN: Final = Ignored("a comment by ourselves")
FOREIGN: Final = Ignored("a check of another App")

EXPECTED: Final = {
    "ping.app": Ignored("ping"),
    "push.branch": PUSHED,
    "push.forced": PUSHED,
    "push.branch_created": NEW_BRANCH,
    "push.branch_deleted": BRANCH_DELETED,
    "push.branch_deleted_sha256": BRANCH_DELETED,
    "push.branch_deleted_unflagged": BRANCH_DELETED,
    "push.sha256": replace(PUSHED, before=Sha("a" * 64), sha=Sha("b" * 64)),
    "push.null_head_commit": replace(PUSHED, message=""),
    "push.head_commit_missing": replace(PUSHED, message="", sender=Person(0, "ann-t")),
    "push.bot": replace(PUSHED, sender=Person(699, "tidy[bot]", is_bot=True)),
    "push.repository_hook": replace(PUSHED, repository=replace(KETTLE, installation=None)),
    "push.merge_queue": Ignored("merge queue branch"),
    "push.note": Ignored("a push to neither branch nor tag"),
    "push.tag": TAGGED,
    "push.tag_annotated": replace(TAGGED, tag="v2.0", sha=Sha("e" * 40), message="Release 2.0"),
    "push.tag_deleted": RefDeleted(repository=KETTLE, branch=None, tag="v1.0"),
    "pull_request.opened": UPDATED,
    "pull_request.opened_draft": UPDATED,
    "pull_request.opened_fork": replace(UPDATED, sender=BEN),
    "pull_request.opened_ghost": replace(UPDATED, sender=BEN),
    "pull_request.reopened": replace(UPDATED, action="reopened"),
    "pull_request.synchronize": replace(UPDATED, action="synchronize"),
    "pull_request.ready_for_review": replace(UPDATED, action="ready_for_review"),
    "pull_request.edited_base": replace(UPDATED, action="retargeted"),
    "pull_request.edited_title": Ignored("pull_request edited: the target branch is the same"),
    "pull_request.unlabeled": replace(UPDATED, action="unlabeled"),
    "pull_request.labeled": replace(UPDATED, action="labeled"),
    "pull_request.converted_to_draft": Ignored("pull_request converted_to_draft: nothing to do"),
    "pull_request.closed": CLOSED,
    "pull_request.closed_merged": replace(CLOSED, merged=True),
    "repository.renamed": RepositoryMoved(repository=SAMOVAR),
    "repository.transferred": RepositoryMoved(repository=COPPER),
    "repository.privatized": RepositoryMoved(repository=replace(KETTLE, private=True)),
    "repository.publicized": RepositoryMoved(repository=KETTLE),
    "repository.edited_default_branch": RepositoryMoved(repository=replace(KETTLE, default_branch="trunk")),
    "repository.edited_topics": Ignored("repository edited: nothing to do"),
    "repository.archived": Ignored("repository archived: nothing to do"),
    "installation.created": INSTALLED,
    "installation.unsuspend": INSTALLED,
    "installation.new_permissions_accepted": INSTALLED,
    "installation.deleted": replace(INSTALLED, active=False),
    "installation.suspend": replace(INSTALLED, active=False),
    "installation_repositories.added": INSTALLED,
    "installation_repositories.removed": replace(INSTALLED, removed=(8101, 8102)),
    "issue_comment.created": COMMENTED,
    "issue_comment.created_stranger": replace(COMMENTED, author=BEN, text="Thanks!\r\n\r\n/retest unit\r\n"),
    "issue_comment.created_bot": replace(COMMENTED, author=TIDY),
    "issue_comment.created_bot_by_name": replace(COMMENTED, author=TIDY),
    "issue_comment.created_own": OWN,
    "issue_comment.created_own_told_above": OWN,
    "issue_comment.created_closed": COMMENTED,
    "issue_comment.created_locked": COMMENTED,
    "issue_comment.created_issue": Ignored("a comment on an issue, not on a pull request"),
    "issue_comment.created_null_body": replace(COMMENTED, text=""),
    "issue_comment.created_ghost": Ignored("incomplete payload: comment.user"),
    "issue_comment.edited": EDITED,
    "issue_comment.edited_by_other": EDITED,
    "issue_comment.deleted": DELETED,
    "pull_request_review_comment.created": REVIEWED,
    "pull_request_review_comment.created_bot": replace(REVIEWED, author=TIDY),
    "pull_request_review_comment.created_without_number": Ignored("incomplete payload: pull_request.number"),
    "pull_request_review_comment.edited": EDITED,
    "pull_request_review_comment.deleted": DELETED,
    "check_run.rerequested": RERUN,
    "check_run.rerequested_fork": replace(RERUN, sender=BEN),
    "check_run.rerequested_foreign": FOREIGN,
    "check_run.rerequested_without_external_id": Ignored("incomplete payload: check_run.external_id"),
    "check_run.requested_action": ACTION,
    "check_run.requested_action_foreign": FOREIGN,
    "check_run.requested_action_unnamed": Ignored("incomplete payload: requested_action"),
    "check_run.created": Ignored("check_run created: nothing to do"),
    "check_run.completed": Ignored("check_run completed: nothing to do"),
    "check_suite.rerequested": replace(RERUN, external_id=None),
    "check_suite.rerequested_fork": replace(RERUN, external_id=None, sender=BEN),
    "check_suite.rerequested_foreign": Ignored("checks of another App"),
    "check_suite.requested": Ignored("check_suite requested: nothing to do"),
    "check_suite.completed": Ignored("check_suite completed: nothing to do"),
    "merge_group.checks_requested": QUEUED,
    "merge_group.destroyed": UNQUEUED,
    "merge_group.destroyed_merged": replace(UNQUEUED, reason="merged"),
    "merge_group.destroyed_without_reason": replace(UNQUEUED, reason=""),
    "create.branch": Ignored("create: the push says the same"),
}


def payload(name: str) -> dict[str, Any]:
    found = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_every_payload_has_an_expectation() -> None:
    assert {path.stem for path in DATA.glob("*.json")} == EXPECTED.keys()


READ_ELSEWHERE: Final = "commands are read from comments on pull requests"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("create", "create: the push says the same"),
        ("delete", "delete: the push says the same"),
        ("commit_comment", f"commit_comment: {READ_ELSEWHERE}"),
        ("pull_request_review", f"pull_request_review: {READ_ELSEWHERE}"),
        *(
            (event, f"unsupported event: {event}")
            for event in ("fork", "github_app_authorization", "member", "meta", "release", "status", "workflow_run")
        ),
    ],
)
def test_what_is_of_no_use_is_ignored_with_the_reason(event: str, reason: str) -> None:
    assert translate(GITHUB, "1", event, payload("push.branch")) == Ignored(reason)


@pytest.mark.parametrize(
    "action", ["assigned", "auto_merge_enabled", "enqueued", "locked", "milestoned", "review_requested"]
)
def test_other_actions_of_pull_requests_do_nothing(action: str) -> None:
    told = {**payload("pull_request.opened"), "action": action}
    assert translate(GITHUB, "1", "pull_request", told) == Ignored(f"pull_request {action}: nothing to do")


@pytest.mark.parametrize("name", EXPECTED)
def test_a_payload_means_its_event(name: str) -> None:
    event = translate(GITHUB, APP, name.partition(".")[0], payload(name))

    assert event == EXPECTED[name]


@pytest.mark.parametrize("name", ["check_run.rerequested", "check_run.requested_action", "check_suite.rerequested"])
def test_an_app_is_known_by_its_client_id_as_well(name: str) -> None:
    event = translate(GITHUB, "Iv23brassOURS00001", name.partition(".")[0], payload(name))

    assert event == EXPECTED[name]


@pytest.mark.parametrize("app", [None, [], {}, {"id": "4711 "}, {"id": 47110}, {"client_id": None}])
def test_a_button_of_nobody_we_know_is_not_ours(app: object) -> None:
    data = payload("check_run.rerequested")
    data["check_run"]["app"] = app

    assert translate(GITHUB, APP, "check_run", data) == FOREIGN


@pytest.mark.parametrize("action", ["closed", "", "é" * 200, 5, None])
@pytest.mark.parametrize("name", ["issue_comment", "check_run", "check_suite", "merge_group"])
def test_other_actions_of_buttons_and_comments_do_nothing(name: str, action: object) -> None:
    data = {**payload(next(one for one in EXPECTED if one.startswith(f"{name}."))), "action": action}

    assert isinstance(translate(GITHUB, APP, name, data), Ignored)


def test_only_the_comments_own_text_is_read() -> None:
    data = payload("issue_comment.created")
    data["comment"]["body"] = "thanks"

    event = translate(GITHUB, APP, "issue_comment", data)

    assert "/retest" in data["issue"]["body"]
    assert event == replace(COMMENTED, text="thanks")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("repository", None, "repository"),
        ("after", "2" * 39, "after"),
        ("after", "A" * 40, "after"),
        ("after", "2" * 40 + "\n", "after"),
        ("ref", "", "ref"),
        ("ref", "refs/heads/" + "x" * 1100, "ref"),
        ("before", 5, "before"),
        ("sender", {"id": True, "login": "x"}, "sender.id"),
        ("sender", {"id": 2**63, "login": "x"}, "sender.id"),
        ("sender", {"id": -1, "login": "x"}, "sender.id"),
        ("installation", {"id": "12"}, "installation.id"),
    ],
)
def test_what_is_missing_is_named(field: str, value: object, reason: str) -> None:
    data = {**payload("push.null_head_commit"), field: value}

    assert translate(GITHUB, APP, "push", data) == Ignored(f"incomplete payload: {reason}")


def test_a_repository_without_an_id_is_named_by_its_path() -> None:
    data = payload("pull_request.opened")
    del data["repository"]["id"]

    assert translate(GITHUB, APP, "pull_request", data) == Ignored("incomplete payload: repository.id")


def test_a_repository_has_at_least_one_address() -> None:
    data = payload("push.branch")
    del data["repository"]["html_url"]
    assert translate(GITHUB, APP, "push", data) == PUSHED
    del data["repository"]["clone_url"]

    assert translate(GITHUB, APP, "push", data) == Ignored("incomplete payload: repository.html_url")


def test_a_sender_without_number_is_nobody() -> None:
    data = {**payload("pull_request.opened"), "sender": {"login": "ann-t", "type": "User"}}

    assert translate(GITHUB, APP, "pull_request", data) == replace(UPDATED, sender=Person(0, "ann-t"))


def test_long_texts_are_cut_and_nul_is_left_out() -> None:
    data = payload("push.branch")
    data["head_commit"]["message"] = "\0" + "x" * 100_000

    event = translate(GITHUB, APP, "push", data)

    assert isinstance(event, Pushed)
    assert event.message == "x" * 65536


def test_a_branch_with_odd_characters_keeps_its_name() -> None:
    data = {**payload("push.branch"), "ref": "refs/heads/-x;$(id)`\u202e<b>\x1b[0m"}

    event = translate(GITHUB, APP, "push", data)

    assert isinstance(event, Pushed)
    assert event.branch == "-x;$(id)`\u202e<b>\x1b[0m"


def test_a_repository_of_unknown_visibility_is_private() -> None:
    data = payload("push.branch")
    del data["repository"]["private"]

    event = translate(GITHUB, APP, "push", data)

    assert isinstance(event, Pushed)
    assert event.repository.private


@pytest.mark.parametrize("moment", ["yesterday", 5, None, "2026-01-02T03:04:05", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_cannot_be_read_is_none(moment: object) -> None:
    data = payload("pull_request.opened")
    data["pull_request"]["updated_at"] = moment

    event = translate(GITHUB, APP, "pull_request", data)

    assert isinstance(event, ChangeUpdated)
    assert event.updated_at is None
