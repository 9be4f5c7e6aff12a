"""How the API is read: only what has changed, not before it has ended, not too often."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from bot.app import access
from bot.domain.tokens import Scope
from bot.web.tails import start_of_tail
from tests.web.conftest import MakeClient, World


@pytest.mark.parametrize("path", ["/runs", "/runs/{run}", "/builds", "/builds/{build}", "/repositories", "/queue"])
def test_what_has_not_changed_is_not_sent_again(world: World, client: TestClient, path: str) -> None:
    run = world.finished()
    address = path.format(run=run.id, build=run.build)
    tag = client.get(address).headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        again = client.get(address, headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get(address, headers={"if-none-match": '"other"'}).status_code == 200


def test_what_has_changed_is_sent(world: World, client: TestClient) -> None:
    run = world.running(world.build())
    tag = client.get(f"/runs/{run.id}").headers["etag"]
    world.end(run)
    answer = client.get(f"/runs/{run.id}", headers={"if-none-match": tag})
    assert (answer.status_code, answer.json()["state"]) == (200, "passed")


def test_an_answer_is_kept_by_nobody_for_somebody_else(world: World, client: TestClient) -> None:
    headers = client.get("/runs").headers
    assert (headers["cache-control"], headers["vary"]) == ("private, no-cache", "Authorization, Cookie")


def test_errors_have_no_tag(client: TestClient) -> None:
    answer = client.get("/runs/nobody", headers={"if-none-match": "*"})
    assert (answer.status_code, "etag" in answer.headers) == (404, False)


@pytest.mark.parametrize("path", ["/runs/{run}", "/builds/{build}"])
def test_an_answer_waits_until_it_is_over(world: World, client: TestClient, path: str) -> None:
    run = world.running(world.build())
    timer = threading.Timer(0.3, world.end, [run])
    timer.start()
    answer = client.get(f"{path.format(run=run.id, build=run.build)}?wait=30s")
    timer.join()
    assert answer.json()["state"] == "passed"


@pytest.mark.parametrize("wait", ["", "0", "0s", "1s"])
def test_an_answer_comes_when_the_time_is_up(world: World, client: TestClient, wait: str) -> None:
    run = world.running(world.build())
    assert client.get(f"/runs/{run.id}?wait={wait}").json()["state"] == "running"


@pytest.mark.parametrize("wait", ["-1", "1m", "1.5", "100", "s"])
def test_a_wait_that_is_none_is_refused(world: World, client: TestClient, wait: str) -> None:
    assert client.get(f"/runs/{world.finished().id}?wait={wait}").status_code == 422


def test_where_all_places_are_taken_nobody_waits(world: World, make_client: MakeClient) -> None:
    run = world.running(world.build())
    assert make_client(streams=0).get(f"/runs/{run.id}?wait=30").json()["state"] == "running"


def test_who_loses_the_right_while_waiting_hears_nothing(world: World, client: TestClient) -> None:
    run = world.running(world.build(private=True))
    headers = world.token(Scope.READ)
    timer = threading.Timer(0.2, lambda: access.revoke(world.app, "robot", actor="root"))
    timer.start()
    answer = client.get(f"/runs/{run.id}?wait=30s", headers=headers)
    timer.join()
    assert answer.status_code == 401


def test_the_last_lines_of_a_log(world: World, client: TestClient) -> None:
    run = world.finished(b"one\ntwo\nthree\n")
    assert client.get(f"/runs/{run.id}/log?tail=2").content == b"two\nthree\n"
    assert client.get(f"/runs/{run.id}/log?tail=9", headers={"range": "bytes=1-1"}).content == b"one\ntwo\nthree\n"
    assert client.get(f"/runs/{run.id}/log?tail=0").status_code == 422


@given(
    lines=st.lists(st.binary(max_size=70_000).map(lambda one: one.replace(b"\n", b"")), max_size=6),
    ended=st.booleans(),
    wanted=st.integers(1, 5),
)
def test_a_tail_is_the_last_lines(lines: list[bytes], ended: bool, wanted: int) -> None:
    log = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    start = start_of_tail(lambda at, limit: log[at : at + limit], len(log), wanted)
    assert log[start:] == b"".join(
        log.splitlines(keepends=True)[-wanted:] if b"\r" not in log else _split(log)[-wanted:]
    )


def _split(log: bytes) -> list[bytes]:
    parts = log.split(b"\n")
    return [one + b"\n" for one in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def test_who_calls_too_often_is_told_when_to_come_again(world: World, make_client: MakeClient) -> None:
    client = make_client(call_burst=2)
    first, second = world.token(Scope.READ), world.token(Scope.READ, name="second")
    answers = [client.get("/runs", headers=first).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    refused = client.get("/runs", headers=first)
    assert (refused.json()["code"], refused.headers["retry-after"]) == ("too_fast", "1")
    assert refused.headers["content-type"] == "application/problem+json"
    assert [client.get("/runs", headers=second).status_code, client.get("/runs").status_code] == [200, 200]
    assert make_client("10.0.0.9", call_burst=2).get("/runs").status_code == 200


@pytest.mark.parametrize(("address", "expected"), [("2001:db8:1:2:ffff::9", 429), ("2001:db8:1:3::1", 200)])
def test_another_address_of_an_ipv6_network_gets_no_calls_of_its_own(
    world: World, make_client: MakeClient, address: str, expected: int
) -> None:
    client = make_client("2001:db8:1:2::1", call_burst=2)
    assert [client.get("/runs").status_code for _ in range(2)] == [200, 200]
    assert TestClient(client.app, client=(address, 50000)).get("/runs").status_code == expected


@pytest.mark.parametrize(
    "path", ["/", "/b/1", "/audit", "/cc.xml", "/b/github/acme/hello.svg", "/sign-in", "/b/1/-/stream"]
)
def test_pages_have_a_measure_for_each_address(make_client: MakeClient, path: str) -> None:
    client = make_client(call_burst=2)
    answers = [client.get(path) for _ in range(3)]
    assert [answer.status_code == 429 for answer in answers] == [False, False, True]
    assert answers[-1].headers["retry-after"] == "1"
    assert client.get("/runs").status_code == client.get("/healthz").status_code == 200


def test_who_guesses_tokens_is_slowed_down(make_client: MakeClient) -> None:
    client = make_client(call_burst=2)
    guesses = [{"authorization": f"Bearer assay_id1_guess{number}"} for number in range(3)]
    assert [client.get("/runs", headers=one).status_code for one in guesses] == [401, 401, 429]
