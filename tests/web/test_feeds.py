"""Feeds and lights: valid XML whatever people write, turns alone, and private ones for those with a token."""

import base64
import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
from starlette.testclient import TestClient

from bot.domain.runs import Build, Cause, RunState
from bot.domain.tokens import Scope
from bot.web.asgi import make_asgi
from tests.web.conftest import World

ATOM = "/repos/github/acme/hello/-/feed.atom"
LIGHT = "/repos/github/acme/hello/-/cc.xml"
NAMES = {"a": "http://www.w3.org/2005/Atom"}


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    with TestClient(make_asgi(world.app, world.watch), follow_redirects=False) as client:
        yield client


def came_to(world: World, state: RunState, *, private: bool = False, **more: object) -> Build:
    build = world.build(private=private, **{"ref": "main", "cause": Cause.PUSH, **more})
    world.end(world.running(build), state)
    return build


def titles(client: TestClient, address: str = ATOM) -> list[str]:
    answer = client.get(address)
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = ET.fromstring(answer.text)  # noqa: S314  # our own
    assert feed.find("a:updated", NAMES) is not None
    return [entry.findtext("a:title", "", NAMES) for entry in feed.findall("a:entry", NAMES)]


def light_of(client: TestClient, address: str = LIGHT, headers: dict[str, str] | None = None) -> list[dict[str, str]]:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return [dict(one.attrib) for one in ET.fromstring(answer.text).findall("Project")]  # noqa: S314  # our own


def basic(headers: dict[str, str]) -> dict[str, str]:
    token = headers["authorization"].removeprefix("Bearer ")
    return {"authorization": f"Basic {base64.b64encode(f'anybody:{token}'.encode()).decode()}"}


def test_a_feed_has_the_builds_that_turned_branch_by_branch(world: World, client: TestClient) -> None:
    for state in (RunState.PASSED, RunState.PASSED, RunState.FAILED, RunState.FAILED, RunState.PASSED):
        came_to(world, state, title="main's")
    came_to(world, RunState.FAILED, ref="wip", title="first")
    came_to(world, RunState.FAILED, ref="main", cause=Cause.CHANGE, change=7, title="a change")
    came_to(world, RunState.CANCELLED, title="says nothing")
    assert titles(client) == [
        "wip failed: first",
        "main passed after failed: main's",
        "main failed after passed: main's",
        "main passed: main's",
    ]
    assert titles(client, f"{ATOM}?branch=wip") == ["wip failed: first"]


def test_a_feed_without_builds_is_one(world: World, client: TestClient) -> None:
    world.repository()
    assert titles(client) == []


@pytest.mark.parametrize("title", ["</title><script>&", "\x00\x1b[31m\x08", "\ufffe\uffff", "\u202e]]>"])
def test_whatever_people_write_the_feed_is_xml(world: World, client: TestClient, title: str) -> None:
    came_to(world, RunState.PASSED, title=title, sender=title, ref=title)
    assert len(titles(client)) == 1
    assert light_of(client)


def test_a_light_shows_the_last_result_and_whether_something_runs(world: World, client: TestClient) -> None:
    build = came_to(world, RunState.FAILED)
    (one,) = light_of(client)
    assert (one["name"], one["activity"], one["lastBuildStatus"]) == ("acme/hello (main)", "Sleeping", "Failure")
    assert (one["lastBuildLabel"], one["webUrl"]) == (str(build.id), "https://ci.example.org/repos/github/acme/hello")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one["lastBuildTime"])
    world.running(world.build(ref="main", cause=Cause.PUSH))
    (one,) = light_of(client)
    assert (one["activity"], one["lastBuildStatus"]) == ("Building", "Failure")


@pytest.mark.parametrize(
    ("state", "status"),
    [(RunState.PASSED, "Success"), (RunState.TIMED_OUT, "Failure"), (RunState.ERRORED, "Failure")],
)
def test_words_are_cctrays(world: World, client: TestClient, state: RunState, status: str) -> None:
    came_to(world, state)
    assert [one["lastBuildStatus"] for one in light_of(client)] == [status]


def test_before_the_first_build_a_light_knows_nothing(world: World, client: TestClient) -> None:
    world.repository()
    assert [one["lastBuildStatus"] for one in light_of(client, "/cc.xml")] == ["Unknown"]


@pytest.mark.parametrize("kind", ["feed.atom", "cc.xml"])
def test_private_ones_are_there_for_a_token_alone(world: World, client: TestClient, kind: str) -> None:
    came_to(world, RunState.PASSED, private=True)
    address, reader = f"/repos/github/acme/secret/-/{kind}", world.token(Scope.READ)
    assert client.get(address).status_code == 404
    assert client.get(address, headers=reader).status_code == 200
    assert client.get(address, headers=basic(reader)).status_code == 200
    assert client.get(address, headers=basic(world.token(Scope.WRITE, name="writer"))).status_code == 404
    assert client.get(address, headers=basic({"authorization": "Bearer assay_id1_guess"})).status_code == 401
    assert client.get(address, headers={"authorization": "Basic !"}).status_code == 404


def test_all_lights_are_those_that_may_be_seen(world: World, client: TestClient) -> None:
    came_to(world, RunState.PASSED)
    came_to(world, RunState.PASSED, private=True)
    assert [one["name"] for one in light_of(client, "/cc.xml")] == ["acme/hello (main)"]
    seen = light_of(client, "/cctray.xml", basic(world.token(Scope.READ)))
    assert [one["name"] for one in seen] == ["acme/hello (main)", "acme/secret (main)"]
