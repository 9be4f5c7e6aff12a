"""The operators' pages of repositories: added, tested, taken away, and what is set for each."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from bot.app import registering, ruling
from bot.app.context import Rules
from bot.domain.errors import NotAllowed
from bot.domain.refs import RepositoryId
from bot.web.asgi import make_asgi
from tests.fakes.forge import ANA
from tests.fakes.signin import FakeSignIn
from tests.fakes.webhooks import FakeWebhooks
from tests.web.conftest import GITHUB, World
from tests.web.test_signin import key_of, sign_in

PAGE = "/admin/repositories"
OURS = f"{PAGE}/1"


@pytest.fixture
def webhooks() -> FakeWebhooks:
    return FakeWebhooks()


@pytest.fixture
def browser(world: World, webhooks: FakeWebhooks) -> Iterator[TestClient]:
    """An operator's, who has signed in."""
    door, rules = FakeSignIn(), Rules(admins=frozenset({f"github:{ANA.id}"}))
    world.app = replace(world.app, sign_ins={GITHUB: door}, rules=rules, webhooks={GITHUB: webhooks})
    asgi = make_asgi(world.app, metrics=world.telemetry.render)
    headers = {"accept": "text/html"}
    with TestClient(asgi, follow_redirects=False, base_url="https://ci.example.org", headers=headers) as client:
        sign_in(client, door)
        yield client


def send(browser: TestClient, path: str, **form: str) -> tuple[int, str]:
    """Its status, and what the page shows then."""
    answer = browser.post(path, data={"key": key_of(browser.get(PAGE).text), **form})
    return answer.status_code, answer.text or browser.get(answer.headers["location"]).text


def test_a_repository_is_added_and_its_page_tells_of_the_webhook(browser: TestClient, webhooks: FakeWebhooks) -> None:
    status, text = send(browser, PAGE, name="github:acme/hello")
    (made,) = webhooks.hooks.values()
    assert status == 303
    assert made.url in text
    assert made.secret not in text
    assert f'href="{OURS}"' in browser.get(PAGE).text


def test_a_missing_right_is_told_with_its_name(browser: TestClient, webhooks: FakeWebhooks) -> None:
    webhooks.broken = [NotAllowed("the token lacks the scope admin:repo_hook")]
    status, text = send(browser, PAGE, name="github:acme/hello")
    assert status == 409
    assert "the token lacks the scope admin:repo_hook" in text
    assert webhooks.hooks == {}


def test_what_the_forge_says_of_a_webhook_is_on_its_page(browser: TestClient, webhooks: FakeWebhooks) -> None:
    send(browser, PAGE, name="github:acme/hello")
    webhooks.said = "it was switched off after many failures"
    assert "it was switched off after many failures" in browser.get(OURS).text


def test_a_secret_is_rotated_and_the_webhook_taken_away(
    world: World, browser: TestClient, webhooks: FakeWebhooks
) -> None:
    send(browser, PAGE, name="github:acme/hello")
    before = next(iter(webhooks.hooks.values())).secret
    assert send(browser, f"{OURS}/press", button="rotate")[0] == 303
    assert next(iter(webhooks.hooks.values())).secret != before
    assert send(browser, f"{OURS}/press", button="remove")[0] == 303
    assert webhooks.hooks == {}
    assert send(browser, f"{OURS}/press", button="remove")[0] == 409
    assert registering.get(world.app, RepositoryId(1)).hook is None


def test_a_test_is_over_when_the_webhook_was_heard(world: World, browser: TestClient, webhooks: FakeWebhooks) -> None:
    send(browser, PAGE, name="github:acme/hello")
    hook = registering.get(world.app, RepositoryId(1)).hook
    assert hook

    def hear(_: object) -> None:
        with world.app.work() as work:
            work.hooks.heard(hook.id)

    webhooks.on_ping = hear
    assert send(browser, f"{OURS}/press", button="test")[0] == 303
    assert "Last heard: <time" in browser.get(OURS).text


def test_settings_are_set_and_taken_back(world: World, browser: TestClient) -> None:
    repository = world.repository()
    page = f"{PAGE}/{repository.id}"
    assert send(browser, page, fork_policy="first-time", memory_max="2GiB", cpus_max="")[0] == 303
    assert set(ruling.written(ruling.of(world.app, repository))) == {"fork_policy", "memory_max"}
    assert 'value="first-time"' in browser.get(page).text
    assert send(browser, page, fork_policy="", memory_max="2GiB")[0] == 303
    assert set(ruling.written(ruling.of(world.app, repository))) == {"memory_max"}


def test_a_value_that_can_not_be_is_told_and_nothing_is_set(world: World, browser: TestClient) -> None:
    repository = world.repository()
    status, text = send(browser, f"{PAGE}/{repository.id}", cpus_max="2", memory_max="<b>much</b>")
    assert status == 400
    assert "memory_max" in text
    assert "<b>much" not in text
    assert ruling.written(ruling.of(world.app, repository)) == {}


@pytest.mark.parametrize("number", ["99", "x", "9" * 40])
def test_what_is_not_known_has_no_page(browser: TestClient, number: str) -> None:
    assert browser.get(f"{PAGE}/{number}").status_code == 404


def test_other_buttons_do_nothing(world: World, browser: TestClient) -> None:
    repository = world.repository()
    assert send(browser, f"{PAGE}/{repository.id}/press", button="explode")[0] == 400
