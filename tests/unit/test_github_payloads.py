"""Recorded-looking payloads of GitHub and the events that they mean (BEHAVIOUR §1, FORGES §1.3)."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from bot.adapters.forge_github.translation import translate
from bot.domain.events import (
    ChangeClosed,
    ChangeUpdated,
    Ignored,
    InstallationChanged,
    Pushed,
    RefDeleted,
    RepositoryMoved,
)
from bot.domain.refs import ForgeName, Person, RepositorySeen, Sha

DATA: Final = Path(__file__).parents[1] / "data" / "github"
GITHUB: Final = ForgeName("github")
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
NO_BUTTONS: Final = "no buttons of checks are understood yet"

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
    "pull_request.labeled": Ignored("pull_request labeled: nothing to do"),
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
    "check_run.rerequested": Ignored(f"check_run: {NO_BUTTONS}"),
    "check_suite.requested": Ignored(f"check_suite: {NO_BUTTONS}"),
    "issue_comment.created": Ignored("issue_comment: no commands are understood yet"),
    "merge_group.checks_requested": Ignored("merge_group: merge queues are not tested yet"),
    "create.branch": Ignored("create: the push says the same"),
}


def payload(name: str) -> dict[str, Any]:
    found = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_every_payload_has_an_expectation() -> None:
    assert {path.stem for path in DATA.glob("*.json")} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_payload_means_its_event(name: str) -> None:
    event = translate(GITHUB, "4711", name.partition(".")[0], payload(name))

    assert event == EXPECTED[name]


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

    assert translate(GITHUB, "4711", "push", data) == Ignored(f"incomplete payload: {reason}")


def test_a_repository_without_an_id_is_named_by_its_path() -> None:
    data = payload("pull_request.opened")
    del data["repository"]["id"]

    assert translate(GITHUB, "4711", "pull_request", data) == Ignored("incomplete payload: repository.id")


def test_a_repository_has_at_least_one_address() -> None:
    data = payload("push.branch")
    del data["repository"]["html_url"]
    assert translate(GITHUB, "4711", "push", data) == PUSHED
    del data["repository"]["clone_url"]

    assert translate(GITHUB, "4711", "push", data) == Ignored("incomplete payload: repository.html_url")


def test_a_sender_without_number_is_nobody() -> None:
    data = {**payload("pull_request.opened"), "sender": {"login": "ann-t", "type": "User"}}

    assert translate(GITHUB, "4711", "pull_request", data) == replace(UPDATED, sender=Person(0, "ann-t"))


def test_long_texts_are_cut_and_nul_is_left_out() -> None:
    data = payload("push.branch")
    data["head_commit"]["message"] = "\0" + "x" * 100_000

    event = translate(GITHUB, "4711", "push", data)

    assert isinstance(event, Pushed)
    assert event.message == "x" * 65536


def test_a_branch_with_odd_characters_keeps_its_name() -> None:
    data = {**payload("push.branch"), "ref": "refs/heads/-x;$(id)`\u202e<b>\x1b[0m"}

    event = translate(GITHUB, "4711", "push", data)

    assert isinstance(event, Pushed)
    assert event.branch == "-x;$(id)`\u202e<b>\x1b[0m"


def test_a_repository_of_unknown_visibility_is_private() -> None:
    data = payload("push.branch")
    del data["repository"]["private"]

    event = translate(GITHUB, "4711", "push", data)

    assert isinstance(event, Pushed)
    assert event.repository.private


@pytest.mark.parametrize("moment", ["yesterday", 5, None, "2026-01-02T03:04:05", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_cannot_be_read_is_none(moment: object) -> None:
    data = payload("pull_request.opened")
    data["pull_request"]["updated_at"] = moment

    event = translate(GITHUB, "4711", "pull_request", data)

    assert isinstance(event, ChangeUpdated)
    assert event.updated_at is None
