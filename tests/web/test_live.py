"""What an open page and a following program hear."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sse_starlette import ServerSentEvent
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from bot.app import queries
from bot.app.queries import ANYBODY, Viewer
from bot.domain.errors import StoreBusy
from bot.domain.runs import Group, RunState
from bot.web import live
from bot.web.following import BuildFollower, Step, SuiteFollower
from bot.web.site import Places, Site
from tests.web.conftest import MakeClient, World


def site_of(client: TestClient) -> Site:
    site: Site = client.app.state.site  # type: ignore[attr-defined]  # a Starlette application
    return site


def anybody() -> Viewer:
    return ANYBODY


def heard(step: Step) -> list[tuple[str | None, str | None]]:
    """Name and id of each event."""
    return [(event.event, event.id) for event in step.events]


def said(step: Step, name: str) -> list[str]:
    return [str(event.data) for event in step.events if event.event == name]


def test_lines_come_as_they_are_written(world: World, client: TestClient) -> None:
    run = world.running(world.build())
    follower = SuiteFollower(site_of(client), anybody, run.build, run, 0)
    world.write(run, b"one\ntw")
    first = follower.step()
    world.write(run, b"o\n")
    second = follower.step()
    assert heard(first) == [("state", None), ("lines", "4"), ("line", None)]
    assert said(first, "line") == ['<a id="L2" href="#L2" data-n="2" aria-label="2"></a>tw']
    assert heard(second) == [("lines", "8"), ("line", None)]
    assert said(second, "lines") == ['<a id="L2" href="#L2" data-n="2" aria-label="2"></a>two']
    assert said(second, "line") == [""]


def test_nothing_new_is_no_event(world: World, client: TestClient) -> None:
    run = world.running(world.build())
    follower = SuiteFollower(site_of(client), anybody, run.build, run, 0)
    follower.step()
    assert heard(follower.step()) == []


def test_whoever_comes_back_gets_the_rest_with_the_right_numbers(world: World, client: TestClient) -> None:
    run = world.running(world.build())
    world.write(run, b"one\n\x1b[31mtwo\nthree\n")
    step = SuiteFollower(site_of(client), anybody, run.build, run, 13).step()
    assert said(step, "lines") == [
        '<a id="L3" href="#L3" data-n="3" aria-label="3"></a><span class="f1">three</span>'
    ]


def test_an_offset_beyond_the_end_is_the_end(world: World, client: TestClient) -> None:
    run = world.running(world.build())
    world.write(run, b"one\n")
    follower = SuiteFollower(site_of(client), anybody, run.build, run, 10**15)
    world.write(run, b"two\n")
    assert said(follower.step(), "lines") == ['<a id="L2" href="#L2" data-n="2" aria-label="2"></a>two']


def test_a_change_of_state_is_told_and_the_end_ends_it(world: World, client: TestClient) -> None:
    run = world.running(world.build())
    world.write(run, b"one\n")
    follower = SuiteFollower(site_of(client), anybody, run.build, run, 0)
    follower.step()
    world.end(run, RunState.FAILED, exit_code=3)
    last = follower.step()
    assert (heard(last), last.ended) == ([("state", None), ("end", "4")], True)
    assert "exited with 3" in said(last, "state")[0]


def test_much_log_comes_in_bounded_events(world: World, client: TestClient) -> None:
    run = world.running(world.build())
    world.write(run, b"0123456789\n" * 10_000)
    follower = SuiteFollower(site_of(client), anybody, run.build, run, 0)
    first, second = follower.step(), follower.step()
    assert (first.more, second.more) == (True, False)
    assert heard(second)[0] == ("lines", "110000")


def test_a_build_tells_its_suites_when_they_change(world: World, client: TestClient) -> None:
    build = world.build()
    run = world.running(build)
    follower = BuildFollower(site_of(client), anybody, build.id)
    first, second = follower.step(), follower.step()
    world.end(run)
    last = follower.step()
    assert (heard(first), heard(second), heard(last)) == ([("state", None)], [], [("state", None), ("end", None)])
    assert last.ended


def test_the_stream_of_a_finished_suite_tells_all_and_ends(world: World, client: TestClient) -> None:
    run = world.finished(b"one\ntwo")
    answer = client.get(f"{world.page_of(run)}/stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"
    events = [line for line in answer.text.splitlines() if line.startswith(("event", "id"))]
    assert events == ["event: state", "id: 4", "event: lines", "event: line", "id: 4", "event: end"]


def test_the_browsers_own_id_counts_more_than_the_pages(world: World, client: TestClient) -> None:
    run = world.finished(b"one\ntwo\n")
    answer = client.get(f"{world.page_of(run)}/stream?from=0", headers={"last-event-id": "4"})
    assert 'id="L1"' not in answer.text
    assert 'id="L2"' in answer.text


@pytest.mark.parametrize("start", ["x", "-1", "9" * 5000, "4.5", "٤"])
def test_an_id_that_is_no_offset_means_the_beginning(world: World, client: TestClient, start: str) -> None:
    run = world.finished(b"one\n")
    assert 'id="L1"' in client.get(f"{world.page_of(run)}/stream", params={"from": start}).text


def test_the_stream_of_a_finished_build_ends(world: World, client: TestClient) -> None:
    assert "event: end" in client.get(f"/b/{world.finished().build}/-/stream").text


def test_no_more_streams_are_opened_than_allowed(make_client: MakeClient, world: World) -> None:
    run = world.finished()
    client = make_client(streams=0)
    answer = client.get(f"{world.page_of(run)}/stream")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "15")
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"/runs/{run.id}/logs"):
        pass


def test_one_address_leaves_places_for_others() -> None:
    places = Places(4)
    with places.of("here").taken(), places.of("here").taken():
        assert (places.of("here").full, places.of("there").full) == (True, False)
        with places.of("there").taken(), places.of("elsewhere").taken():
            assert places.of("there").full
    assert not places.of("here").full


def test_a_place_is_free_again_after_its_stream() -> None:
    places = Places(1).of("here")

    async def all_of(events: AsyncIterator[ServerSentEvent]) -> list[bool]:
        return [places.full async for _ in events]

    step = Step([ServerSentEvent("x")], ended=True)
    assert asyncio.run(all_of(live._events(places, lambda: step))) == [True]
    assert not places.full


def test_a_stream_ends_quietly_when_the_store_is_busy_and_the_browser_comes_back() -> None:
    places = Places(1).of("here")

    def fail() -> Step:
        raise StoreBusy("locked")

    async def all_of(events: AsyncIterator[ServerSentEvent]) -> list[ServerSentEvent]:
        return [event async for event in events]

    assert asyncio.run(all_of(live._events(places, fail))) == []
    assert not places.full


def follow(client: TestClient, path: str, **headers: str) -> bytes:
    """All that the socket says until it is closed in good order."""
    got = b""
    with client.websocket_connect(path, headers=headers) as socket:
        while (message := socket.receive())["type"] == "websocket.send":
            assert len(message["bytes"]) <= live.PIECE
            got += message["bytes"]
    assert message["code"] == 1000
    return got


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", b"\x00one\xff"),
        ("?start=2", b"ne\xff"),
        ("?start=5", b""),
        ("?start=999", b""),
        ("?start=x", b"\x00one\xff"),
    ],
)
def test_programs_get_the_bytes_from_any_offset(
    world: World, client: TestClient, query: str, expected: bytes
) -> None:
    run = world.finished(b"\x00one\xff")
    assert follow(client, f"/runs/{run.id}/logs{query}") == expected


def test_programs_get_what_is_written_meanwhile(world: World, client: TestClient) -> None:
    run = world.running(world.build())
    world.write(run, b"first ")
    with client.websocket_connect(f"/runs/{run.id}/logs") as socket:
        first = socket.receive_bytes()
        world.write(run, b"second")
        second = socket.receive_bytes()
        world.end(run)
        assert socket.receive()["code"] == 1000
    assert (first, second) == (b"first ", b"second")


def test_programs_are_told_when_the_log_can_not_be_read_on(
    world: World, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.running(world.build())
    world.write(run, b"first")

    def fail(*_: object) -> queries.LogPiece:
        raise StoreBusy("locked")

    with client.websocket_connect(f"/runs/{run.id}/logs") as socket:
        socket.receive_bytes()
        monkeypatch.setattr(queries, "log_piece", fail)
        assert socket.receive()["code"] == 1011


def test_a_program_that_goes_away_frees_its_place(make_client: MakeClient, world: World) -> None:
    client = make_client(streams=1)
    run = world.running(world.build())
    world.write(run, b"first")
    with client.websocket_connect(f"/runs/{run.id}/logs") as socket:
        socket.receive_bytes()
    with client.websocket_connect(f"/runs/{run.id}/logs") as socket:
        assert socket.receive_bytes() == b"first"


def test_a_run_that_never_began_has_an_empty_log_that_is_complete(world: World, client: TestClient) -> None:
    run = world.run(world.build(), state=RunState.SKIPPED)
    assert follow(client, f"/runs/{run.id}/logs") == b""


def test_much_log_comes_in_bounded_frames(world: World, client: TestClient) -> None:
    run = world.finished(b"0123456789" * 50_000)
    assert follow(client, f"/runs/{run.id}/logs") == b"0123456789" * 50_000


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://ci.example.org", "null", "https://ci.example.org.evil.example"]
)
def test_pages_of_other_sites_may_not_follow(world: World, client: TestClient, origin: str) -> None:
    run = world.finished()
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(f"/runs/{run.id}/logs", headers={"origin": origin}),
    ):
        pass


def test_our_own_pages_may(world: World, client: TestClient) -> None:
    run = world.finished(b"ours")
    assert follow(client, f"/runs/{run.id}/logs", origin="https://ci.example.org") == b"ours"


@pytest.mark.parametrize("run", ["nobody", "%00", "é", "x" * 500])
def test_a_run_that_is_not_there_can_not_be_followed(client: TestClient, run: str) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"/runs/{run}/logs"):
        pass


def test_groups_are_told_before_their_lines_and_again_when_they_end(world: World, client: TestClient) -> None:
    run = world.running(world.build(), commands=("make", "make <b>"))
    follower = SuiteFollower(site_of(client), anybody, run.build, run, 0)
    first, second = Group(number=1, offset=0), Group(number=2, offset=4)
    world.group(run, first)
    world.write(run, b"one\n")
    begun = follower.step()
    world.group(run, replace(first, seconds=2, code=0), second)
    world.write(run, b"two\n")
    assert [name for name, _ in heard(begun)] == ["state", "group", "lines"]
    step = follower.step()
    assert [name for name, _ in heard(step) if name != "state"] == ["group", "group", "lines"]
    ended, opened = said(step, "group")
    assert ('id="g1"' in ended, "passed" in ended) == (True, True)
    assert ('id="g2"' in opened, "make &lt;b&gt;" in opened, "running" in opened) == (True, True, True)
