"""What every sign-in must do, over the wire: a forge believes the code once, with its verifier, for its redirect."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from bot.adapters import signin_oauth
from bot.adapters.signin_oauth import OAuthSignIn
from bot.demo.forge.github import PretendGitHub
from bot.domain.errors import ForgeUnavailable, Refused
from bot.ports.signin import SignIn
from tests.demoforge import pretend_github
from tests.sims.web_service import web_service

REDIRECT = "http://127.0.0.1:9/sign-in/github/done"
VERIFIER = "v" * 64


@pytest.fixture
def forge() -> Iterator[PretendGitHub]:
    with pretend_github() as github:
        github.add_person("ana")
        yield github


@pytest.fixture
def sign_in(forge: PretendGitHub) -> SignIn:
    return client_of(forge)


def client_of(forge: PretendGitHub, secret: str = "") -> OAuthSignIn:
    app = forge.app
    return signin_oauth.github(forge.url, f"{forge.url}/api/v3", app.client_id, secret or app.client_secret)


def say_yes(sign_in: SignIn, who: str = "ana") -> tuple[str, str]:
    """The person's browser at the forge: the state and the code that it comes back with."""
    address = sign_in.address(state="a state", verifier=VERIFIER, redirect=REDIRECT)
    answer = httpx.get(f"{address}&as={who}", trust_env=False)
    assert answer.headers["location"].startswith(REDIRECT)
    found = parse_qs(urlsplit(answer.headers["location"]).query)
    return found["state"][0], found["code"][0]


def test_the_forge_says_who_it_is_by_number(sign_in: SignIn, forge: PretendGitHub) -> None:
    state, code = say_yes(sign_in)
    assert state == "a state"
    person = sign_in.person(code=code, verifier=VERIFIER, redirect=REDIRECT)
    account = forge.world.account("ana")
    assert account
    assert (person.id, person.login, person.is_bot) == (account.id, "ana", False)


def test_the_verifier_itself_is_not_in_the_address(sign_in: SignIn) -> None:
    address = sign_in.address(state="a state", verifier=VERIFIER, redirect=REDIRECT)
    assert VERIFIER not in address
    assert parse_qs(urlsplit(address).query)["code_challenge_method"] == ["S256"]


def test_a_code_is_good_once(sign_in: SignIn) -> None:
    _, code = say_yes(sign_in)
    sign_in.person(code=code, verifier=VERIFIER, redirect=REDIRECT)
    with pytest.raises(Refused):
        sign_in.person(code=code, verifier=VERIFIER, redirect=REDIRECT)


@pytest.mark.parametrize("wrong", ["code", "verifier", "redirect", "secret"])
def test_what_does_not_belong_to_the_code_is_refused(forge: PretendGitHub, wrong: str) -> None:
    sign_in = client_of(forge, secret="another" if wrong == "secret" else "")
    _, code = say_yes(sign_in)
    facts = {"code": code, "verifier": VERIFIER, "redirect": REDIRECT}
    if wrong != "secret":
        facts[wrong] = f"{facts[wrong]}x"
    with pytest.raises(Refused):
        sign_in.person(**facts)


@pytest.mark.parametrize("path", ["access_token", "/user"])
@pytest.mark.parametrize(
    "body", [b"", b"garbage", b"[]", b'"text"', b'{"id": "1", "login": "ana"}', b'{"id": true, "login": "x"}']
)
def test_an_answer_that_makes_no_sense_names_nobody(forge: PretendGitHub, path: str, body: bytes) -> None:
    sign_in = client_of(forge)
    _, code = say_yes(sign_in)
    forge.fail_next(path, how=200, body=body)
    with pytest.raises(Refused):
        sign_in.person(code=code, verifier=VERIFIER, redirect=REDIRECT)


@pytest.mark.parametrize("how", ["reset", 500, 503])
def test_a_forge_that_fails_lets_nobody_in(forge: PretendGitHub, how: int) -> None:
    sign_in = client_of(forge)
    _, code = say_yes(sign_in)
    forge.fail_next("/user", how=how)
    with pytest.raises((Refused, ForgeUnavailable)):
        sign_in.person(code=code, verifier=VERIFIER, redirect=REDIRECT)


def test_a_forge_that_leads_elsewhere_is_not_followed(forge: PretendGitHub) -> None:
    sign_in = client_of(forge)
    _, code = say_yes(sign_in)
    forge.fail_next("access_token", how=307, headers={"Location": f"{forge.url}/elsewhere"})
    with pytest.raises(Refused):
        sign_in.person(code=code, verifier=VERIFIER, redirect=REDIRECT)
    assert not forge.requests("/elsewhere")


def test_gitlab_is_asked_for_nothing_but_who_it_is() -> None:
    with web_service() as service:
        service.bodies["/code/oauth/token"] = b'{"access_token": "t", "token_type": "Bearer", "scope": "read_user"}'
        service.bodies["/code/api/v4/user"] = b'{"id": 7, "username": "ana", "bot": false}'
        sign_in = signin_oauth.gitlab(f"{service.url}/code", "an id", "a secret")
        address = urlsplit(sign_in.address(state="a state", verifier=VERIFIER, redirect=REDIRECT))
        assert address.path == "/code/oauth/authorize"
        assert parse_qs(address.query)["scope"] == ["read_user"]
        person = sign_in.person(code="a code", verifier=VERIFIER, redirect=REDIRECT)
        exchange, question = service.asked
    assert (person.id, person.login) == (7, "ana")
    assert parse_qs(exchange.body.decode())["code_verifier"] == [VERIFIER]
    assert question.headers["Authorization"] == "Bearer t"
