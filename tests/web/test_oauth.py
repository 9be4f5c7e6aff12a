"""Client credentials: a token changed for one that lasts a quarter of an hour (RELIABILITY S110 to S115)."""

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from bot.adapters.vault_fernet import FernetVault, new_key
from bot.app import access
from bot.domain.tokens import Scope
from tests.web.conftest import MakeClient, World


def credentials(world: World, *scopes: Scope) -> dict[str, str]:
    _, client, secret = world.token(*scopes)["authorization"].removeprefix("Bearer ").split("_", 2)
    return {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}


def bearer(client: TestClient, form: dict[str, str]) -> dict[str, str]:
    return {"authorization": f"Bearer {client.post('/oauth/token', data=form).json()['access_token']}"}


def pass_time(world: World, **by: float) -> None:
    world.passed[0] += timedelta(**by)


def test_an_access_token_does_what_its_token_does(world: World, client: TestClient) -> None:
    run = world.finished(private=True)
    given = client.post("/oauth/token", data=credentials(world, Scope.READ))
    assert given.status_code == 200
    assert given.headers["cache-control"] == "no-store"
    told = given.json()
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 900, "runs:read")
    headers = {"authorization": f"Bearer {told['access_token']}"}
    assert client.get(f"/runs/{run.id}", headers=headers).status_code == 200
    assert client.post(f"/runs/{run.id}/cancel", headers=headers).status_code == 403


def test_credentials_may_come_as_http_basic(world: World, client: TestClient) -> None:
    form = credentials(world, Scope.READ)
    basic = b64encode(f"{form.pop('client_id')}:{form.pop('client_secret')}".encode()).decode()
    answer = client.post("/oauth/token", data=form, headers={"authorization": f"Basic {basic}"})
    assert answer.status_code == 200
    both = {**form, "client_secret": "x"}
    assert client.post("/oauth/token", data=both, headers={"authorization": f"Basic {basic}"}).status_code == 400


def test_a_narrower_scope_can_be_asked_for_and_no_wider_one(world: World, client: TestClient) -> None:
    form = credentials(world, Scope.READ, Scope.WRITE)
    assert client.post("/oauth/token", data={**form, "scope": "runs:read"}).json()["scope"] == "runs:read"
    for scope in ("admin", "runs:read odd"):
        refused = client.post("/oauth/token", data={**form, "scope": scope})
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")


def test_an_admins_token_can_be_narrowed_to_any_scope(world: World, client: TestClient) -> None:
    run = world.finished(private=True)
    headers = bearer(client, {**credentials(world, Scope.ADMIN), "scope": "runs:read"})
    assert client.get(f"/runs/{run.id}", headers=headers).status_code == 200
    assert client.get("/workers", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"client_id": "é"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_others_are_refused_in_the_words_of_oauth(
    world: World, client: TestClient, change: dict[str, str], status: int, error: str
) -> None:
    answer = client.post("/oauth/token", data=credentials(world, Scope.READ) | change)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_no_form_is_refused(client: TestClient) -> None:
    assert client.post("/oauth/token", json={"grant_type": "client_credentials"}).status_code == 400
    assert client.post("/oauth/token", headers={"authorization": "Basic ???"}, data={}).status_code == 400


def test_an_access_token_ends_with_its_token(world: World, client: TestClient) -> None:
    headers = bearer(client, credentials(world, Scope.READ))
    access.revoke(world.app, "robot", actor="root")
    assert client.get("/runs", headers=headers).status_code == 401


@pytest.mark.parametrize(("seconds", "status"), [(899, 200), (929, 200), (931, 401)])
def test_an_access_token_lasts_a_quarter_of_an_hour(
    world: World, client: TestClient, seconds: float, status: int
) -> None:
    headers = bearer(client, credentials(world, Scope.READ))
    pass_time(world, seconds=seconds)
    assert client.get("/runs", headers=headers).status_code == status


@pytest.mark.parametrize("change", [{"exp": 10**10}, {"iat": 10**10, "exp": 10**10 + 900}, {"exp": "x"}, {"sub": 7}])
def test_times_that_we_never_sign_are_refused(world: World, client: TestClient, change: dict[str, object]) -> None:
    form = credentials(world, Scope.READ)
    bearer(client, form)
    with world.app.work() as work:
        key = work.signing_keys.newest()
    assert key
    at, url = int(world.app.now().timestamp()), world.app.url
    claims = {"iss": url, "aud": url, "sub": form["client_id"], "jti": "x", "iat": at, "exp": at + 900, "scope": ""}
    private = world.app.vault.decrypt(key.private)
    good = world.app.signer.sign(claims, private, key.id)
    bad = world.app.signer.sign(claims | change, private, key.id)
    tried = [client.get("/runs", headers={"authorization": f"Bearer {one}"}).status_code for one in (good, bad)]
    assert tried == [200, 401]


def test_keys_change_and_what_an_old_one_signed_lasts_to_its_end(world: World, client: TestClient) -> None:
    form = credentials(world, Scope.READ)
    bearer(client, form)
    pass_time(world, days=30, seconds=-1)
    old = bearer(client, form)
    pass_time(world, seconds=2)
    new = bearer(client, form)
    assert [client.get("/runs", headers=one).status_code for one in (old, new)] == [200, 200]
    with world.app.work() as work:
        first = work.signing_keys.newest()
    pass_time(world, days=61)
    assert client.get("/runs", headers=bearer(client, form)).status_code == 200
    with world.app.work() as work:
        assert first
        assert work.signing_keys.get(first.id) is None


def test_a_key_that_can_not_be_opened_any_more_is_followed_by_another(world: World, make_client: MakeClient) -> None:
    form = credentials(world, Scope.READ)
    bearer(make_client(), form)
    world.app = replace(world.app, vault=FernetVault([new_key()]))
    client = make_client()
    assert client.get("/runs", headers=bearer(client, form)).status_code == 200
