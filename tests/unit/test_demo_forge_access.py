"""Who gets in at the pretend GitHub (FORGES §1.9): headers, App tokens, installation tokens, people's rights."""

from collections.abc import Iterator

import pytest

from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.state import Repo
from tests.demoforge import AppClient, pretend_github


@pytest.fixture
def github() -> Iterator[PretendGitHub]:
    with pretend_github() as started:
        yield started


@pytest.fixture
def client(github: PretendGitHub) -> Iterator[AppClient]:
    made = AppClient(github)
    yield made
    made.close()


@pytest.fixture
def repo(github: PretendGitHub) -> Repo:
    return github.add_repository("acme/web", {"README.md": "web\n"}, private=True, roles={"ada": "write"})


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-GitHub-Api-Version": "2031-01-01"}, 410),
        ({"X-GitHub-Api-Version": ""}, 410),
        ({"User-Agent": ""}, 403),
        ({"Accept": "text/html"}, 415),
        ({"Authorization": "Basic abc"}, 401),
        ({"Authorization": "Bearer nonsense"}, 401),
        ({"X-GitHub-Api-Version": "2026-03-10"}, 200),
    ],
)
def test_headers(client: AppClient, headers: dict[str, str], status: int) -> None:
    assert client.call("GET", "/app", client.app_token(), headers=headers).status_code == status


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        ({"exp": 601}, "too far in the future"),
        ({"exp": -1}, "must be a numeric value in the future"),
        ({"iat": 30}, "Issued at"),
    ],
)
def test_an_app_token_with_wrong_times_is_refused(
    github: PretendGitHub, client: AppClient, shift: dict[str, int], words: str
) -> None:
    now = int(github.world.now())
    answer = client.call("GET", "/app", client.app_token(**{name: now + by for name, by in shift.items()}))
    assert (answer.status_code, words in answer.json()["message"]) == (401, True)


def test_an_app_token_of_somebody_else_is_refused(client: AppClient) -> None:
    assert client.call("GET", "/app", client.app_token(iss="1")).status_code == 401


def test_the_forges_own_clock_judges_an_app_token(github: PretendGitHub, client: AppClient) -> None:
    token = client.app_token()
    github.world.skew = -300.0
    answer = client.call("GET", "/app", token)
    assert answer.status_code == 401


def test_an_installation_token_ends(github: PretendGitHub, client: AppClient, repo: Repo) -> None:
    token = client.token(repo)
    before = client.call("GET", "/repos/acme/web", token).status_code
    github.world.skew = github.world.token_lifetime + 1
    after = client.call("GET", "/repos/acme/web", token).status_code
    assert (before, after) == (200, 401)


def test_a_token_is_narrowed_to_permissions(client: AppClient, repo: Repo) -> None:
    token = client.token(repo, permissions={"contents": "read"})
    may = client.call("GET", "/repos/acme/web/commits/main", token).status_code
    may_not = client.call("GET", "/repos/acme/web/pulls", token)
    assert (may, may_not.status_code) == (200, 403)
    assert may_not.json()["message"] == "Resource not accessible by integration"


def test_a_token_is_narrowed_to_repositories(github: PretendGitHub, client: AppClient, repo: Repo) -> None:
    github.add_repository("acme/secret", {"a": "1"}, private=True)
    token = client.token(repo, repository_ids=[repo.id])
    statuses = [client.call("GET", f"/repos/acme/{name}", token).status_code for name in ("web", "secret")]
    assert statuses == [200, 404]


@pytest.mark.parametrize(
    "body",
    [
        {"permissions": {"checks": "admin"}},
        {"permissions": {"actions": "read"}},
        {"permissions": {"checks": "all"}},
        {"repository_ids": [1]},
        {"repositories": ["nothing"]},
        {"repository_ids": "7"},
        {"scope": "repo"},
    ],
)
def test_a_token_for_more_than_there_is_is_refused(
    github: PretendGitHub, client: AppClient, repo: Repo, body: dict[str, object]
) -> None:
    number = github.world.installations[0].id
    answer = client.call("POST", f"/app/installations/{number}/access_tokens", client.app_token(), body)
    assert answer.status_code == 422


def test_a_suspended_installation_gives_no_token_and_takes_none(
    github: PretendGitHub, client: AppClient, repo: Repo
) -> None:
    token = client.token(repo)
    github.world.installations[0].suspended = True
    number = github.world.installations[0].id
    old = client.call("GET", "/repos/acme/web", token).status_code
    new = client.call("POST", f"/app/installations/{number}/access_tokens", client.app_token()).status_code
    assert (old, new) == (403, 403)


def test_the_installation_of_a_repository(client: AppClient, repo: Repo) -> None:
    answer = client.call("GET", "/repos/acme/web/installation", client.app_token())
    assert (answer.json()["account"]["login"], answer.json()["target_type"]) == ("acme", "Organization")


@pytest.mark.parametrize(
    ("role", "permission"),
    [
        ("admin", "admin"),
        ("maintain", "write"),
        ("write", "write"),
        ("triage", "read"),
        ("read", "read"),
        ("none", "none"),
    ],
)
def test_what_a_person_may_do(
    github: PretendGitHub, client: AppClient, repo: Repo, role: str, permission: str
) -> None:
    person = github.add_person("eve")
    repo.roles[person.id] = role
    answer = client.call("GET", "/repos/acme/web/collaborators/eve/permission", client.token(repo)).json()
    assert (answer["permission"], answer["role_name"], answer["user"]["id"]) == (permission, role, person.id)


@pytest.mark.parametrize(("private", "permission"), [(True, "none"), (False, "read")])
def test_a_stranger_reads_what_is_public(
    github: PretendGitHub, client: AppClient, repo: Repo, private: bool, permission: str
) -> None:
    github.add_person("eve")
    repo.private = private
    answer = client.call("GET", "/repos/acme/web/collaborators/eve/permission", client.token(repo))
    assert answer.json()["permission"] == permission


def test_nobody_of_that_name(client: AppClient, repo: Repo) -> None:
    assert (
        client.call("GET", "/repos/acme/web/collaborators/nobody/permission", client.token(repo)).status_code == 404
    )


def test_a_renamed_repository_redirects_to_its_number(github: PretendGitHub, client: AppClient, repo: Repo) -> None:
    token = client.token(repo)
    github.rename(repo, "site")
    moved = client.call("GET", "/repos/acme/web/commits/main", token)
    assert moved.status_code == 301
    assert client.call("GET", moved.headers["Location"], token).status_code == 200
    assert client.call("POST", "/repos/acme/web/check-runs", token, {}).status_code == 307
