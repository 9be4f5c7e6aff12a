"""Set-up in the browser: by a link that works once, or by an administrator; what is entered is kept sealed."""

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from starlette.testclient import TestClient

from bot.app import setting_up
from bot.app.context import Rules
from bot.domain.findings import Finding
from bot.domain.hosts import Host
from bot.domain.refs import ForgeName
from bot.web.asgi import make_asgi
from tests.fakes.forge import ANA, STAN
from tests.fakes.hosts import FakeAppMaking, FakeHosts
from tests.fakes.sandbox import FakeSandbox
from tests.fakes.signin import FakeSignIn
from tests.web.conftest import GITHUB, World
from tests.web.test_signin import sign_in

GITLAB: Final = ForgeName("gitlab")
HTML: Final = {"accept": "text/html"}
SECRETS: Final = ("a webhook secret of the App", "a private key", "a client secret")


@pytest.fixture
def making(world: World) -> FakeAppMaking:
    return FakeAppMaking(world.app.now)


@pytest.fixture
def hosts(world: World) -> FakeHosts:
    return FakeHosts({}, lambda: stored(world))


@pytest.fixture
def world(world: World, tmp_path: Path) -> World:
    world.app = replace(world.app, sandbox=FakeSandbox(tmp_path))
    return world


@pytest.fixture
def bare(world: World, hosts: FakeHosts, making: FakeAppMaking) -> World:
    """No forge is set up."""
    world.app = replace(world.app, forges=hosts.forges, hosts=hosts, making=making)
    return world


@pytest.fixture
def browser(bare: World) -> Iterator[TestClient]:
    asgi = make_asgi(bare.app, bare.watch)
    with TestClient(asgi, follow_redirects=False, base_url="https://ci.example.org", headers=HTML) as client:
        yield client


def stored(world: World) -> list[Host]:
    with world.app.work() as work:
        return [setting_up.opened(world.app.vault.decrypt(one.value)) for one in work.hosts.every()]


def link_of(world: World, text: str = "what only the link has") -> str:
    setting_up.make_link(world.app, text, actor="test")
    return text


def enter(world: World, browser: TestClient) -> str:
    """The key of the page's forms."""
    assert browser.post("/setup/enter", data={"link": link_of(world)}).status_code == 303
    return key_of(browser.get("/setup").text)


def key_of(page: str) -> str:
    found = re.search(r'name="key" value="([0-9a-f]{64})"', page)
    assert found
    return found[1]


def order(browser: TestClient, key: str, **fields: str) -> str:
    """The page that leads to GitHub."""
    form = {"key": key, "url": "https://github.example", "name": "Assay", "organisation": "", **fields}
    answer = browser.post("/setup/github", data=form)
    assert answer.status_code == 200
    return answer.text


def test_looking_at_the_link_does_not_use_it_up(bare: World, browser: TestClient) -> None:
    link = link_of(bare)
    for _ in range(2):
        assert "Begin the set-up" in browser.get("/setup", params={"link": link}).text
    assert browser.post("/setup/enter", data={"link": link}).status_code == 303
    assert browser.get("/setup").status_code == 200


def test_the_link_opens_once(bare: World, browser: TestClient) -> None:
    link = link_of(bare)
    assert browser.post("/setup/enter", data={"link": link}).status_code == 303
    browser.cookies.clear()
    assert browser.post("/setup/enter", data={"link": link}).status_code == 400
    assert browser.get("/setup").status_code == 403


@pytest.mark.parametrize("link", ["", "another", "what only the link has ", "'; --", "é"])
def test_no_other_link_opens(bare: World, browser: TestClient, link: str) -> None:
    link_of(bare)
    assert browser.post("/setup/enter", data={"link": link}).status_code == 400
    assert browser.get("/setup").status_code == 403


def test_a_newer_link_ends_the_older(bare: World, browser: TestClient) -> None:
    old, new = link_of(bare, "old"), link_of(bare, "new")
    assert browser.post("/setup/enter", data={"link": old}).status_code == 400
    assert browser.post("/setup/enter", data={"link": new}).status_code == 303


def test_a_link_ends_with_the_set_up(bare: World, browser: TestClient, making: FakeAppMaking) -> None:
    key = enter(bare, browser)
    left = link_of(bare, "left over")
    order(browser, key)
    state, code = making.confirm()
    assert browser.get("/setup/github/done", params={"state": state, "code": code}).status_code == 303
    browser.cookies.clear()
    assert browser.post("/setup/enter", data={"link": left}).status_code == 400


def test_a_link_that_is_too_old_opens_nothing(
    bare: World, browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setting_up, "LINK_LASTS", 0)
    assert browser.post("/setup/enter", data={"link": link_of(bare)}).status_code == 400


def test_the_session_ends_by_itself(bare: World, browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setting_up, "SESSION_LASTS", 0)
    browser.post("/setup/enter", data={"link": link_of(bare)})
    assert browser.get("/setup").status_code == 403


@pytest.mark.parametrize("path", ["/setup", "/setup?link=x", "/setup/github/done"])
def test_nothing_is_entered_over_plain_http(bare: World, path: str) -> None:
    link_of(bare)
    asgi = make_asgi(bare.app, bare.watch)
    with TestClient(asgi, base_url="http://ci.example.org", headers=HTML) as client:
        assert client.get(path).status_code == 403
        assert client.post("/setup/enter", data={"link": "what only the link has"}).status_code == 403
    with bare.app.work() as work:
        assert not work.audit.recent(10, public_only=False)[0].action.startswith("begin")


def test_on_this_machine_plain_http_is_taken(bare: World) -> None:
    bare.app = replace(bare.app, url="http://localhost:8000")
    asgi = make_asgi(bare.app, bare.watch)
    with TestClient(asgi, base_url="http://localhost:8000", headers=HTML) as client:
        assert client.post("/setup/enter", data={"link": link_of(bare)}).status_code == 200


def test_the_app_is_made_kept_sealed_and_in_use_at_once(
    bare: World, browser: TestClient, making: FakeAppMaking
) -> None:
    key = enter(bare, browser)
    page = order(browser, key)
    assert 'action="https://github.example/settings/apps/new?state=' in html.unescape(page)
    assert "https://ci.example.org/setup/github/done" in html.unescape(page)
    state, code = making.confirm()
    done = browser.get("/setup/github/done", params={"state": state, "code": code})
    assert (done.status_code, done.headers["location"]) == (303, "https://ci.example.org/setup")
    (host,) = stored(bare)
    assert (host.name, host.app_id, host.webhook_secrets) == ("github", "7", (SECRETS[0],))
    assert GITHUB in bare.app.forges
    with bare.app.work() as work:
        (sealed,) = work.hosts.every()
    assert not [one for one in SECRETS if one.encode() in sealed.value]
    after = browser.get("/setup").text
    assert "https://github.example/apps/assay/installations/new" in after
    assert not [one for one in SECRETS if one in after]


def test_only_the_page_before_github_may_send_a_form_there(bare: World, browser: TestClient) -> None:
    key = enter(bare, browser)
    form = {"key": key, "url": "https://ghe.example", "name": "Assay", "organisation": "acme"}
    answer = browser.post("/setup/github", data=form)
    assert "form-action 'self' https://ghe.example;" in answer.headers["content-security-policy"]
    assert 'action="https://ghe.example/organizations/acme/settings/apps/new?' in answer.text
    assert "form-action 'self';" in browser.get("/setup").headers["content-security-policy"]


@pytest.mark.parametrize("change", ["state", "no state", "code", "no code", "flow", "late", "nobody"])
def test_an_answer_that_was_not_asked_for_sets_nothing_up(
    bare: World, browser: TestClient, making: FakeAppMaking, change: str
) -> None:
    order(browser, enter(bare, browser))
    state, code = making.confirm()
    answer = {"state": state, "code": code}
    match change:
        case "state" | "code":
            answer[change] = "another"
        case "no state" | "no code":
            del answer[change.removeprefix("no ")]
        case "flow":
            browser.cookies.delete("__Host-assay-setup-app")
        case "late":
            later = bare.app.now() + timedelta(hours=2)
            site = browser.app.state.site  # type: ignore[attr-defined]  # ours
            browser.app.state.site = replace(site, app=replace(site.app, now=lambda: later))  # type: ignore[attr-defined]  # an application of ours
        case _:
            browser.cookies.delete("__Host-assay-setup")
    assert browser.get("/setup/github/done", params=answer).status_code == (403 if change == "nobody" else 400)
    assert stored(bare) == []
    assert not bare.app.forges


def test_one_answer_sets_up_once(bare: World, browser: TestClient, making: FakeAppMaking) -> None:
    order(browser, enter(bare, browser))
    state, code = making.confirm()
    flow = browser.cookies["__Host-assay-setup-app"]
    assert browser.get("/setup/github/done", params={"state": state, "code": code}).status_code == 303
    assert browser.get("/setup/github/done", params={"state": state, "code": code}).status_code == 400
    browser.cookies.set("__Host-assay-setup-app", flow, domain="ci.example.org")
    assert browser.get("/setup/github/done", params={"state": state, "code": code}).status_code == 400


@pytest.mark.parametrize("path", ["/setup/github", "/setup/app", "/setup/gitlab", "/setup/leave"])
@pytest.mark.parametrize("change", ["no key", "key", "origin", "nobody"])
def test_forms_of_others_do_nothing(bare: World, browser: TestClient, path: str, change: str) -> None:
    form = {"key": enter(bare, browser), "url": "https://gitlab.example", "token": "a-token", "name": "Assay"}
    headers = {}
    match change:
        case "no key":
            del form["key"]
        case "key":
            form["key"] = "0" * 64
        case "origin":
            headers = {"origin": "https://evil.example"}
        case _:
            browser.cookies.clear()
    assert browser.post(path, data=form, headers=headers).status_code == 403
    assert stored(bare) == []


def test_a_gitlab_token_is_tried_before_it_is_kept(bare: World, browser: TestClient, hosts: FakeHosts) -> None:
    form = {"key": enter(bare, browser), "url": "https://gitlab.example/", "token": "glpat-secret"}
    hosts.findings = [Finding(ok=False, text="the token lacks the scope api")]
    refused = browser.post("/setup/gitlab", data=form)
    assert refused.status_code == 400
    assert "lacks the scope api" in refused.text
    assert "https://gitlab.example/" in refused.text
    assert "glpat-secret" not in refused.text
    assert stored(bare) == []
    hosts.findings = [Finding(ok=True, text="GitLab knows us")]
    assert browser.post("/setup/gitlab", data=form).status_code == 303
    (host,) = stored(bare)
    assert (host.name, host.url, host.token) == ("gitlab", "https://gitlab.example", "glpat-secret")
    assert GITLAB in bare.app.forges


def test_an_app_is_entered_by_hand(bare: World, browser: TestClient) -> None:
    form = {
        "key": enter(bare, browser),
        "url": "https://github.example",
        "app_id": "12",
        "private_key": "-----BEGIN\r\nkey",
        "webhook_secret": "sixteen characters",
    }
    assert browser.post("/setup/app", data={**form, "app_id": "x"}).status_code == 400
    assert browser.post("/setup/app", data={**form, "client_id": "alone"}).status_code == 400
    assert browser.post("/setup/app", data=form).status_code == 303
    assert [(one.app_id, one.private_key) for one in stored(bare)] == [("12", "-----BEGIN\nkey")]


@pytest.mark.parametrize("url", ["http://github.example", "ftp://x", "", "https://user@github.example", "js:1"])
def test_forges_are_reached_by_https(bare: World, browser: TestClient, url: str) -> None:
    key = enter(bare, browser)
    for path in ("/setup/github", "/setup/app", "/setup/gitlab"):
        form = {"key": key, "url": url, "name": "Assay", "app_id": "1", "token": "t"}
        assert browser.post(path, data=form).status_code == 400
    assert stored(bare) == []


def test_what_the_settings_say_wins(bare: World, browser: TestClient, hosts: FakeHosts) -> None:
    key = enter(bare, browser)
    hosts.fixed = frozenset({GITLAB})
    form = {"key": key, "url": "https://gitlab.example", "token": "a-token"}
    assert browser.post("/setup/gitlab", data=form).status_code == 400
    assert stored(bare) == []
    assert 'action="/setup/gitlab"' not in browser.get("/setup").text


@pytest.mark.parametrize(("person", "status"), [(ANA, 200), (STAN, 403)])
def test_administrators_need_no_link(world: World, person: object, status: int) -> None:
    door, hosts = FakeSignIn(), FakeHosts({}, list)
    rules = Rules(admins=frozenset({f"github:{ANA.id}"}))
    world.app = replace(world.app, sign_ins={GITHUB: door}, rules=rules, hosts=hosts)
    asgi = make_asgi(world.app, world.watch)
    with TestClient(asgi, follow_redirects=False, base_url="https://ci.example.org", headers=HTML) as client:
        sign_in(client, door, person)  # type: ignore[arg-type]  # persons
        assert client.get("/setup").status_code == status


def test_the_set_up_can_be_left(bare: World, browser: TestClient) -> None:
    key = enter(bare, browser)
    assert browser.post("/setup/leave", data={"key": key}).status_code == 303
    assert browser.get("/setup").status_code == 403


def test_the_checks_of_the_server_are_shown_with_what_to_do(bare: World, browser: TestClient) -> None:
    enter(bare, browser)
    text = browser.get("/setup").text
    assert "reach this server at https://ci.example.org" in text
    assert "The database answers" in text
    assert "its clock and ours agree" in text


@pytest.mark.parametrize(("fields", "wanted"), [({}, False), ({"writes_files": "on"}, True)])
def test_the_app_asks_to_write_files_by_choice_alone(
    bare: World, browser: TestClient, fields: dict[str, str], *, wanted: bool
) -> None:
    page = order(browser, enter(bare, browser), **fields)
    assert (f"&#34;writes_files&#34;: {str(wanted).lower()}" in page) is True
