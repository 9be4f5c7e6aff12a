"""Pages for operators and for those who approve: who sees them, and what their forms do."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest
from starlette.testclient import TestClient

from bot.app import access
from bot.app.context import Rules
from bot.domain.notices import NoticeState
from bot.domain.refs import Person
from bot.domain.runs import Build, RunState, Trust
from bot.domain.suites import Notify
from bot.domain.tokens import Scope
from bot.ports.queue import SendNotice
from bot.web.asgi import make_asgi
from tests.fakes.forge import ANA, STAN
from tests.fakes.signin import FakeSignIn
from tests.web.conftest import GITHUB, World
from tests.web.test_signin import key_of, sign_in

PAGES: Final = ["/admin/repositories", "/admin/work", "/admin/tokens", "/admin/notices"]
FORMS: Final = [
    ("/admin/tokens", {"name": "robot", "scope-runs:read": "on", "days": "30"}),
    ("/admin/tokens/revoke", {"id": "id1"}),
    ("/admin/repositories", {"name": "github:acme/hello"}),
    ("/admin/notices/again", {"number": "1"}),
]


@pytest.fixture
def door() -> FakeSignIn:
    return FakeSignIn()


@pytest.fixture
def world(world: World, door: FakeSignIn) -> World:
    rules = Rules(admins=frozenset({f"github:{ANA.id}"}))
    world.app = replace(world.app, sign_ins={GITHUB: door}, rules=rules)
    return world


@pytest.fixture
def browser(world: World) -> Iterator[TestClient]:
    asgi = make_asgi(world.app, world.watch)
    with TestClient(
        asgi, follow_redirects=False, base_url="https://ci.example.org", headers={"accept": "text/html"}
    ) as client:
        yield client


def waiting(world: World, *, private: bool = False) -> Build:
    build = world.build(private=private, change=7, trust=Trust.UNTRUSTED, risky_paths=("tox.ini",))
    world.run(build, state=RunState.AWAITING_APPROVAL)
    return build


@pytest.mark.parametrize("page", [*PAGES, "/approvals"])
def test_who_has_not_signed_in_is_asked_to(browser: TestClient, page: str) -> None:
    answer = browser.get(page)
    assert (answer.status_code, answer.headers["location"]) == (303, f"https://ci.example.org/sign-in?next={page}")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("person", "status"), [(ANA, 200), (STAN, 403)])
def test_pages_of_operators_are_for_administrators(
    browser: TestClient, door: FakeSignIn, page: str, person: Person, status: int
) -> None:
    sign_in(browser, door, person)
    assert browser.get(page).status_code == status
    assert ('href="/admin/work"' in browser.get("/").text) is (status == 200)


@pytest.mark.parametrize(("path", "form"), FORMS)
@pytest.mark.parametrize("change", ["no administrator", "nobody", "no key", "origin"])
def test_forms_of_operators_are_for_administrators_alone(
    world: World, browser: TestClient, door: FakeSignIn, path: str, form: dict[str, str], change: str
) -> None:
    sign_in(browser, door, STAN if change == "no administrator" else ANA)
    sent = {**form, "key": key_of(browser.get("/").text)}
    headers = {"origin": "https://evil.example"} if change == "origin" else {}
    if change == "nobody":
        browser.cookies.clear()
    if change == "no key":
        del sent["key"]
    assert browser.post(path, data=sent, headers=headers).status_code == 403
    assert not access.tokens(world.app)


def test_a_token_is_made_shown_once_and_revoked(world: World, browser: TestClient, door: FakeSignIn) -> None:
    sign_in(browser, door)
    form = {"key": key_of(browser.get("/").text), "name": "robot", "days": "30", "scope-runs:read": "on"}
    made = browser.post("/admin/tokens", data=form)
    found = re.search(r"assay_\w+_[\w-]{43}", made.text)
    assert found
    assert made.headers["cache-control"] == "no-store"
    assert found[0] not in browser.get("/admin/tokens").text
    (token,) = access.tokens(world.app)
    assert (token.name, token.scopes) == ("robot", (Scope.READ,))
    assert token.expires_at
    assert (token.expires_at - world.app.now()).days == 30
    headers = {"authorization": f"Bearer {found[0]}"}
    assert browser.get("/runs", headers=headers).status_code == 200
    assert browser.post("/admin/tokens/revoke", data={"key": form["key"], "id": token.id}).status_code == 303
    assert browser.get("/runs", headers=headers).status_code == 401
    with world.app.work() as work:
        actors = {one.actor for one in work.audit.recent(10, public_only=False) if "token" in one.action}
    assert actors == {"ana"}


@pytest.mark.parametrize(
    "change",
    [{"name": ""}, {"name": "a b"}, {"days": "7"}, {"days": "-1"}, {"scope-runs:read": None}, {"days": None}],
)
def test_a_token_that_can_not_be_is_not_made(
    world: World, browser: TestClient, door: FakeSignIn, change: dict[str, str | None]
) -> None:
    sign_in(browser, door)
    form = {"key": key_of(browser.get("/").text), "name": "robot", "days": "30", "scope-runs:read": "on", **change}
    answer = browser.post("/admin/tokens", data={name: value for name, value in form.items() if value is not None})
    assert answer.status_code == 400
    assert "This did not work" in answer.text
    assert not access.tokens(world.app)


def test_a_notice_is_sent_again_once(world: World, browser: TestClient, door: FakeSignIn) -> None:
    run = world.finished()
    with world.app.work() as work:
        work.notices.add(run.build, Notify(channel="team"))
        (number,) = work.notices.due(10)
        work.notices.settle(number, NoticeState.DEAD, "answered 404")
    sign_in(browser, door)
    page = browser.get("/admin/notices").text
    assert "answered 404" in page
    form = {"key": key_of(page), "number": str(number)}
    assert browser.post("/admin/notices/again", data=form).status_code == 303
    assert browser.post("/admin/notices/again", data=form).status_code == 404
    assert world.hints == [SendNotice(number)]
    assert "Send again" not in browser.get("/admin/notices").text


@pytest.mark.parametrize("number", ["", "x", "-1", "9" * 40, "²", "987"])
def test_only_a_notice_that_is_there_is_sent_again(browser: TestClient, door: FakeSignIn, number: str) -> None:
    sign_in(browser, door)
    form = {"key": key_of(browser.get("/").text), "number": number}
    assert browser.post("/admin/notices/again", data=form).status_code == 404


def test_what_runs_where_and_what_waits_is_shown(world: World, browser: TestClient, door: FakeSignIn) -> None:
    build = world.build()
    world.running(build, "unit")
    world.run(build, "lint")
    waiting(world)
    sign_in(browser, door)
    page = browser.get("/admin/work").text
    assert "<code>worker</code>" in page
    assert page.index(">unit</a>") < page.index(">lint</a>")
    assert "1 build waits for an" in page


@pytest.mark.parametrize("writes", [True, False])
def test_approvals_are_those_that_the_person_may_give(
    world: World, browser: TestClient, door: FakeSignIn, writes: bool
) -> None:
    build = waiting(world)
    world.forge.writers = {ANA.id} if writes else set()
    sign_in(browser, door)
    page = browser.get("/approvals").text
    assert (f'action="/b/{build.id}/-/press"' in page) is writes
    assert ("<code>tox.ini</code>" in page) is writes
    assert ("Needs you" in browser.get("/").text) is writes
