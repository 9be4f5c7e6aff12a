"""People sign in with their forge; then they see and do here what they may there (DESIGN §2.12)."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from bot.app import queries, signing_in
from bot.app.context import Rules
from bot.domain.errors import BadInput
from bot.domain.refs import Person
from bot.domain.runs import RunState, Trust
from bot.domain.tokens import Scope
from bot.web.asgi import make_asgi
from tests.builders import SHA
from tests.fakes.forge import ANA, STAN
from tests.fakes.signin import FakeSignIn
from tests.web.conftest import GITHUB, World

HTML: Final = {"accept": "text/html"}
RITA: Final = Person(4, "rita")


@pytest.fixture
def forge_door() -> FakeSignIn:
    return FakeSignIn()


@pytest.fixture
def world(world: World, forge_door: FakeSignIn) -> World:
    world.app = replace(world.app, sign_ins={GITHUB: forge_door})
    return world


@pytest.fixture
def browser(world: World) -> Iterator[TestClient]:
    asgi = make_asgi(world.app, world.watch)
    with TestClient(asgi, follow_redirects=False, base_url="https://ci.example.org") as client:
        yield client


def sign_in(browser: TestClient, door: FakeSignIn, person: Person = ANA, then: str = "/") -> str:
    """Where the browser ends up."""
    begun = browser.get("/sign-in/github", params={"next": then})
    assert begun.headers["location"].startswith("https://github.example/authorize")
    state, code = door.allow(person)
    done = browser.get("/sign-in/github/done", params={"state": state, "code": code})
    assert done.status_code == 303
    return str(done.headers["location"])


def key_of(html: str) -> str:
    found = re.search(r'name="key" value="([0-9a-f]{64})"', html)
    assert found
    return found[1]


def test_who_signs_in_is_greeted_on_the_page_that_they_wanted(browser: TestClient, forge_door: FakeSignIn) -> None:
    assert "sign in" in browser.get("/").text
    assert sign_in(browser, forge_door, then="/audit?x=1") == "https://ci.example.org/audit?x=1"
    assert "ana" in browser.get("/").text


def test_the_cookie_is_for_this_host_over_https_and_not_for_scripts(
    browser: TestClient, forge_door: FakeSignIn
) -> None:
    browser.get("/sign-in/github")
    state, code = forge_door.allow(ANA)
    done = browser.get("/sign-in/github/done", params={"state": state, "code": code})
    kept = next(one for one in done.headers.get_list("set-cookie") if "session" in one)
    assert kept.startswith("__Host-assay-session=")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(kept.split("; "))


@pytest.mark.parametrize("change", ["state", "code", "flow", "none", "error"])
def test_an_answer_that_was_not_asked_for_signs_nobody_in(
    browser: TestClient, forge_door: FakeSignIn, change: str
) -> None:
    browser.get("/sign-in/github")
    state, code = forge_door.allow(ANA)
    answer = {"state": state, "code": code}
    match change:
        case "state" | "code":
            answer[change] = "another"
        case "flow":
            browser.cookies.clear()
        case "none":
            answer = {}
        case _:
            answer = {"error": "access_denied", "state": state}
    done = browser.get("/sign-in/github/done", params=answer)
    assert done.status_code == 400
    assert not [one for one in done.headers.get_list("set-cookie") if "session" in one]
    assert "ana" not in browser.get("/").text


def test_one_answer_is_good_for_one_session(browser: TestClient, forge_door: FakeSignIn) -> None:
    browser.get("/sign-in/github")
    state, code = forge_door.allow(ANA)
    flow = dict(browser.cookies)
    assert browser.get("/sign-in/github/done", params={"state": state, "code": code}).status_code == 303
    browser.cookies.clear()
    browser.cookies.update(flow)
    assert browser.get("/sign-in/github/done", params={"state": state, "code": code}).status_code == 400


def test_a_sign_in_that_took_too_long_is_begun_anew(world: World, forge_door: FakeSignIn) -> None:
    begun = signing_in.begin(world.app, GITHUB, then="/", state="s", verifier="v")
    late = replace(world.app, now=lambda: world.app.now() + 2 * signing_in.LASTS)
    state, code = forge_door.allow(ANA)
    with pytest.raises(BadInput, match="too long"):
        signing_in.finish(late, GITHUB, flow=begun.flow, state=state, code=code, secret="x" * 43)


def test_a_forge_that_does_not_answer_is_an_honest_503(browser: TestClient, forge_door: FakeSignIn) -> None:
    browser.get("/sign-in/github")
    state, code = forge_door.allow(ANA)
    forge_door.down = True
    done = browser.get("/sign-in/github/done", params={"state": state, "code": code})
    assert done.status_code == 503
    assert "no answer" in done.text


@given(
    st.text(max_size=40) | st.sampled_from(["//evil.example", "https://evil", "/\\evil", "/a\r\nSet-Cookie: x", "\\"])
)
def test_nobody_is_led_away_from_here(then: str) -> None:
    path = signing_in.own_path(then)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert path.isprintable()
    assert path in (then, "/")


def test_where_no_client_is_registered_nobody_can_sign_in(client: TestClient) -> None:
    assert client.get("/sign-in/gitlab").status_code == 404


def test_signing_out_ends_the_session_itself(browser: TestClient, forge_door: FakeSignIn, world: World) -> None:
    sign_in(browser, forge_door)
    kept = dict(browser.cookies)
    gone = browser.post("/sign-out", data={"key": key_of(browser.get("/").text)})
    assert gone.status_code == 303
    browser.cookies.update(kept)
    assert "ana" not in browser.get("/").text


def test_a_private_page_is_for_those_who_may_read_the_repository_now(
    browser: TestClient, forge_door: FakeSignIn, world: World
) -> None:
    run = world.finished(b"a secret of acme", private=True)
    path = f"/b/{run.build}"
    hidden = browser.get(path, headers=HTML)
    assert hidden.status_code == 404
    assert f"/sign-in?next={path}" in hidden.text
    world.forge.strangers.add(STAN.id)
    sign_in(browser, forge_door, STAN)
    assert browser.get(path, headers=HTML).status_code == 404
    sign_in(browser, forge_door, ANA)
    assert "acme/secret" in browser.get(path).text
    assert browser.get(f"/runs/{run.id}/log").text == "a secret of acme"
    assert "acme/secret" in browser.get("/").text
    world.forge.strangers.add(ANA.id)
    later = replace(world.app, monotonic=lambda: 60.0)
    browser.app.state.site = replace(browser.app.state.site, app=later, reader=later)  # type: ignore[attr-defined]  # Starlette's
    assert browser.get(path, headers=HTML).status_code == 404


def test_a_person_of_another_forge_is_a_stranger_here(world: World) -> None:
    viewer = queries.Viewer(name="ana", forge=None, person=ANA)
    assert not queries.may_read(world.app, viewer, world.repository(private=True))


def test_a_websocket_with_a_cookie_must_come_from_our_own_page(
    browser: TestClient, forge_door: FakeSignIn, world: World
) -> None:
    run = world.finished(b"a secret of acme", private=True)
    sign_in(browser, forge_door)
    kept = {"cookie": f"__Host-assay-session={browser.cookies['__Host-assay-session']}"}
    own = {**kept, "origin": "https://ci.example.org"}
    with browser.websocket_connect(f"/runs/{run.id}/logs", headers=own) as socket:
        assert socket.receive_bytes() == b"a secret of acme"
    with (
        pytest.raises(WebSocketDisconnect),
        browser.websocket_connect(f"/runs/{run.id}/logs", headers=kept) as socket,
    ):
        socket.receive_bytes()


def test_the_cookie_changes_nothing_over_the_api(browser: TestClient, forge_door: FakeSignIn, world: World) -> None:
    run = world.running(world.build())
    sign_in(browser, forge_door)
    assert browser.post(f"/runs/{run.id}/cancel").status_code == 401


def test_buttons_are_shown_to_those_who_may_press_them(
    browser: TestClient, forge_door: FakeSignIn, world: World
) -> None:
    page = f"/b/{world.build().id}"
    assert '<form class="buttons"' not in browser.get(page).text
    sign_in(browser, forge_door, STAN)
    assert '<form class="buttons"' not in browser.get(page).text
    sign_in(browser, forge_door, ANA)
    assert '<form class="buttons"' in browser.get(page).text


def test_a_waiting_run_is_cancelled_by_a_button(browser: TestClient, forge_door: FakeSignIn, world: World) -> None:
    run = world.run(world.build(change=None))
    sign_in(browser, forge_door)
    key = key_of(browser.get("/").text)
    pressed = browser.post(f"/b/{run.build}/-/press", data={"key": key, "button": "cancel"})
    assert pressed.headers["location"] == f"https://ci.example.org/b/{run.build}"
    with world.app.work() as work:
        assert work.runs.get(run.id).state is RunState.CANCELLED


def test_a_form_that_is_too_large_is_refused(browser: TestClient, forge_door: FakeSignIn, world: World) -> None:
    run = world.run(world.build(change=None))
    sign_in(browser, forge_door)
    form = {"key": key_of(browser.get("/").text), "button": "cancel", "more": "x" * 20_000}
    assert browser.post(f"/b/{run.build}/-/press", data=form, headers=HTML).status_code == 413
    with world.app.work() as work:
        assert work.runs.get(run.id).state is RunState.QUEUED


def press(browser: TestClient, page: str, label: str) -> None:
    """As a browser does: the fields of the form whose button has that label."""
    forms = re.findall(r'<form class="buttons".*?</form>', browser.get(page).text, re.DOTALL)
    (form,) = [one for one in forms if f">{label}</button>" in one]
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    button = re.search(rf'name="button" value="(\w+)">{re.escape(label)}<', form)
    action = re.search(r'action="([^"]+)"', form)
    assert button
    assert action
    assert browser.post(action[1], data={**fields, "button": button[1]}).status_code == 303


STAGED: Final = b"""suites:
  unit: {image: busybox, run: x}
  stage: {image: busybox, run: x, when: {start: manual}}
  smoke: {image: busybox, run: x, needs: [stage]}
"""


@pytest.fixture
def staged(world: World, browser: TestClient, forge_door: FakeSignIn) -> str:
    """The page of a build in which a suite waits for a person; Ana is signed in."""
    world.repository()
    world.forge.suite_files[""] = STAGED
    order = {"repository": "acme/hello", "sha": SHA}
    told = browser.post("/runs", headers=world.token(Scope.READ, Scope.WRITE), json=order).json()
    sign_in(browser, forge_door)
    return f"/b/{told['number']}"


def newest(world: World) -> dict[str, str]:
    """What the newest build of the commit runs."""
    repository = world.repository().id
    with world.app.work() as work:
        build = work.builds.at(repository, SHA)[0]
        return {run.suite.name: run.word for run in work.runs.of_build(build.id)}


@pytest.mark.parametrize(("page", "label"), [("", "Start stage"), ("/stage", "Start this suite")])
def test_a_suite_that_waits_for_a_person_has_a_start_button(
    browser: TestClient, world: World, staged: str, page: str, label: str
) -> None:
    assert "Start smoke" not in browser.get(staged).text
    press(browser, f"{staged}{page}", label)
    assert newest(world) == {"stage": "queued", "smoke": "queued"}


def test_one_suite_is_cancelled_and_run_again_on_its_own_page(browser: TestClient, world: World, staged: str) -> None:
    press(browser, f"{staged}/unit", "Cancel this suite")
    assert newest(world) == {"unit": "cancelled", "stage": "waiting", "smoke": "waiting"}
    run = world.finished()
    press(browser, world.page_of(run), "Re-run this suite")
    assert newest(world) == {"unit": "queued"}


def test_who_may_not_press_sees_no_buttons_on_a_suites_page(
    browser: TestClient, forge_door: FakeSignIn, staged: str
) -> None:
    assert '<form class="buttons"' in browser.get(f"{staged}/stage").text
    sign_in(browser, forge_door, STAN)
    assert '<form class="buttons"' not in browser.get(f"{staged}/stage").text


@pytest.mark.parametrize(
    ("who", "form", "headers", "status"),
    [
        (ANA, {"button": "cancel"}, {"origin": "https://evil.example"}, 403),
        (ANA, {"button": "cancel", "key": "0" * 64}, {}, 403),
        (ANA, {"button": "destroy"}, {}, 400),
        (STAN, {"button": "cancel"}, {}, 403),
        (STAN, {"button": "approve"}, {}, 403),
        (None, {"button": "cancel"}, {}, 403),
    ],
)
def test_nobody_presses_what_is_not_theirs(
    browser: TestClient,
    forge_door: FakeSignIn,
    world: World,
    who: Person | None,
    form: dict[str, str],
    headers: dict[str, str],
    status: int,
) -> None:
    run = world.run(world.build(change=None, trust=Trust.TRUSTED))
    key = ""
    if who:
        sign_in(browser, forge_door, who)
        key = key_of(browser.get("/").text)
    answer = browser.post(f"/b/{run.build}/-/press", data={"key": key, **form}, headers={**HTML, **headers})
    assert answer.status_code == status
    with world.app.work() as work:
        assert work.runs.get(run.id).state is RunState.QUEUED


def test_an_admin_sees_what_is_of_no_repository(browser: TestClient, forge_door: FakeSignIn, world: World) -> None:
    rules = Rules(admins=frozenset({f"github:{RITA.id}"}))
    world.app = ruled = replace(world.app, rules=rules)
    browser.app.state.site = replace(browser.app.state.site, app=ruled, reader=ruled)  # type: ignore[attr-defined]  # Starlette's
    sign_in(browser, forge_door, ANA)
    assert "sign in" not in re.sub(r"<header.*</header>", "", browser.get("/audit").text, flags=re.DOTALL)
    sign_in(browser, forge_door, RITA)
    assert "person:github:4" in browser.get("/audit").text


def test_nothing_is_for_strangers_where_the_operator_says_so(
    browser: TestClient, forge_door: FakeSignIn, world: World
) -> None:
    run = world.finished()
    closed = replace(world.app, rules=Rules(anonymous_read=False))
    browser.app.state.site = replace(browser.app.state.site, app=closed, reader=closed)  # type: ignore[attr-defined]  # Starlette's
    assert browser.get(f"/b/{run.build}").status_code == 404
    assert "acme/hello" not in browser.get("/").text
    sign_in(browser, forge_door, STAN)
    assert browser.get(f"/b/{run.build}").status_code == 200
