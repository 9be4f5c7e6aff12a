"""A build's page and the API tell how far the search for what broke it is, and what it found."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bot.domain.bisecting import BisectionState
from bot.web.asgi import make_asgi
from bot.web.health import Watch
from tests.fakes.channel import FakeChannel
from tests.searches import COMMITS, broken, build_of, found, go_on, press, search_world
from tests.walks import World


@pytest.fixture
def broke(tmp_path: Path) -> World:
    """The fifth commit broke the branch, and somebody looks for it."""
    world = broken(search_world(tmp_path, FakeChannel()), 4)
    world.forge.messages[COMMITS[4]] = "Tidy <up>"
    press(world)
    return world


@pytest.fixture
def pages(broke: World) -> Iterator[TestClient]:
    watch = Watch(metrics=lambda: b"", work=broke.app.work)
    with TestClient(make_asgi(broke.app, watch), base_url="https://ci.example.org") as client:
        yield client


def page_of(broke: World, pages: TestClient) -> str:
    return " ".join(pages.get(f"/b/{build_of(broke).id}").text.split())


def test_while_it_looks_the_page_says_how_much_is_to_come_and_renews_itself(broke: World, pages: TestClient) -> None:
    assert found(broke).state is BisectionState.RUNNING
    page = page_of(broke, pages)
    assert "Looking among 11 commits on <code>main</code>, about 3 more steps." in page
    assert "data-stream=" in page
    assert "First bad commit" not in page


def test_the_page_shows_the_commit_its_author_its_tests_and_every_step(broke: World, pages: TestClient) -> None:
    go_on(broke)
    page = page_of(broke, pages)
    link = '<a href="https://github.example/acme/hello/commit/{0}"><code>0000000</code></a>'
    words = f"First bad commit: {link.format(COMMITS[4])} <strong>Tidy &lt;up&gt;</strong>, by @Ana *Doe*."
    assert f"{words} All was well at {link.format(COMMITS[3])}." in page
    assert "<p>Tests that fail from there on:</p> <ul> <li><code>t::a</code></li> </ul>" in page
    assert [page.count(f"<td>{finding}</td>") for finding in ("bad", "bad, the first", "good")] == [2, 1, 2]
    assert "data-stream=" not in page


def test_the_api_tells_the_same(broke: World, pages: TestClient) -> None:
    go_on(broke)
    (search,) = pages.get(f"/builds/{build_of(broke).id}").json()["searches"]
    told = {name: search[name] for name in ("state", "first_bad", "note", "author", "tests")}
    assert told == {
        "state": "found",
        "first_bad": COMMITS[4],
        "note": "Tidy <up>",
        "author": "@Ana *Doe*",
        "tests": ["t::a"],
    }
    assert len(search["steps"]) == 5
