"""The pretend GitLab over HTTP: its API, git, webhooks, and the page with its buttons."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.demo.gitlab.gitlab import PretendGitLab
from bot.demo.gitlab.state import MergeRequest
from bot.demo.hello import PERSON, STRANGER, Hello
from bot.demo.on_gitlab import OnGitLab


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[OnGitLab]:
    stage = OnGitLab(PretendGitLab(tmp_path / "lab", webhook_url="http://127.0.0.1:9/webhooks/gitlab"))
    stage.start(0)
    yield stage
    stage.stop()


@pytest.fixture
def hello(stage: OnGitLab) -> Hello[MergeRequest]:
    return Hello(stage)


def page(stage: OnGitLab, path: str = "/") -> httpx.Response:
    return httpx.get(f"{stage.url}{path}", trust_env=False)


def press(stage: OnGitLab, site: str = "same-origin", **form: str) -> int:
    headers = {"Sec-Fetch-Site": site}
    return httpx.post(stage.url, data=form, headers=headers, trust_env=False).status_code


def of(change: MergeRequest) -> dict[str, str]:
    return {"project": str(change.project), "change": str(change.number)}


def test_its_api_knows_one_token(stage: OnGitLab) -> None:
    address = f"{stage.url}/api/v4/user"
    answers = [
        httpx.get(address, headers={"Authorization": f"Bearer {token}"}, trust_env=False)
        for token in (stage.lab.token, "glpat-other")
    ]
    assert [one.status_code for one in answers] == [200, 401]
    assert answers[0].json()["username"] == "assay-bot"


def test_a_strangers_head_is_fetched_from_the_target_where_gitlab_keeps_it(
    stage: OnGitLab, hello: Hello[MergeRequest], tmp_path: Path
) -> None:
    change = hello.open_as_stranger()
    address = f"{stage.url}/{stage.project.path}.git"
    command = ["git", "ls-remote", address, f"refs/merge-requests/{change.number}/head"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)  # noqa: S603  # our own server
    assert shown.stdout.split() == [change.sha, f"refs/merge-requests/{change.number}/head"]
    assert stage.lab.people[change.author] == STRANGER
    assert change.source != change.project


def test_a_credential_that_is_wrong_clones_nothing(stage: OnGitLab, hello: Hello[MergeRequest]) -> None:
    address = f"{stage.url}/{stage.project.path}.git/info/refs?service=git-upload-pack"
    assert httpx.get(address, auth=("oauth2", "wrong"), trust_env=False).status_code == 401
    assert httpx.get(address, auth=("oauth2", stage.lab.token), trust_env=False).status_code == 200


def test_what_people_do_is_told_by_signed_webhooks(stage: OnGitLab, hello: Hello[MergeRequest]) -> None:
    change = hello.open()
    hello.break_it(change)
    stage.comment(change, PERSON, "/assay retest")
    stage.lab.hooks.settle()
    told = [(headers, body) for _, _, headers, body in stage.project.attempts[::-1]]
    assert {"webhook-id", "webhook-timestamp", "webhook-signature"} <= set(told[-1][0])
    updates = [body["object_attributes"] for _, body in told if body["object_kind"] == "merge_request"]
    assert [one["action"] for one in updates] == ["open", "update"]
    assert updates[1]["oldrev"] == updates[0]["last_commit"]["id"]
    assert told[-1][1]["object_attributes"]["note"] == "/assay retest"


def test_the_page_shows_a_status_and_a_note_and_hostile_text_stays_text(
    stage: OnGitLab, hello: Hello[MergeRequest]
) -> None:
    change = hello.open()
    body = {"state": "failed", "name": "assay / unit", "description": "<b>2 failed</b>", "ref": change.source_branch}
    stage.lab.post_status(stage.project, change.sha, body)
    stage.comment(change, PERSON, "<script>alert(1)</script>")
    for path in ("/", f"/demo/hello/-/merge_requests/{change.number}"):
        text = page(stage, path).text
        assert all(part in text for part in ("✗", "assay / unit", "&lt;b&gt;2 failed", "&lt;script&gt;"))
    assert page(stage, "/demo/hello/-/merge_requests/9").status_code == 404


def test_the_buttons_play_a_round(stage: OnGitLab, hello: Hello[MergeRequest]) -> None:
    press(stage, button="Open a merge request")
    (change,) = stage.project.changes.values()
    opened = change.sha
    press(stage, button="Break it", **of(change))
    broken = change.sha
    press(stage, button="Fix it", **of(change))
    assert len({opened, broken, change.sha}) == 3
    press(stage, body="/assay retest", by=PERSON, **of(change))
    assert [note.body for note in change.notes.values()] == ["/assay retest"]
    press(stage, button="Close", **of(change))
    assert change.state == "closed"


def test_buttons_work_from_its_own_page_only(stage: OnGitLab, hello: Hello[MergeRequest]) -> None:
    assert press(stage, "cross-site", button="Open a merge request") == 403
    assert stage.project.changes == {}
