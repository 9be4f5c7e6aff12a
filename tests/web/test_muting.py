"""Flaky tests are muted and unmuted on their page, by people with write access."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest
from starlette.testclient import TestClient

from bot.domain.refs import Person
from bot.domain.results import Case, Outcome, Results
from bot.web.asgi import make_asgi
from tests.fakes.forge import ANA, STAN
from tests.fakes.signin import FakeSignIn
from tests.web.conftest import GITHUB, World
from tests.web.test_signin import key_of, sign_in

PAGE: Final = "/repos/github/acme/hello/-/flaky"
NAME: Final = "t.py::<b>"


@pytest.fixture
def door() -> FakeSignIn:
    return FakeSignIn()


@pytest.fixture
def browser(world: World, door: FakeSignIn) -> Iterator[TestClient]:
    """On a repository with a test that failed and passed on one commit."""
    world.app = replace(world.app, sign_ins={GITHUB: door})
    for outcome in (Outcome.FAILED, Outcome.PASSED):
        run = world.finished()
        with world.app.work() as work:
            work.results.add(run, [Case(name=NAME, outcome=outcome)])
            work.results.conclude(run, "main", Results(passed=1))
    asgi = make_asgi(world.app, world.watch)
    with TestClient(asgi, follow_redirects=False, base_url="https://ci.example.org") as client:
        yield client


def form(browser: TestClient, world: World, button: str = "mute", **more: str) -> dict[str, str]:
    until = (world.app.now() + timedelta(days=3)).date().isoformat()
    key = key_of(browser.get("/").text)
    return {"key": key, "button": button, "suite": "unit", "name": NAME, "until": until, "reason": "why", **more}


def test_whoever_may_write_mutes_and_unmutes(browser: TestClient, door: FakeSignIn, world: World) -> None:
    sign_in(browser, door)
    assert ">Mute</button>" in browser.get(PAGE).text
    muted = browser.post(PAGE, data=form(browser, world))
    assert (muted.status_code, muted.headers["location"]) == (303, f"https://ci.example.org{PAGE}")
    page = browser.get(PAGE).text
    assert "by ana: why" in page
    assert "<b>" not in page
    browser.post(PAGE, data=form(browser, world, "unmute"))
    assert "by ana: why" not in browser.get(PAGE).text
    with world.app.work() as work:
        assert [one.action for one in work.audit.recent(10)][:2] == ["unmute", "mute"]


@pytest.mark.parametrize("who", [None, STAN])
def test_nobody_else_does(browser: TestClient, door: FakeSignIn, world: World, who: Person | None) -> None:
    key = {"key": "0" * 64}
    if who:
        sign_in(browser, door, who)
        key = {}
    assert ">Mute</button>" not in browser.get(PAGE).text
    sent = {**(form(browser, world) if who else {"button": "mute", "suite": "unit", "name": NAME}), **key}
    assert browser.post(PAGE, data=sent).status_code == 403


@pytest.mark.parametrize("more", [{"until": "tomorrow"}, {"until": "2020-01-01"}, {"reason": " "}, {"name": ""}])
def test_a_mute_has_a_reason_and_an_end(
    browser: TestClient, door: FakeSignIn, world: World, more: dict[str, str]
) -> None:
    sign_in(browser, door, ANA)
    assert browser.post(PAGE, data=form(browser, world, **more)).status_code == 400
