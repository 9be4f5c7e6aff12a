"""The operators' page of repositories: listed and added."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from bot.app.context import Rules
from bot.domain.errors import NotAllowed
from bot.web.asgi import make_asgi
from tests.fakes.forge import ANA
from tests.fakes.signin import FakeSignIn
from tests.fakes.webhooks import FakeWebhooks
from tests.web.conftest import GITHUB, World
from tests.web.test_signin import key_of, sign_in

PAGE = "/admin/repositories"
OURS = "/repos/github/acme/hello/-/settings"


@pytest.fixture
def webhooks() -> FakeWebhooks:
    return FakeWebhooks()


@pytest.fixture
def browser(world: World, webhooks: FakeWebhooks) -> Iterator[TestClient]:
    """An operator's, who has signed in."""
    door, rules = FakeSignIn(), Rules(admins=frozenset({f"github:{ANA.id}"}))
    world.app = replace(world.app, sign_ins={GITHUB: door}, rules=rules, webhooks={GITHUB: webhooks})
    asgi = make_asgi(world.app, world.watch)
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
