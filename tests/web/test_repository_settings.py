"""The settings page of a repository: for its admins at the forge and for operators."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest
from starlette.testclient import TestClient

from bot.app import access, own_channels, own_tokens, registering, ruling, secrets
from bot.app.context import Rules
from bot.domain.errors import ForgeUnavailable, Refused
from bot.domain.notices import NoticeState
from bot.domain.refs import Person
from bot.domain.runs import Trust
from bot.domain.suites import Network, Notify
from bot.domain.tokens import Bound, Scope
from bot.ports.notices import Channel
from bot.ports.queue import SendNotice
from bot.web.asgi import make_asgi
from tests.fakes.channel import FakeChannel
from tests.fakes.forge import ANA, HELLO, STAN
from tests.fakes.signin import FakeSignIn
from tests.fakes.webhooks import FakeWebhooks
from tests.web.conftest import GITHUB, World
from tests.web.test_signin import key_of, sign_in

PAGE: Final = "/repos/github/acme/hello/-/settings"
ADA: Final = Person(60, "ada")
"""Admin of the repository at the forge; ANA has write access, OLAF runs the server."""
OLAF: Final = Person(61, "olaf")
SECRET_ADDRESS: Final = "slack+https://hooks.example.org/T/B/only-we-know"


@pytest.fixture
def door() -> FakeSignIn:
    return FakeSignIn()


@pytest.fixture
def webhooks() -> FakeWebhooks:
    return FakeWebhooks()


@pytest.fixture
def team() -> FakeChannel:
    return FakeChannel()


@pytest.fixture
def world(world: World, door: FakeSignIn, webhooks: FakeWebhooks, team: FakeChannel) -> World:
    def open_channel(address: str) -> Channel:
        if "10.0.0.1" in address:
            raise Refused("10.0.0.1 lies in a private network")
        return team

    world.forge.admins |= {ADA.id}
    rules = Rules(admins=frozenset({f"github:{OLAF.id}"}))
    world.app = replace(
        world.app,
        sign_ins={GITHUB: door},
        rules=rules,
        webhooks={GITHUB: webhooks},
        open_channel=open_channel,
    )
    world.repository()
    return world


@pytest.fixture
def stranger(world: World) -> Iterator[TestClient]:
    """A browser in which nobody has signed in."""
    asgi = make_asgi(world.app, world.watch)
    headers = {"accept": "text/html"}
    with TestClient(asgi, follow_redirects=False, base_url="https://ci.example.org", headers=headers) as client:
        yield client


@pytest.fixture
def browser(stranger: TestClient, door: FakeSignIn) -> TestClient:
    """Ada's."""
    sign_in(stranger, door, ADA)
    return stranger


def send(browser: TestClient, button: str, **form: str) -> tuple[int, str]:
    """Its status, and what the page shows then."""
    answer = browser.post(PAGE, data={"key": key_of(browser.get("/").text), "button": button, **form})
    return answer.status_code, answer.text or browser.get(answer.headers["location"]).text


def test_who_has_not_signed_in_is_asked_to(stranger: TestClient) -> None:
    answer = stranger.get(PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, f"https://ci.example.org/sign-in?next={PAGE}")


@pytest.mark.parametrize(("person", "status"), [(ADA, 200), (OLAF, 200), (ANA, 403), (STAN, 403)])
def test_it_is_for_admins_of_the_repository_and_operators(
    stranger: TestClient, door: FakeSignIn, person: Person, status: int
) -> None:
    sign_in(stranger, door, person)
    assert stranger.get(PAGE).status_code == status
    assert (f'href="{PAGE}"' in stranger.get(PAGE.removesuffix("/-/settings")).text) is (status == 200)


@pytest.mark.parametrize("change", ["writer", "nobody", "no key", "origin"])
@pytest.mark.parametrize(
    ("button", "form"),
    [
        ("rules", {"cpus_max": "2"}),
        ("set-secret", {"name": "TOKEN", "value": "tell-nobody"}),
        ("set-channel", {"name": "team", "address": SECRET_ADDRESS}),
        ("test-channel", {"name": "old"}),
        ("again", {"number": "1"}),
        ("make-token", {"name": "deploy", "days": "30", "scope-runs:read": "on"}),
        ("rotate-webhook", {}),
    ],
)
def test_forms_of_others_change_nothing(
    world: World, stranger: TestClient, door: FakeSignIn, button: str, form: dict[str, str], change: str
) -> None:
    own_channels.put(world.app, world.repository(), "old", SECRET_ADDRESS, actor="ada")
    before = world.audited()
    sign_in(stranger, door, ANA if change == "writer" else ADA)
    sent = {**form, "button": button, "key": key_of(stranger.get("/").text)}
    headers = {"origin": "https://evil.example"} if change == "origin" else {}
    if change == "nobody":
        stranger.cookies.clear()
    if change == "no key":
        del sent["key"]
    assert stranger.post(PAGE, data=sent, headers=headers).status_code == 403
    assert world.audited() == before
    assert world.hints == []


def test_a_right_that_was_taken_away_counts_at_once(world: World, browser: TestClient) -> None:
    assert browser.get(PAGE).status_code == 200
    world.forge.admins.clear()
    assert send(browser, "rules", cpus_max="2")[0] == 403
    assert ruling.written(ruling.of(world.app, world.repository())) == {}


def test_a_forge_that_does_not_answer_lets_nobody_in(world: World, browser: TestClient) -> None:
    key = key_of(browser.get("/").text)
    world.forge.trouble["permission"] = [ForgeUnavailable("no answer")] * 9
    answer = browser.post(PAGE, data={"key": key, "button": "rules", "cpus_max": "2"})
    assert answer.status_code == 503
    assert ruling.written(ruling.of(world.app, world.repository())) == {}


def test_a_private_repository_is_not_there_for_others(world: World, stranger: TestClient, door: FakeSignIn) -> None:
    world.repository(private=True)
    world.forge.strangers |= {STAN.id}
    sign_in(stranger, door, STAN)
    hidden = stranger.get("/repos/github/acme/secret/-/settings")
    missing = stranger.get("/repos/github/acme/nothing/-/settings")
    assert (hidden.status_code, missing.status_code) == (404, 404)


def test_settings_are_set_and_taken_back(world: World, browser: TestClient) -> None:
    repository = world.repository()
    status, text = send(browser, "rules", fork_policy="first-time", memory_max="2GiB", cpus_max="")
    assert status == 303
    assert "The settings are kept" in text
    assert set(ruling.written(ruling.of(world.app, repository))) == {"fork_policy", "memory_max"}
    assert '<option value="first-time" selected>' in browser.get(PAGE).text
    assert send(browser, "rules", fork_policy="", memory_max="2GiB")[0] == 303
    assert set(ruling.written(ruling.of(world.app, repository))) == {"memory_max"}
    assert [one[:2] for one in world.audited()] == [("ada", "set rules")] * 2


def test_everything_that_can_be_set_is_on_the_page(browser: TestClient) -> None:
    page = browser.get(PAGE).text
    assert [name for name in ruling.NAMES if f'name="{name}"' not in page] == []


def test_what_the_server_does_not_allow_is_not_offered(world: World, browser: TestClient) -> None:
    world.app = replace(world.app, rules=replace(world.app.rules, network_trusted=Network.SERVICES, comments=False))
    asgi = make_asgi(world.app, world.watch)
    with TestClient(asgi, base_url="https://ci.example.org", cookies=browser.cookies) as client:
        page = client.get(PAGE).text
    assert 'value="internet"' not in page
    assert 'name="comments"' not in page
    assert 'name="bare_commands"' in page


def test_a_value_that_can_not_be_is_told_and_nothing_is_set(world: World, browser: TestClient) -> None:
    status, text = send(browser, "rules", cpus_max="2", memory_max="<b>much</b>")
    assert status == 400
    assert "memory_max" in text
    assert "<b>much" not in text
    assert ruling.written(ruling.of(world.app, world.repository())) == {}


def test_a_secret_is_written_and_never_shown(world: World, browser: TestClient) -> None:
    status, text = send(browser, "set-secret", name="TOKEN", value="tell-nobody\r\nthis-line")
    assert status == 303
    assert "TOKEN" in text
    assert "tell-nobody" not in text
    granted = secrets.secrets_for(world.app, world.repository().id, ["TOKEN"], Trust.TRUSTED)
    assert granted.values == {"TOKEN": "tell-nobody\nthis-line"}
    assert send(browser, "remove-secret", name="TOKEN")[0] == 303
    assert secrets.list_secrets(world.app, world.repository().id) == []


def test_a_secret_that_is_refused_is_not_in_the_answer(browser: TestClient) -> None:
    status, text = send(browser, "set-secret", name="PATH", value="tell-nobody")
    assert status == 400
    assert "tell-nobody" not in text


def test_a_channel_is_set_up_tried_and_forgotten(world: World, browser: TestClient, team: FakeChannel) -> None:
    status, text = send(browser, "set-channel", name="team", address=SECRET_ADDRESS)
    assert status == 303
    assert "only-we-know" not in text
    assert "slack" in text
    assert send(browser, "test-channel", name="team")[0] == 303
    assert [one.title for one in team.heard] == ["acme/hello: a test of the channel team"]
    assert send(browser, "remove-channel", name="team")[0] == 303
    assert send(browser, "test-channel", name="team")[0] == 409
    with world.app.work() as work:
        assert work.own_channels.every() == []


def test_what_a_channel_answers_is_told(browser: TestClient, team: FakeChannel) -> None:
    send(browser, "set-channel", name="team", address=SECRET_ADDRESS)
    team.trouble = [Refused("hooks.example.org answered 403")]
    status, text = send(browser, "test-channel", name="team")
    assert status == 409
    assert "hooks.example.org answered 403" in text


def test_a_channel_into_the_own_network_is_refused_without_its_address(world: World, browser: TestClient) -> None:
    status, text = send(browser, "set-channel", name="team", address="slack+https://10.0.0.1/only-we-know")
    assert status == 400
    assert "private network" in text
    assert "only-we-know" not in text
    assert own_channels.every(world.app, world.repository().id) == []


def test_a_notice_of_this_repository_is_sent_again_and_no_other(world: World, browser: TestClient) -> None:
    builds = [world.finished().build, world.finished(private=True).build]
    with world.app.work() as work:
        for build in builds:
            work.notices.add(build, Notify(channel="team"))
        others, ours = (one.id for one in work.notices.recent(10))
        for number in (ours, others):
            work.notices.settle(number, NoticeState.DEAD, f"answered 40{number}")
    page = browser.get(PAGE).text
    assert f"answered 40{ours}" in page
    assert f"answered 40{others}" not in page
    assert send(browser, "again", number=str(others))[0] == 409
    assert send(browser, "again", number=str(ours))[0] == 303
    assert send(browser, "again", number="²")[0] == 409
    assert world.hints == [SendNotice(ours)]


def test_its_webhook_is_looked_after(world: World, browser: TestClient, webhooks: FakeWebhooks) -> None:
    added = registering.add(world.app, "github:acme/hello", actor="root")
    assert added.hook
    before = next(iter(webhooks.hooks.values())).secret
    webhooks.said = "it was switched off after many failures"
    assert "it was switched off after many failures" in browser.get(PAGE).text
    assert send(browser, "rotate-webhook")[0] == 303
    assert next(iter(webhooks.hooks.values())).secret != before

    def hear(_: object) -> None:
        with world.app.work() as work:
            work.hooks.heard(added.hook.id if added.hook else "")

    webhooks.on_ping = hear
    assert send(browser, "test-webhook")[0] == 303
    assert "Last heard: <time" in browser.get(PAGE).text
    assert send(browser, "remove-webhook")[0] == 303
    assert webhooks.hooks == {}
    assert send(browser, "remove-webhook")[0] == 409


def test_other_buttons_do_nothing(browser: TestClient) -> None:
    assert send(browser, "explode")[0] == 400


def test_the_name_of_a_repository_can_break_no_page(world: World, browser: TestClient) -> None:
    with world.app.work() as work:
        work.repositories.see(replace(HELLO, forge_id=555, path="acme/<b>&"))
    assert "<b>&" not in browser.get("/repos/github/acme/%3Cb%3E&/-/settings").text
    assert world.token(Scope.ADMIN)


TOKEN: Final = {"name": "deploy", "days": "30", "scope-runs:read": "on"}


def test_an_admin_makes_a_token_for_the_repository_and_sees_it_once(world: World, browser: TestClient) -> None:
    status, text = send(browser, "make-token", **TOKEN)
    found = re.search(r"assay_\w+_[\w-]{43}", text)
    assert found
    assert status == 200
    page = browser.get(PAGE).text
    assert ("deploy" in page, found[0] in page) == (True, False)
    (token,) = own_tokens.of_repository(world.app, world.repository().id)
    assert token.scopes == (Scope.READ,)
    headers = {"authorization": f"Bearer {found[0]}"}
    with TestClient(make_asgi(world.app, world.watch)) as program:
        assert program.get("/runs", headers=headers).status_code == 200
        assert "The token is revoked" in send(browser, "revoke-token", id=token.id)[1]
        assert program.get("/runs", headers=headers).status_code == 401
    with world.app.work() as work:
        told = {(one.actor, one.action, one.subject) for one in work.audit.recent(100, public_only=False)}
    assert {("ada", "create token", "token:deploy"), ("ada", "revoke token", "token:deploy")} <= told


@pytest.mark.parametrize(
    "form", [{"days": ""}, {"days": "9999"}, {"name": "a b"}, {"scope-runs:read": None}, {"scope-admin": "on"}]
)
def test_what_can_be_no_token_of_the_repository_is_not_made(
    world: World, browser: TestClient, form: dict[str, str | None]
) -> None:
    sent = {name: value for name, value in {**TOKEN, **form}.items() if value is not None}
    status, text = send(browser, "make-token", **sent)
    assert (status in (400, 409), "This did not work" in text) == (True, True)
    assert not own_tokens.of_repository(world.app, world.repository().id)


def test_nobody_ends_a_token_of_another_repository_there(world: World, browser: TestClient) -> None:
    elsewhere, secret = Bound(repository=world.repository(private=True).id), "s"
    text = access.create(
        world.app, "other", [Scope.READ], secret=secret, expires_at=None, actor="root", bound=elsewhere
    )
    assert "no such token" in send(browser, "revoke-token", id=text.split("_")[1])[1]
    assert [one.revoked_at for one in access.tokens(world.app)] == [None]
