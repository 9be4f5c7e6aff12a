"""The webhooks of the pretend GitHub (FORGES §1.1, §1.3), and the faults that tests order from it."""

import hashlib
import hmac
import time
from collections.abc import Iterator

import httpx
import pytest

from bot.demo.forge.gitdir import ZERO
from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.state import Repo
from tests.demoforge import AppClient, Receiver, pretend_github, webhook_receiver


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
    return github.add_repository("acme/web", {"README.md": "web\n"}, roles={"ada": "write"})


@pytest.fixture
def client(github: PretendGitHub) -> Iterator[AppClient]:
    made = AppClient(github)
    yield made
    made.close()


def test_a_webhook_is_signed_over_its_bytes(github: PretendGitHub, receiver: Receiver) -> None:
    github.ping()
    github.hooks.settle()
    ping = receiver.heard[0]
    wanted = hmac.new(github.app.webhook_secret.encode(), ping.body, hashlib.sha256).hexdigest()
    assert ping.headers["X-Hub-Signature-256"] == f"sha256={wanted}"
    assert ping.headers["X-GitHub-Hook-ID"] == str(github.app.hook_id)
    assert ping.headers["User-Agent"].startswith("GitHub-Hookshot/")
    assert ping.payload["hook"]["events"] == github.app.events


def test_a_push_tells_what_it_changed(github: PretendGitHub, receiver: Receiver, repo: Repo) -> None:
    first = github.commit(repo, "main", {"a": "1", "b": "1"}, author="ada")
    second = github.commit(repo, "main", {"a": "2", "b": None}, "Two", author="ada")
    github.hooks.settle()
    push = receiver.last("push")
    assert (push["ref"], push["before"], push["after"]) == ("refs/heads/main", first, second)
    assert (push["created"], push["deleted"], push["forced"]) == (False, False, False)
    assert [(each["id"], each["modified"], each["removed"]) for each in push["commits"]] == [(second, ["a"], ["b"])]
    assert (push["head_commit"]["message"], push["sender"]["login"]) == ("Two", "ada")
    assert isinstance(push["repository"]["pushed_at"], int)


def test_a_new_branch_and_its_end(github: PretendGitHub, receiver: Receiver, repo: Repo) -> None:
    sha = github.commit(repo, "work", {"a": "1"})
    github.delete_branch(repo, "work")
    github.hooks.settle()
    created, deleted = (each.payload for each in receiver.heard if each.event == "push")
    assert (created["before"], created["created"], created["head_commit"]["id"]) == (ZERO, True, sha)
    assert (deleted["before"], deleted["after"], deleted["head_commit"]) == (sha, ZERO, None)


def test_a_force_push_says_so(github: PretendGitHub, receiver: Receiver, repo: Repo) -> None:
    github.commit(repo, "work", {"a": "1"})
    github.commit(repo, "work", {"a": "2"}, parent=repo.git.resolve("main"))
    github.hooks.settle()
    assert receiver.last("push")["forced"] is True


def test_an_annotated_tag_is_not_its_commit(github: PretendGitHub, receiver: Receiver, repo: Repo) -> None:
    sha = github.commit(repo, "main", {"a": "1"})
    tag = github.tag(repo, "v1", sha, annotated=True)
    github.hooks.settle()
    push = receiver.last("push")
    assert (push["ref"], push["after"], push["head_commit"]["id"]) == ("refs/tags/v1", tag, sha)
    assert tag != sha


def test_the_life_of_a_pull_request(github: PretendGitHub, receiver: Receiver, repo: Repo) -> None:
    github.commit(repo, "next", {"n": "1"})
    first = github.commit(repo, "work", {"a": "1"})
    pull = github.open_pull(repo, "work", draft=True)
    second = github.commit(repo, "work", {"a": "2"})
    github.mark_ready(pull)
    github.edit_pull(pull, base="next")
    github.close_pull(pull)
    github.reopen_pull(pull)
    github.hooks.settle()
    actions = [each.split(".")[1] for each in receiver.events if each.startswith("pull_request")]
    assert actions == ["opened", "synchronize", "ready_for_review", "edited", "closed", "reopened"]
    moved, edited = receiver.last("pull_request.synchronize"), receiver.last("pull_request.edited")
    assert (moved["before"], moved["after"], moved["pull_request"]["head"]["sha"]) == (first, second, second)
    assert (edited["changes"]["base"]["ref"]["from"], edited["pull_request"]["base"]["ref"]) == ("main", "next")
    assert receiver.last("pull_request.closed")["pull_request"]["merged"] is False


def test_a_push_to_a_fork_moves_the_pull_request_alone(github: PretendGitHub, receiver: Receiver, repo: Repo) -> None:
    fork = github.fork(repo, "eve")
    github.commit(fork, "idea", {"a": "1"})
    github.open_pull(repo, "idea", fork=fork)
    github.commit(fork, "idea", {"a": "2"})
    github.hooks.settle()
    assert receiver.events == ["installation.created", "pull_request.opened", "pull_request.synchronize"]


def test_a_rename_is_told(github: PretendGitHub, receiver: Receiver, repo: Repo) -> None:
    github.rename(repo, "site")
    github.hooks.settle()
    told = receiver.last("repository.renamed")
    assert (told["changes"]["repository"]["name"]["from"], told["repository"]["full_name"]) == ("web", "acme/site")


def test_only_what_the_app_subscribes_to_is_sent(github: PretendGitHub, receiver: Receiver, repo: Repo) -> None:
    github.app.events[:] = ["repository"]
    github.commit(repo, "main", {"a": "1"})
    github.hooks.settle()
    assert receiver.events == ["installation.created"]


def test_held_webhooks_come_in_any_order_or_never(github: PretendGitHub, receiver: Receiver, repo: Repo) -> None:
    github.app.events.remove("check_suite")
    github.hooks.settle()
    github.hooks.hold()
    shas = [github.commit(repo, "main", {"a": str(number)}) for number in range(3)]
    github.hooks.release([2, 0])
    github.hooks.settle()
    assert [each.payload["after"] for each in receiver.heard[1:]] == [shas[2], shas[0]]


def test_copies_of_a_delivery_are_the_same(github: PretendGitHub, receiver: Receiver) -> None:
    github.ping()
    github.hooks.settle()
    github.hooks.redeliver(github.hooks.sent[0].guid, copies=3)
    assert len({(each.headers["X-GitHub-Delivery"], each.body) for each in receiver.heard}) == 1
    assert len(receiver.heard) == 4


def test_deliveries_are_kept_and_sent_again_on_request(
    github: PretendGitHub, receiver: Receiver, client: AppClient
) -> None:
    receiver.status = 503
    github.ping()
    github.hooks.settle()
    failed = client.call("GET", "/app/hook/deliveries?status=failure", client.app_token()).json()
    receiver.status = 202
    number = failed[0]["id"]
    again = client.call("POST", f"/app/hook/deliveries/{number}/attempts", client.app_token())
    github.hooks.settle()
    shown = client.call("GET", f"/app/hook/deliveries/{number}", client.app_token()).json()
    every = client.call("GET", "/app/hook/deliveries", client.app_token()).json()
    assert (again.status_code, shown["request"]["headers"]["X-GitHub-Event"]) == (202, "ping")
    assert [(each["guid"], each["redelivery"], each["status_code"]) for each in every] == [
        (failed[0]["guid"], True, 202),
        (failed[0]["guid"], False, 503),
    ]


def test_a_receiver_that_is_not_there_is_noted(github: PretendGitHub) -> None:
    github.app.webhook_url = "http://127.0.0.1:9/"
    github.ping()
    github.hooks.settle()
    assert (github.hooks.sent[0].status_code, github.hooks.sent[0].answer[:12]) == (0, "ConnectError")


def test_a_fault_comes_as_often_as_ordered(github: PretendGitHub, client: AppClient) -> None:
    github.fail_next("/app$", "GET", 502, count=2)
    statuses = [client.call("GET", "/app", client.app_token()).status_code for _ in range(3)]
    assert statuses == [502, 502, 200]


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_cut_connection_hides_whether_the_work_was_done(
    github: PretendGitHub, client: AppClient, repo: Repo, when: str, made: int
) -> None:
    sha, token = github.commit(repo, "main", {"a": "1"}), client.token(repo)
    github.fail_next("/check-runs$", "POST", "reset", when="after" if when == "after" else "before")
    with pytest.raises(httpx.TransportError):
        client.call("POST", "/repos/acme/web/check-runs", token, {"name": "assay", "head_sha": sha})
    assert len(github.check_runs(repo, sha)) == made


def test_a_late_answer_is_the_right_one(github: PretendGitHub, client: AppClient) -> None:
    github.fail_next("/app$", how="late", delay=0.2)
    started = time.monotonic()
    answer = client.call("GET", "/app", client.app_token())
    assert (answer.status_code, time.monotonic() - started >= 0.2) == (200, True)


def test_a_rate_limit_with_its_headers(github: PretendGitHub, client: AppClient) -> None:
    github.fail_next("/app$", how=403, headers={"Retry-After": "7"}, body=b'{"message": "secondary rate limit"}')
    answer = client.call("GET", "/app", client.app_token())
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["message"]) == (
        403,
        "7",
        "secondary rate limit",
    )


def test_the_journal_has_every_request_without_its_credential(github: PretendGitHub, client: AppClient) -> None:
    client.call("POST", "/app/installations/1/access_tokens?x=1", client.app_token(), {"repository_ids": [1]})
    entry = github.requests("access_tokens", "POST")[0]
    assert (entry.status, entry.body, entry.query) == (404, {"repository_ids": [1]}, {"x": "1"})
    assert "authorization" not in {name.lower() for name in entry.headers}
