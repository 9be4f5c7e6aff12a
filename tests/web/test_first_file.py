"""A first suite file is proposed to those who may write, and opened as a change where the forge lets us."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest
from starlette.testclient import TestClient

from bot.domain.errors import Ambiguous
from bot.domain.refs import Person
from bot.web.asgi import make_asgi
from tests.fakes.forge import ANA, STAN
from tests.fakes.signin import FakeSignIn
from tests.web.conftest import GITHUB, World
from tests.web.test_signin import key_of, sign_in

HOME: Final = "/repos/github/acme/hello"
PAGE: Final = f"{HOME}/-/first-suite-file"
MAKE: Final = b"test:\n\techo '<b>'\n"


@pytest.fixture
def door() -> FakeSignIn:
    return FakeSignIn()


@pytest.fixture
def world(world: World, door: FakeSignIn) -> World:
    world.app = replace(world.app, sign_ins={GITHUB: door})
    world.forge.refs["main"] = "a" * 40
    world.forge.files["Makefile"] = MAKE
    world.repository()
    return world


@pytest.fixture
def browser(world: World) -> Iterator[TestClient]:
    asgi = make_asgi(world.app, world.watch)
    headers = {"accept": "text/html"}
    with TestClient(asgi, follow_redirects=False, base_url="https://ci.example.org", headers=headers) as client:
        yield client


def send(browser: TestClient) -> tuple[int, str]:
    answer = browser.post(PAGE, data={"key": key_of(browser.get("/").text)})
    return answer.status_code, answer.text


def test_who_has_not_signed_in_is_asked_to(browser: TestClient) -> None:
    assert browser.get(PAGE).headers["location"].endswith(f"/sign-in?next={PAGE}")


@pytest.mark.parametrize(("person", "status"), [(ANA, 200), (STAN, 403)])
def test_it_is_for_those_who_may_write(
    world: World, browser: TestClient, door: FakeSignIn, person: Person, status: int
) -> None:
    world.forge.may_propose = True
    sign_in(browser, door, person)
    assert browser.get(PAGE).status_code == status
    assert send(browser)[0] == status
    assert len(world.forge.proposed) == (status == 200)
    assert (PAGE in browser.get(HOME).text) is (status == 200)


def test_where_files_are_only_read_the_forges_page_is_linked_filled_in(browser: TestClient, door: FakeSignIn) -> None:
    sign_in(browser, door)
    page = browser.get(PAGE).text
    assert "make test" in page
    assert "Makefile" in page
    assert "name=.assay.yml&amp;text=" in page
    assert "<button>Open a" not in page
    assert send(browser)[0] == 409


def test_where_the_forge_lets_us_a_change_is_opened(world: World, browser: TestClient, door: FakeSignIn) -> None:
    world.forge.may_propose = True
    sign_in(browser, door)
    assert "Open a pull request" in browser.get(PAGE).text
    status, text = send(browser)
    assert (status, "/pull/1" in text) == (200, True)
    (file,) = world.forge.proposed
    assert file.path == ".assay.yml"
    assert "make test" in file.text
    assert "ana" in file.body
    assert [one[:3] for one in world.audited()] == [("ana", "propose suite file", "file:.assay.yml")]


def test_one_that_is_there_is_not_proposed_again(world: World, browser: TestClient, door: FakeSignIn) -> None:
    world.forge.may_propose = True
    world.forge.suite_files[""] = b"suites: {}"
    sign_in(browser, door)
    assert "is there already" in browser.get(PAGE).text
    assert send(browser)[0] == 409
    assert world.forge.proposed == []


def test_what_the_forge_says_is_told(world: World, browser: TestClient, door: FakeSignIn) -> None:
    world.forge.may_propose = True
    world.forge.trouble["propose"] = [Ambiguous("no answer")]
    sign_in(browser, door)
    status, text = send(browser)
    assert (status, "no answer" in text) == (409, True)


def test_without_a_commit_there_is_nothing_to_propose(world: World, browser: TestClient, door: FakeSignIn) -> None:
    world.forge.refs.clear()
    sign_in(browser, door)
    answer = browser.get(PAGE)
    assert (answer.status_code, "no such commit" in answer.text) == (409, True)


def test_an_address_that_is_none_of_the_web_is_no_link(world: World, browser: TestClient, door: FakeSignIn) -> None:
    with world.app.work() as work:
        work.repositories.update(replace(world.forge.seen, web_url="javascript:alert(1)"))
    sign_in(browser, door)
    assert "javascript:" not in browser.get(PAGE).text
