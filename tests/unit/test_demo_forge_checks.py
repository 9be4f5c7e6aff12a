"""The pretend GitHub's rules for check runs (FORGES §1.4), statuses and comments."""

from collections.abc import Iterator

import httpx
import pytest

from bot.demo.forge.app import PERMISSIONS
from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.state import Repo
from tests.demoforge import AppClient, pretend_github

ALL = {**PERMISSIONS, "statuses": "write", "issues": "write"}
NOTE = {"path": "a.py", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "no"}
OUTPUT = {"title": "Title", "summary": "Summary"}


class Bench:
    """A repository with a commit, and the calls of one installation on it."""

    def __init__(self, github: PretendGitHub, client: AppClient, name: str) -> None:
        self.github = github
        self.repo: Repo = github.add_repository(f"acme/{name}", {"README.md": "web\n"})
        self.sha = github.commit(self.repo, "work", {"a.py": "a = 1\n"})
        self._client = client
        self._token = client.token(self.repo)

    def call(self, method: str, path: str, body: object = None) -> httpx.Response:
        return self._client.call(method, f"/repos/{self.repo.path}{path}", self._token, body)

    def create(self, **body: object) -> httpx.Response:
        return self.call("POST", "/check-runs", {"name": "assay", "head_sha": self.sha, **body})

    def update(self, number: int, **body: object) -> httpx.Response:
        return self.call("PATCH", f"/check-runs/{number}", body)


@pytest.fixture(scope="module")
def github() -> Iterator[PretendGitHub]:
    with pretend_github(permissions=ALL) as started:
        yield started


@pytest.fixture(scope="module")
def client(github: PretendGitHub) -> Iterator[AppClient]:
    made = AppClient(github)
    yield made
    made.close()


@pytest.fixture
def bench(github: PretendGitHub, client: AppClient) -> Bench:
    return Bench(github, client, f"web-{len(github.world.repos)}")


def test_a_check_run_goes_from_queued_to_completed(bench: Bench) -> None:
    number = bench.create(status="queued", external_id="r1", details_url="http://127.0.0.1/b/1").json()["id"]
    bench.update(number, status="in_progress", started_at="2026-01-02T03:04:05Z", output=OUTPUT)
    shown = bench.update(number, status="completed", conclusion="failure", output=OUTPUT).json()
    assert (shown["status"], shown["conclusion"], shown["external_id"]) == ("completed", "failure", "r1")
    assert (shown["started_at"], shown["output"]["title"]) == ("2026-01-02T03:04:05Z", "Title")
    assert [each["method"] for each in bench.github.check_runs(bench.repo, bench.sha)[0].history] == [
        "POST",
        "PATCH",
        "PATCH",
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"bogus": 1},
        {"status": "waiting"},
        {"status": 3},
        {"status": "completed"},
        {"completed_at": "2026-01-02T03:04:05Z"},
        {"conclusion": "stale"},
        {"conclusion": None},
        {"conclusion": "success", "status": "queued"},
        {"started_at": "yesterday"},
        {"started_at": "2026-01-02T03:04:05.123456+00:00"},
        {"details_url": "javascript:alert(1)"},
        {"external_id": 7},
        {"name": ""},
        {"name": "n" * 101},
        {"head_sha": "main"},
        {"output": {"title": "Title"}},
        {"output": {"summary": "Summary"}},
        {"output": {**OUTPUT, "title": ""}},
        {"output": {**OUTPUT, "title": "t" * 256}},
        {"output": {**OUTPUT, "summary": "s" * 65_536}},
        {"output": {**OUTPUT, "summary": "é" * 32_768}},
        {"output": {**OUTPUT, "text": "é" * 32_768}},
        {"output": {**OUTPUT, "annotations": [NOTE] * 51}},
        {"output": {**OUTPUT, "annotations": [{**NOTE, "end_line": 0}]}},
        {"output": {**OUTPUT, "annotations": [{**NOTE, "start_line": 2}]}},
        {"output": {**OUTPUT, "annotations": [{**NOTE, "end_line": 2, "start_column": 1}]}},
        {"output": {**OUTPUT, "annotations": [{**NOTE, "annotation_level": "error"}]}},
        {"output": {**OUTPUT, "annotations": [{**NOTE, "message": "é" * 32_769}]}},
        {"output": {**OUTPUT, "annotations": [{**NOTE, "title": "t" * 256}]}},
        {"actions": [{"label": "l", "description": "d", "identifier": "i"}] * 4},
        {"actions": [{"label": "l" * 21, "description": "d", "identifier": "i"}]},
        {"actions": [{"label": "l", "description": "d" * 41, "identifier": "i"}]},
        {"actions": [{"label": "l", "description": "d"}]},
    ],
)
def test_a_check_run_that_breaks_a_rule_is_refused(bench: Bench, body: dict[str, object]) -> None:
    answer = bench.create(**body)
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert bench.github.check_runs(bench.repo, bench.sha) == []


@pytest.mark.parametrize(
    "output",
    [
        {**OUTPUT, "title": "t" * 255},
        {**OUTPUT, "summary": "é" * 32_767 + "x", "text": "x" * 65_535},
        {**OUTPUT, "annotations": [{**NOTE, "start_column": 1, "end_column": 2}] * 50},
    ],
    ids=["title", "texts", "annotations"],
)
def test_the_limits_themselves_are_within(bench: Bench, output: dict[str, object]) -> None:
    assert bench.create(output=output).status_code == 201


@pytest.mark.parametrize("body", [[1], 3, "text"])
def test_a_body_that_is_no_object_is_refused(bench: Bench, body: object) -> None:
    number = bench.create().json()["id"]
    assert bench.call("PATCH", f"/check-runs/{number}", body).status_code == 400


def test_a_commit_that_is_not_there_has_no_check_runs(bench: Bench) -> None:
    answers = [bench.create(head_sha="1" * 40), bench.call("GET", f"/commits/{'1' * 40}/check-runs")]
    assert [each.status_code for each in answers] == [422, 422]
    assert answers[0].json()["message"] == f"No commit found for SHA: {'1' * 40}"


def test_the_head_of_a_forks_pull_request_is_there(bench: Bench) -> None:
    fork = bench.github.fork(bench.repo, "eve")
    sha = bench.github.commit(fork, "idea", {"b.py": "b = 2\n"})
    before = bench.create(head_sha=sha).status_code
    bench.github.open_pull(bench.repo, "idea", fork=fork)
    assert (before, bench.create(head_sha=sha).status_code) == (422, 201)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": "in_progress"}, 422),
        ({"status": "queued"}, 422),
        ({"conclusion": "failure"}, 422),
        ({"conclusion": "success"}, 200),
        ({"output": OUTPUT}, 200),
    ],
)
def test_completed_is_final(bench: Bench, body: dict[str, object], status: int) -> None:
    number = bench.create(conclusion="success").json()["id"]
    assert bench.update(number, **body).status_code == status
    assert bench.call("GET", f"/check-runs/{number}").json()["conclusion"] == "success"


def test_annotations_are_added_and_never_replaced(bench: Bench) -> None:
    number = bench.create(output={**OUTPUT, "annotations": [NOTE] * 50}).json()["id"]
    shown = bench.update(number, output={**OUTPUT, "annotations": [NOTE] * 3}).json()
    rows = bench.call("GET", f"/check-runs/{number}/annotations?per_page=100").json()
    assert (shown["output"]["annotations_count"], len(rows)) == (53, 53)


def test_the_newest_of_a_name_is_what_people_see(bench: Bench) -> None:
    old, new = (bench.create().json()["id"] for _ in range(2))
    other = bench.create(name="assay / unit").json()["id"]
    latest = bench.call("GET", "/commits/work/check-runs").json()
    every = bench.call("GET", "/commits/work/check-runs?filter=all&check_name=assay").json()
    foreign = bench.call("GET", "/commits/work/check-runs?app_id=1").json()
    assert {each["id"] for each in latest["check_runs"]} == {new, other}
    assert {each["id"] for each in every["check_runs"]} == {old, new}
    assert foreign == {"total_count": 0, "check_runs": []}


def test_a_suite_for_each_commit(bench: Bench) -> None:
    pushed = bench.call("POST", "/check-suites", {"head_sha": bench.sha})
    head = bench.github.commit(bench.github.fork(bench.repo, "eve"), "idea", {"b.py": "b = 2\n"})
    bench.github.open_pull(bench.repo, "idea", fork=bench.github.world.repos[-1])
    made, again = (bench.call("POST", "/check-suites", {"head_sha": head}) for _ in range(2))
    suite = bench.create(head_sha=head).json()["check_suite"]["id"]
    assert [each.status_code for each in (pushed, made, again)] == [200, 201, 200]
    assert made.json()["id"] == suite


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"state": "pending", "description": "d" * 140}, 201),
        ({"state": "pending", "description": "d" * 141}, 422),
        ({"state": "done"}, 422),
        ({}, 422),
    ],
)
def test_commit_statuses(bench: Bench, body: dict[str, object], status: int) -> None:
    assert bench.call("POST", f"/statuses/{bench.sha}", body).status_code == status


def test_comments_and_reactions(bench: Bench) -> None:
    bench.github.open_pull(bench.repo, "work")
    made = bench.call("POST", "/issues/1/comments", {"body": "first"}).json()["id"]
    bench.call("PATCH", f"/issues/comments/{made}", {"body": "second"})
    reacted = [bench.call("POST", f"/issues/comments/{made}/reactions", {"content": "eyes"}) for _ in range(2)]
    listed = bench.call("GET", "/issues/1/comments").json()
    assert [each["body"] for each in listed] == ["second"]
    assert [each.status_code for each in reacted] == [201, 200]
    assert bench.call("POST", "/issues/1/comments", {"body": "c" * 65_537}).status_code == 422
    assert bench.call("POST", "/issues/9/comments", {"body": "nowhere"}).status_code == 404
