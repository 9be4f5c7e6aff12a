"""Pages about more than one build: what is going on, and how a branch has done."""

from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from starlette.testclient import TestClient

from bot.domain.runs import Build, Cause, RunState
from tests.builders import NOON
from tests.web.conftest import World
from tests.web.test_pages import NASTY, Page, page, words

SVG = "{http://www.w3.org/2000/svg}"


def built(world: World, state: RunState = RunState.PASSED, seconds: float = 62, **more: object) -> Build:
    """A build of one suite that ended like that."""
    build = world.build(**more)  # type: ignore[arg-type]  # a_build() checks the names
    run = world.run(build)
    if not state.is_final:
        return build
    with world.app.work() as work:
        claimed = work.runs.claim(run.id, "worker", 60)
        assert claimed
        running = claimed.running(NOON)
        assert work.runs.save(claimed, running, "worker")
        assert work.runs.save(running, running.ended(state, None, NOON + timedelta(seconds=seconds)), "worker")
    return build


def test_the_first_page_has_repositories_and_what_is_busy(world: World, client: TestClient) -> None:
    built(world)
    built(world, RunState.FAILED)
    world.running(world.build(), "unit")
    first, second = world.run(world.build(), "lint"), world.run(world.build(), "docs")
    shown = page(client, "/")
    assert "1 running, 2 in line" in words(shown)
    assert "1. in line lint" in words(shown)
    assert "2. in line docs" in words(shown)
    assert {f"/b/{first.build}/lint", f"/b/{second.build}/docs"} <= set(shown.links)
    assert "Needs you" not in shown.text
    assert "50 %" in shown.text
    assert "/repos/github/acme/hello" in shown.links


def test_older_builds_have_a_page_of_their_own(world: World, client: TestClient) -> None:
    builds = [built(world) for _ in range(31)]
    shown = page(client, "/")
    assert f"/?before={builds[1].id}" in shown.links
    older = page(client, f"/?before={builds[1].id}")
    assert f"/b/{builds[0].id}" in older.links
    assert "Repositories" not in older.text


def test_a_repository_shows_its_builds_and_how_its_branch_has_done(world: World, client: TestClient) -> None:
    for state, seconds in [
        (RunState.PASSED, 60),
        (RunState.FAILED, 90),
        (RunState.PASSED, 600),
        (RunState.PASSED, 61),
    ]:
        built(world, state, seconds)
    built(world, RunState.CANCELLED)
    built(world, cause=Cause.CHANGE, change=7, ref="topic")
    shown = words(page(client, "/repos/github/acme/hello"))
    assert "75 % of 4" in shown
    assert "usually 1m 16s" in shown.replace("usually1m", "usually 1m")
    assert "#7" in shown


def test_a_branch_can_be_chosen(world: World, client: TestClient) -> None:
    kept = built(world, ref="release/1")
    other = built(world)
    shown = page(client, "/repos/github/acme/hello?branch=release/1")
    assert f"/b/{kept.id}" in shown.links
    assert f"/b/{other.id}" not in shown.links


def test_a_repository_without_builds_says_so(world: World, client: TestClient) -> None:
    world.repository()
    assert "none yet" in page(client, "/repos/github/acme/hello").text


@pytest.mark.parametrize(
    "path", ["/repos/github/acme/nothing", "/repos/gitlab/acme/hello", "/repos/github/acme/secret"]
)
def test_what_may_not_be_seen_is_not_there(world: World, client: TestClient, path: str) -> None:
    world.repository()
    world.build(private=True)
    assert client.get(path).status_code == 404


def test_hostile_names_stay_text(world: World, client: TestClient) -> None:
    built(world, title=NASTY, ref=NASTY)
    Page(client.get("/").text)
    shown = page(client, "/repos/github/acme/hello")
    assert NASTY in shown.text
    page(client, f"/repos/github/acme/hello?branch={NASTY.replace('#', '')}")


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ([], "unknown"),
        ([RunState.PASSED], "passing"),
        ([RunState.PASSED, RunState.FAILED], "failing"),
        ([RunState.FAILED, RunState.PASSED, RunState.QUEUED], "passing"),
        ([RunState.FAILED, RunState.CANCELLED], "failing"),
        ([RunState.TIMED_OUT], "failing"),
    ],
)
def test_a_badge_keeps_the_last_result(
    world: World, client: TestClient, states: list[RunState], message: str
) -> None:
    world.repository()
    for state in states:
        built(world, state)
    answer = client.get("/b/github/acme/hello.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    drawn = ET.fromstring(answer.text)  # noqa: S314  # our own
    assert [one.text for one in drawn.iter(f"{SVG}text")] == ["assay", message]
    assert client.get("/b/github/acme/hello.json").json()["message"] == message


def test_a_badge_takes_any_label_as_text(world: World, client: TestClient) -> None:
    world.repository()
    answer = client.get("/b/github/acme/hello.svg", params={"label": NASTY})
    drawn = ET.fromstring(answer.text)  # noqa: S314  # our own
    assert drawn.attrib["aria-label"].endswith("unknown")
    assert not list(drawn.iter(f"{SVG}script"))


def test_a_private_badge_is_not_for_everybody(world: World, client: TestClient) -> None:
    world.build(private=True)
    assert client.get("/b/github/acme/secret.svg").status_code == 404


def test_a_build_without_an_end_has_no_length(world: World, client: TestClient) -> None:
    build = built(world, RunState.QUEUED)
    assert f"/b/{build.id}" in page(client, "/").links
