"""The REST API: what machines read."""

import pytest
from starlette.testclient import TestClient

from bot.domain.errors import Problem
from bot.domain.runs import Reason, RunState
from bot.web.ranges import Unsatisfiable, read_range
from tests.builders import SHA
from tests.web.conftest import World


def test_a_run_is_told_in_the_words_of_the_checks(world: World, client: TestClient) -> None:
    run = world.finished()
    assert client.get(f"/runs/{run.id}").json() == {
        "id": run.id,
        "suite": "unit",
        "state": "passed",
        "reason": None,
        "note": "",
        "waits": "",
        "forge": "github",
        "repository": "acme/hello",
        "sha": SHA,
        "build": run.build,
        "trust": "trusted",
        "image": "busybox:1",
        "attempt": 1,
        "flaky": False,
        "exit_code": 0,
        "groups": [],
        "out_of_memory": False,
        "created_at": "2026-11-25T12:00:00Z",
        "started_at": "2026-11-25T12:00:02Z",
        "finished_at": "2026-11-25T12:01:02Z",
        "url": f"https://ci.example.org/b/{run.build}/unit",
        "log_url": f"https://ci.example.org/runs/{run.id}/log",
        "ahead": None,
        "starts_in": None,
        "usual_seconds": None,
        "seconds_left": None,
        "progress": None,
    }


@pytest.mark.parametrize(
    ("state", "word"),
    [(RunState.AWAITING_APPROVAL, "waiting"), (RunState.SKIPPED, "skipped"), (RunState.QUEUED, "queued")],
)
def test_inner_states_stay_inside(world: World, client: TestClient, state: RunState, word: str) -> None:
    run = world.run(world.build(), state=state)
    assert client.get(f"/runs/{run.id}").json()["state"] == word


def test_runs_are_listed_newest_first_and_at_most_as_many_as_asked_for(world: World, client: TestClient) -> None:
    build = world.build()
    runs = [world.run(build, name).id for name in ("one", "two", "three")]
    assert [row["id"] for row in client.get("/runs?limit=2").json()["runs"]] == runs[:0:-1]


def test_a_build_has_its_runs_and_the_errors_of_its_suite_file(world: World, client: TestClient) -> None:
    build = world.build(problems=(Problem("E103", 4, 7, "unknown key"),))
    run = world.run(build, state=RunState.SKIPPED, reason=Reason.PATHS, note="why")
    told = client.get(f"/builds/{build.id}").json()
    assert (told["number"], told["state"], told["sha"]) == (build.id, "failed", SHA)
    assert [(row["id"], row["reason"], row["note"]) for row in told["runs"]] == [(run.id, "paths", "why")]
    assert told["problems"] == [{"code": "E103", "line": 4, "column": 7, "message": "unknown key"}]


def test_builds_are_listed_page_by_page(world: World, client: TestClient) -> None:
    numbers = [world.build().id for _ in range(3)]
    first = client.get("/builds?limit=2").json()
    assert [row["number"] for row in first["builds"]] == [numbers[2], numbers[1]]
    rest = client.get(f"/builds?limit=2&before={first['next']}").json()
    assert ([row["number"] for row in rest["builds"]], rest["next"]) == ([numbers[0]], None)


@pytest.mark.parametrize(
    "path", ["/runs/nobody", "/runs/nobody/log", "/builds/77", "/no/such/path", "/runs/%00", "/runs/é"]
)
def test_what_is_not_there_is_answered_in_json(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "not found",
        "code": "not_found",
    }


@pytest.mark.parametrize(
    "path", ["/runs?limit=0", "/runs?limit=1000", "/builds?before=x", "/builds/0", f"/builds/{2**63}"]
)
def test_a_request_that_makes_no_sense_is_told_where(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
    assert answer.json()["problems"]


def test_the_log_comes_byte_by_byte(world: World, client: TestClient) -> None:
    data = b"\x00\xff\x1b[31m\r\nno end" * 50_000
    run = world.finished(data)
    answer = client.get(f"/runs/{run.id}/log")
    assert answer.content == data
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_log_of_a_running_run_is_what_there_is(world: World, client: TestClient) -> None:
    run = world.running(world.build())
    world.write(run, b"so far")
    assert client.get(f"/runs/{run.id}/log").content == b"so far"


@pytest.mark.parametrize(
    ("header", "status", "content", "told"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-100", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=5-500", 206, b"56789", "bytes 5-9/10"),
        ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
        ("bytes=0-0,2-2", 200, b"0123456789", None),
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(10_000)), 200, b"0123456789", None),
        ("bytes=4-2", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None),
        ("bytes=" + "9" * 5000 + "-", 200, b"0123456789", None),
    ],
)
def test_one_range_is_served(
    world: World, client: TestClient, header: str, status: int, content: bytes, told: str | None
) -> None:
    run = world.finished(b"0123456789")
    answer = client.get(f"/runs/{run.id}/log", headers={"range": header})
    assert (answer.status_code, answer.content, answer.headers.get("content-range")) == (status, content, told)


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_beyond_the_end_is_told_the_size(world: World, client: TestClient, header: str) -> None:
    run = world.finished(b"0123456789")
    answer = client.get(f"/runs/{run.id}/log", headers={"range": header})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */10")


def test_a_condition_that_can_not_hold_gives_the_whole_log(world: World, client: TestClient) -> None:
    run = world.finished(b"0123456789")
    answer = client.get(f"/runs/{run.id}/log", headers={"range": "bytes=1-2", "if-range": '"other"'})
    assert (answer.status_code, answer.content) == (200, b"0123456789")


def test_the_size_of_a_log_can_be_asked_for(world: World, client: TestClient) -> None:
    run = world.finished(b"0123456789")
    answer = client.head(f"/runs/{run.id}/log")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "10", b"")


def test_an_empty_log_has_no_ranges() -> None:
    with pytest.raises(Unsatisfiable):
        read_range("bytes=0-", 0)


def test_the_document_names_what_there_is_and_people_can_read_it(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/runs",
        "/runs/{id}",
        "/runs/{id}/tests",
        "/runs/{id}/log",
        "/runs/{id}/artifacts",
        "/runs/{id}/artifacts/{path}",
        "/runs/{id}/cancel",
        "/runs/{id}/bisect",
        "/runs/{id}/retest",
        "/builds",
        "/builds/{number}",
        "/builds/{number}/cancel",
        "/builds/{number}/approve",
        "/builds/{number}/artifacts",
        "/repositories",
        "/repositories/{number}",
        "/repositories/{number}/rotate-secret",
        "/repositories/{number}/test",
        "/repositories/{number}/secrets",
        "/repositories/{number}/secrets/{name}",
        "/channels",
        "/notices",
        "/notices/{number}/again",
        "/runs/{id}/logs/ticket",
        "/tokens",
        "/tokens/{id}",
        "/repositories/{number}/tokens",
        "/repositories/{number}/tokens/{id}",
        "/oauth/token",
        "/queue",
        "/workers",
        "/audit/entries",
        "/suites",
        "/environments",
        "/repositories/{number}/channels",
        "/repositories/{number}/notices",
        "/repositories/{number}/notices/{notice}/again",
        "/runs/{id}/comparison",
        "/suites/{id}/versions",
        "/environments/{id}",
        "/environments/{id}/versions",
        "/repositories/{number}/channels/{name}",
        "/repositories/{number}/channels/{name}/test",
        "/suites/{id}",
    }
    shown = client.get("/docs")
    assert shown.status_code == 200
    assert "/runs/{id}/log" in shown.text
    assert "<script" not in shown.text
