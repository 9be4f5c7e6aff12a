"""Comments, buttons of checks and the merge queue at the pretend GitHub: what the App is told (FORGES §1.3, §1.7)."""

from collections.abc import Iterator
from typing import Any

import pytest

from bot.demo.forge.gitdir import GitFailed
from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.queueing import Reason
from bot.demo.forge.state import CheckRun, Pull, Repo
from tests.demoforge import AppClient, Receiver, pretend_github, webhook_receiver

BUTTON = {"label": "Approve", "description": "Run this commit", "identifier": "approve"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as started:
        yield started


@pytest.fixture
def github(receiver: Receiver) -> Iterator[PretendGitHub]:
    with pretend_github(receiver.url) as started:
        yield started


@pytest.fixture
def repo(github: PretendGitHub) -> Repo:
    repo = github.add_repository("acme/web", {"README.md": "web\n"}, roles={"ada": "write"})
    github.commit(repo, "work", {"a": "1"}, author="ada")
    return repo


@pytest.fixture
def pull(github: PretendGitHub, repo: Repo) -> Pull:
    return github.open_pull(repo, "work", author="ada")


@pytest.fixture
def fork_pull(github: PretendGitHub, repo: Repo) -> Pull:
    fork = github.fork(repo, "eve")
    github.commit(fork, "idea", {"b": "1"})
    return github.open_pull(repo, "idea", fork=fork)


@pytest.fixture
def client(github: PretendGitHub) -> Iterator[AppClient]:
    made = AppClient(github)
    yield made
    made.close()


def told(github: PretendGitHub, receiver: Receiver, what: str) -> dict[str, Any]:
    github.hooks.settle()
    return receiver.last(what)


def check(client: AppClient, github: PretendGitHub, pull: Pull, **body: object) -> CheckRun:
    wanted = {"name": "assay", "head_sha": pull.head_sha, "external_id": "build-1", **body}
    client.call("POST", f"/repos/{pull.repo.path}/check-runs", client.token(pull.repo), wanted).raise_for_status()
    return github.check_runs(pull.repo, pull.head_sha)[-1]


def test_a_comment_on_a_pull_request(github: PretendGitHub, receiver: Receiver, pull: Pull) -> None:
    number = github.comment(pull, "eve", "/retest")

    payload = told(github, receiver, "issue_comment.created")
    comment, issue = payload["comment"], payload["issue"]
    assert (comment["id"], comment["body"], comment["user"]["login"]) == (number, "/retest", "eve")
    assert (issue["number"], issue["state"], issue["pull_request"]["merged_at"]) == (pull.number, "open", None)
    assert (payload["sender"]["login"], comment["performed_via_github_app"]) == ("eve", None)


def test_a_label_comes_and_goes(github: PretendGitHub, receiver: Receiver, pull: Pull) -> None:
    github.label(pull, "run/web", author="eve")
    came = told(github, receiver, "pull_request.labeled")
    github.label(pull, "run/web", gone=True)
    went = told(github, receiver, "pull_request.unlabeled")

    assert [one["name"] for one in came["pull_request"]["labels"]] == ["run/web"]
    assert (came["label"]["name"], came["sender"]["login"]) == ("run/web", "eve")
    assert (went["label"]["name"], went["pull_request"]["labels"]) == ("run/web", [])


def test_a_comment_on_a_closed_pull_request(github: PretendGitHub, receiver: Receiver, pull: Pull) -> None:
    github.close_pull(pull, merged=True)
    github.comment(pull, "ada", "/retest")

    issue = told(github, receiver, "issue_comment.created")["issue"]
    assert (issue["state"], issue["pull_request"]["merged_at"] is None) == ("closed", False)


def test_a_comment_on_an_issue(github: PretendGitHub, receiver: Receiver, repo: Repo, pull: Pull) -> None:
    github.comment_on_issue(repo, "ada", "/retest")

    issue = told(github, receiver, "issue_comment.created")["issue"]
    assert issue["number"] == pull.number + 1
    assert "pull_request" not in issue


def test_a_comment_is_edited_and_deleted(github: PretendGitHub, receiver: Receiver, pull: Pull) -> None:
    number = github.comment(pull, "ada", "/retset")
    github.edit_comment(number, "/retest", author="eve")
    edited = told(github, receiver, "issue_comment.edited")
    github.delete_comment(number)
    deleted = told(github, receiver, "issue_comment.deleted")

    assert (edited["changes"]["body"]["from"], edited["comment"]["body"]) == ("/retset", "/retest")
    assert (edited["comment"]["user"]["login"], edited["sender"]["login"]) == ("ada", "eve")
    assert deleted["comment"]["id"] == number
    assert github.comments(pull) == []


def test_a_comment_at_a_line(github: PretendGitHub, receiver: Receiver, pull: Pull) -> None:
    github.review_comment(pull, "ada", "/test unit", path="a", line=1)

    payload = told(github, receiver, "pull_request_review_comment.created")
    assert (payload["comment"]["path"], payload["comment"]["commit_id"]) == ("a", pull.head_sha)
    assert (payload["pull_request"]["number"], payload["pull_request"]["head"]["sha"]) == (1, pull.head_sha)
    assert not {"merged", "mergeable"} & payload["pull_request"].keys()


def test_the_apps_own_comment_names_the_app(
    github: PretendGitHub, receiver: Receiver, client: AppClient, pull: Pull
) -> None:
    client.call("POST", "/repos/acme/web/issues/1/comments", client.token(pull.repo), {"body": "/retest"})

    payload = told(github, receiver, "issue_comment.created")
    assert payload["comment"]["performed_via_github_app"]["id"] == github.app.id
    assert (payload["sender"]["login"], payload["sender"]["type"]) == ("assay[bot]", "Bot")


def test_the_app_changes_nobody_elses_comment(github: PretendGitHub, client: AppClient, pull: Pull) -> None:
    number = github.comment(pull, "ada", "mine")
    path = f"/repos/acme/web/issues/comments/{number}"

    assert client.call("PATCH", path, client.token(pull.repo), {"body": "not yours"}).status_code == 403


def test_reactions(github: PretendGitHub, client: AppClient, pull: Pull) -> None:
    number, token = github.comment(pull, "ada", "/retest"), client.token(pull.repo)
    path = f"/repos/acme/web/issues/comments/{number}/reactions"
    eyes = client.call("POST", path, token, {"content": "eyes"}).json()["id"]
    client.call("POST", path, token, {"content": "+1"})
    listed = client.call("GET", path, token).json()
    gone = client.call("DELETE", f"{path}/{eyes}", token).status_code
    gone_already = client.call("DELETE", f"{path}/{eyes}", token).status_code

    assert [(each["content"], each["user"]["login"]) for each in listed] == [
        ("eyes", "assay[bot]"),
        ("+1", "assay[bot]"),
    ]
    assert (gone, gone_already, github.reactions(number)) == (204, 404, ["+1"])


def test_each_kind_of_comment_has_its_own_address(github: PretendGitHub, client: AppClient, pull: Pull) -> None:
    token = client.token(pull.repo)
    numbers = {"issues": github.comment(pull, "ada", "a"), "pulls": github.review_comment(pull, "ada", "b")}
    paths = [
        f"/repos/acme/web/{below}/comments/{number}/reactions" for below in numbers for number in numbers.values()
    ]

    answers = [client.call("POST", path, token, {"content": "eyes"}).status_code for path in paths]

    assert answers == [201, 404, 404, 201]


def test_a_locked_conversation_takes_nothing(github: PretendGitHub, client: AppClient, pull: Pull) -> None:
    number, token = github.comment(pull, "ada", "/retest"), client.token(pull.repo)
    github.lock(pull)
    comment = client.call("POST", "/repos/acme/web/issues/1/comments", token, {"body": "hello"})
    reaction = client.call("POST", f"/repos/acme/web/issues/comments/{number}/reactions", token, {"content": "eyes"})

    assert (comment.status_code, reaction.status_code) == (403, 403)


def test_what_the_app_does_to_checks_is_told_back(
    github: PretendGitHub, receiver: Receiver, client: AppClient, pull: Pull
) -> None:
    run = check(client, github, pull)
    path = f"/repos/acme/web/check-runs/{run.id}"
    client.call("PATCH", path, client.token(pull.repo), {"status": "in_progress"})
    client.call("PATCH", path, client.token(pull.repo), {"conclusion": "failure"})
    github.hooks.settle()

    assert [each for each in receiver.events if each.startswith("check")] == [
        "check_suite.requested",
        "check_run.created",
        "check_run.completed",
        "check_suite.completed",
    ]
    assert receiver.last("check_suite.completed")["check_suite"]["conclusion"] == "failure"


def test_a_check_is_asked_for_again(github: PretendGitHub, receiver: Receiver, client: AppClient, pull: Pull) -> None:
    run = check(client, github, pull, conclusion="failure")
    github.rerequest(run, "ada")

    payload = told(github, receiver, "check_run.rerequested")
    shown = payload["check_run"]
    assert (shown["external_id"], shown["app"]["id"], shown["conclusion"]) == ("build-1", github.app.id, "failure")
    assert (shown["check_suite"]["status"], shown["check_suite"]["head_branch"]) == ("queued", "work")
    assert [each["number"] for each in shown["pull_requests"]] == [pull.number]
    assert payload["sender"]["login"] == "ada"


def test_all_checks_are_asked_for_again(
    github: PretendGitHub, receiver: Receiver, client: AppClient, pull: Pull
) -> None:
    check(client, github, pull, conclusion="failure")
    github.rerequest_all(pull.repo, pull.head_sha, "ada")
    asked = told(github, receiver, "check_suite.rerequested")["check_suite"]
    check(client, github, pull, conclusion="success")
    done = told(github, receiver, "check_suite.completed")["check_suite"]

    assert (asked["head_sha"], asked["app"]["id"], asked["status"]) == (pull.head_sha, github.app.id, "queued")
    assert (done["id"], done["conclusion"]) == (asked["id"], "success")


def test_checks_of_a_fork_name_no_pull_request(
    github: PretendGitHub, receiver: Receiver, client: AppClient, fork_pull: Pull
) -> None:
    run = check(client, github, fork_pull, conclusion="failure")
    github.rerequest(run, "ada")
    github.rerequest_all(fork_pull.repo, fork_pull.head_sha, "ada")

    one = told(github, receiver, "check_run.rerequested")["check_run"]
    every = told(github, receiver, "check_suite.rerequested")["check_suite"]
    assert (one["pull_requests"], one["check_suite"]["head_branch"]) == ([], None)
    assert (every["pull_requests"], every["head_branch"]) == ([], None)


def test_one_of_the_apps_own_buttons(
    github: PretendGitHub, receiver: Receiver, client: AppClient, pull: Pull
) -> None:
    run = check(client, github, pull, conclusion="action_required", actions=[BUTTON])
    github.press(run, "approve", "eve")

    payload = told(github, receiver, "check_run.requested_action")
    assert payload["requested_action"] == {"identifier": "approve"}
    assert (payload["check_run"]["external_id"], payload["sender"]["login"]) == ("build-1", "eve")


def test_a_button_that_is_not_offered_cannot_be_pressed(github: PretendGitHub, client: AppClient, pull: Pull) -> None:
    run = check(client, github, pull, conclusion="success")

    with pytest.raises(AssertionError, match="offers"):
        github.press(run, "approve", "ada")


def test_the_merge_queue_asks_for_checks_of_a_merge_on_trial(
    github: PretendGitHub, receiver: Receiver, repo: Repo, pull: Pull
) -> None:
    base = github.commit(repo, "main", {"other": "1"})
    group = github.queue_pull(pull, author="ada")

    payload = told(github, receiver, "merge_group.checks_requested")
    shown, push = payload["merge_group"], receiver.last("push")
    assert (shown["head_sha"], shown["base_sha"], shown["base_ref"]) == (group.head_sha, base, "refs/heads/main")
    assert shown["head_ref"] == push["ref"] == f"refs/heads/gh-readonly-queue/main/pr-1-{base}"
    assert (push["after"], push["created"]) == (group.head_sha, True)
    assert repo.git.log(group.head_sha, limit=1)[0].parents == (base, pull.head_sha)
    assert shown["head_commit"]["message"].startswith("Merge pull request #1")


@pytest.mark.parametrize(("reason", "merged"), [("dequeued", False), ("invalidated", False), ("merged", True)])
def test_a_merge_group_ends(
    github: PretendGitHub, receiver: Receiver, repo: Repo, pull: Pull, reason: Reason, merged: bool
) -> None:
    group = github.queue_pull(pull)
    github.destroy_merge_group(group, reason)

    payload = told(github, receiver, "merge_group.destroyed")
    assert (payload["reason"], payload["merge_group"]["head_sha"]) == (reason, group.head_sha)
    assert (repo.git.resolve("main") == group.head_sha, pull.merged, pull.is_open) == (merged, merged, not merged)
    assert repo.git.resolve(group.head_ref) is None


def test_a_conflict_is_not_queued(github: PretendGitHub, receiver: Receiver, repo: Repo, pull: Pull) -> None:
    github.commit(repo, "main", {"a": "2"})

    with pytest.raises(GitFailed):
        github.queue_pull(pull)

    github.hooks.settle()
    assert not [each for each in receiver.events if each.startswith("merge_group")]
