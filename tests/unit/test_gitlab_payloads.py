"""Recorded-looking payloads of GitLab and the events that they mean (BEHAVIOUR §1, FORGES §3.2; C06, C19)."""

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.adapters.forge_gitlab.translation import translate
from bot.domain.events import (
    ChangeClosed,
    ChangeUpdated,
    Commented,
    CommentKind,
    ForgeEvent,
    Ignored,
    Pushed,
    RefDeleted,
)
from bot.domain.refs import ForgeName, Person, RepositorySeen, Sha

DATA: Final = Path(__file__).parents[1] / "data" / "gitlab"
GITLAB: Final = ForgeName("gitlab")
ME: Final = 77
ANN: Final = Person(601, "ann-t")
KETTLE: Final = RepositorySeen(
    forge=GITLAB,
    forge_id=8101,
    path="brass/kitchen/kettle",
    private=False,
    default_branch="main",
    web_url="https://gitlab.com/brass/kitchen/kettle",
    clone_url="https://gitlab.com/brass/kitchen/kettle.git",
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
NEW_BRANCH: Final = replace(PUSHED, branch="feature/lid", before=None)
BRANCH_DELETED: Final = RefDeleted(repository=KETTLE, branch="feature/lid", tag=None)
OPENED: Final = ChangeUpdated(
    repository=KETTLE,
    number=7,
    action="opened",
    head=Sha("3" * 40),
    updated_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    sender=ANN,
)
CLOSED: Final = ChangeClosed(repository=KETTLE, number=7, merged=False, sender=ANN)
COMMENTED: Final = Commented(
    repository=KETTLE,
    number=7,
    comment=55,
    kind=CommentKind.CHANGE,
    author=ANN,
    text="/retest",
    created_at=datetime(2026, 1, 2, 4, 5, 6, tzinfo=UTC),
)
UNCHANGED: Final = Ignored("merge request update: nothing to do")
ELSEWHERE: Final = Ignored("a note on something else than a merge request")

EXPECTED: Final[dict[str, ForgeEvent | Ignored]] = {
    "push.branch": PUSHED,
    "push.branch_created": NEW_BRANCH,
    "push.without_commits": replace(NEW_BRANCH, message=""),
    "push.branch_deleted": BRANCH_DELETED,
    "push.branch_deleted_sha256": BRANCH_DELETED,
    "push.many_commits": PUSHED,
    "push.old_server": replace(PUSHED, sender=Person(601, "")),
    "push.merge_train": Ignored("a push to neither branch nor tag"),
    "push.bot": replace(PUSHED, sender=Person(699, "project_8101_bot_4f2a", is_bot=True)),
    "push.internal_project": replace(PUSHED, repository=replace(KETTLE, private=True)),
    "tag_push.annotated": replace(PUSHED, branch=None, tag="v1.0", before=None),
    "tag_push.deleted": RefDeleted(repository=KETTLE, branch=None, tag="v1.0"),
    "merge_request.open": OPENED,
    "merge_request.open_fork": OPENED,
    "merge_request.open_draft": OPENED,
    "merge_request.open_into_another_project": Ignored("a merge request into another project"),
    "merge_request.reopen": replace(OPENED, action="reopened"),
    "merge_request.update_commits": replace(OPENED, action="synchronize"),
    "merge_request.update_commits_and_label": replace(OPENED, action="synchronize"),
    "merge_request.update_label": replace(OPENED, action="labeled"),
    "merge_request.update_title": UNCHANGED,
    "merge_request.update_nothing": UNCHANGED,
    "merge_request.update_to_draft": UNCHANGED,
    "merge_request.update_ready": replace(OPENED, action="ready_for_review"),
    "merge_request.update_target": replace(OPENED, action="retargeted"),
    "merge_request.close": CLOSED,
    "merge_request.merge": replace(CLOSED, merged=True),
    "merge_request.approved": Ignored("merge request approved: nothing to do"),
    "merge_request.approval": Ignored("merge request approval: nothing to do"),
    "merge_request.unapproved": Ignored("merge request unapproved: nothing to do"),
    "merge_request.unapproval": Ignored("merge request unapproval: nothing to do"),
    "merge_request.without_action": Ignored("merge request without action: nothing to do"),
    "note.created": COMMENTED,
    "note.review": replace(COMMENTED, comment=56, kind=CommentKind.REVIEW, text="/test unit"),
    "note.edited": Ignored("note update: only new ones are read"),
    "note.system": Ignored("a note by the system"),
    "note.internal": Ignored("an internal note"),
    "note.own": Ignored("a comment by ourselves"),
    "note.bot": replace(COMMENTED, author=Person(699, "group_31_bot_77aa", is_bot=True)),
    "note.old_server": COMMENTED,
    "note.on_issue": ELSEWHERE,
    "note.on_commit": ELSEWHERE,
    "pipeline.failed": Ignored("unsupported event: Pipeline Hook"),
    "build.created": Ignored("unsupported event: Job Hook"),
}
HEADERS: Final = {
    "push": "Push Hook",
    "tag_push": "Tag Push Hook",
    "merge_request": "Merge Request Hook",
    "note": "Note Hook",
    "pipeline": "Pipeline Hook",
    "build": "Job Hook",
}


def payload(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return found


def heard(name: str, data: dict[str, Any]) -> ForgeEvent | Ignored:
    return translate(GITLAB, ME, HEADERS[name.partition(".")[0]], data)


def test_every_payload_has_an_expectation() -> None:
    assert {path.stem for path in DATA.glob("*.json")} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_payload_means_its_event(name: str) -> None:
    assert heard(name, payload(name)) == EXPECTED[name]


@pytest.mark.parametrize("header", ["", "__class__", "../x", "System Hook", "Confidential Note Hook", "push"])
def test_an_event_that_we_do_not_know_is_ignored(header: str) -> None:
    assert isinstance(translate(GITLAB, ME, header, payload("push.branch")), Ignored)


@pytest.mark.parametrize("kind", ["Deployment", "Feature Flag", "Issue", "Job", "Member", "Pipeline", "Release"])
def test_what_is_of_no_use_is_ignored_with_the_reason(kind: str) -> None:
    told = translate(GITLAB, ME, f"{kind} Hook", payload("push.branch"))
    assert told == Ignored(f"unsupported event: {kind} Hook")


@pytest.mark.parametrize("action", ["approved", "closed", "something_new"])
def test_other_actions_of_merge_requests_do_nothing(action: str) -> None:
    told = payload("merge_request.open")
    told["object_attributes"]["action"] = action
    assert heard("merge_request.open", told) == Ignored(f"merge request {action}: nothing to do")


def test_a_note_on_a_snippet_is_none_of_ours() -> None:
    told = payload("note.created")
    told["object_attributes"]["noteable_type"] = "Snippet"
    assert heard("note.created", told) == ELSEWHERE


def test_a_header_that_does_not_fit_the_body_is_ignored() -> None:
    event = translate(GITLAB, ME, "Note Hook", payload("push.branch"))

    assert event == Ignored("Note Hook: its object_kind is not note")


def test_our_own_note_is_heard_while_we_do_not_know_who_we_are() -> None:
    event = translate(GITLAB, 0, "Note Hook", payload("note.own"))

    assert isinstance(event, Commented)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("project", None, "project"),
        ("checkout_sha", "2" * 39, "checkout_sha"),
        ("checkout_sha", "A" * 40, "checkout_sha"),
        ("ref", "", "ref"),
        ("before", 5, "before"),
        ("user_id", -1, "user_id"),
        ("user_id", True, "user_id"),
    ],
)
def test_what_is_missing_is_named(field: str, value: object, reason: str) -> None:
    assert heard("push", {**payload("push.branch"), field: value}) == Ignored(f"incomplete payload: {reason}")


JUNK: Final[st.SearchStrategy[object]] = st.sampled_from(
    [None, "", [], {}, True, -1, 2**70, "é" * 3000, "0" * 40, 1.5]
)


@pytest.mark.parametrize("name", EXPECTED)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(junk=JUNK, choice=st.randoms(use_true_random=False))
def test_whatever_stands_in_a_payload_it_is_an_event_or_ignored(name: str, junk: object, choice: Any) -> None:  # noqa: ANN401  # Hypothesis' own kind of Random
    data = payload(name)
    place: Any = data
    while isinstance(place, dict) and place:
        key = choice.choice(sorted(place))
        if not isinstance(place[key], dict) or choice.random() < 0.3:
            place[key] = copy.deepcopy(junk)
            break
        place = place[key]

    assert isinstance(heard(name, data), ForgeEvent | Ignored)
