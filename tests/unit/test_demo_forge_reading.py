"""What the pretend GitHub tells about commits, files and pull requests (FORGES §1.8), and how it serves git."""

import base64
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.state import Repo
from tests.demoforge import AppClient, pretend_github

RAW = {"Accept": "application/vnd.github.raw+json"}


@pytest.fixture(scope="module")
def github() -> Iterator[PretendGitHub]:
    with pretend_github() as started:
        yield started


@pytest.fixture(scope="module")
def client(github: PretendGitHub) -> Iterator[AppClient]:
    made = AppClient(github)
    yield made
    made.close()


@pytest.fixture
def repo(github: PretendGitHub) -> Repo:
    """The only one; those of earlier tests are forgotten."""
    github.world.repos.clear()
    github.world.pulls.clear()
    return github.add_repository("acme/web", {"README.md": "web\n", "docs/ü b.md": "text\n"}, private=True)


@pytest.fixture
def token(client: AppClient, repo: Repo) -> str:
    return client.token(repo)


def git(*arguments: str, token: str = "") -> subprocess.CompletedProcess[bytes]:
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    config = ["-c", f"http.extraHeader=Authorization: Basic {basic}"] if token else []
    environment = {"PATH": os.defpath, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull}
    command = ["git", *config, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, check=False)  # noqa: S603  # fixed words


@pytest.mark.parametrize("name", ["a#b?c.txt", "100%.txt", "%23.txt", "a b+c&d=e.txt", "ü/ß.txt"])
def test_a_file_with_an_odd_name(github: PretendGitHub, client: AppClient, repo: Repo, token: str, name: str) -> None:
    github.commit(repo, "main", {name: "one\n"})
    answer = client.call("GET", f"/repos/acme/web/contents/{quote(name)}?ref=main", token, headers=RAW)
    assert (answer.status_code, answer.text) == (200, "one\n")


def test_a_file_at_a_commit(github: PretendGitHub, client: AppClient, repo: Repo, token: str) -> None:
    first = github.commit(repo, "main", {"a.txt": "one\n"})
    github.commit(repo, "main", {"a.txt": "two\n"})
    raw = client.call("GET", f"/repos/acme/web/contents/a.txt?ref={first}", token, headers=RAW)
    as_json = client.call("GET", f"/repos/acme/web/contents/a.txt?ref={first}", token).json()
    assert raw.text == "one\n"
    assert (as_json["type"], base64.b64decode(as_json["content"])) == ("file", b"one\n")


def test_a_path_with_blanks_and_other_letters(client: AppClient, repo: Repo, token: str) -> None:
    folder = client.call("GET", "/repos/acme/web/contents/docs", token).json()
    file = client.call("GET", "/repos/acme/web/contents/docs/%C3%BC%20b.md", token, headers=RAW)
    assert ([each["name"] for each in folder], file.text) == (["ü b.md"], "text\n")


@pytest.mark.parametrize(
    "path", ["contents/nothing", "contents/README.md?ref=nowhere", "git/commits/main2", "pulls/1"]
)
def test_what_is_not_there(client: AppClient, repo: Repo, token: str, path: str) -> None:
    assert client.call("GET", f"/repos/acme/web/{path}", token).status_code == 404


@pytest.mark.parametrize("ref", ["main", "heads/main", "refs/heads/main", "v1", "tags/v1"])
def test_a_commit_by_its_names(github: PretendGitHub, client: AppClient, repo: Repo, token: str, ref: str) -> None:
    sha = github.commit(repo, "main", {"a": "1"}, "Title\n\nBody")
    github.tag(repo, "v1", sha, annotated=True)
    found = client.call("GET", f"/repos/acme/web/commits/{ref}", token).json()
    assert (found["sha"], found["commit"]["message"]) == (sha, "Title\n\nBody")


def test_the_files_of_a_pull_request_come_in_pages(
    github: PretendGitHub, client: AppClient, repo: Repo, token: str
) -> None:
    github.commit(repo, "work", {f"f{number:03}": str(number) for number in range(130)})
    github.commit(repo, "main", {"elsewhere": "not part of the change"})
    github.open_pull(repo, "work")
    first = client.call("GET", "/repos/acme/web/pulls/1/files?per_page=100", token)
    second = client.call("GET", first.links["next"]["url"], token)
    assert (len(first.json()), len(second.json()), "next" in second.links) == (100, 30, False)
    assert second.json()[-1] == {"filename": "f129", "status": "added"}


def test_a_renamed_file_names_both(github: PretendGitHub, client: AppClient, repo: Repo, token: str) -> None:
    github.commit(repo, "work", {"README.md": None, "READ.md": "web\n"})
    files = client.call("GET", "/repos/acme/web/compare/main...work", token).json()["files"]
    assert files == [{"filename": "READ.md", "status": "renamed", "previous_filename": "README.md"}]


def test_a_comparison_ends_at_300_files(github: PretendGitHub, client: AppClient, repo: Repo, token: str) -> None:
    github.commit(repo, "work", {f"f{number}": "" for number in range(301)})
    found = client.call("GET", "/repos/acme/web/compare/main...work", token).json()
    later = client.call("GET", "/repos/acme/web/compare/main...work?page=2", token).json()
    assert (found["status"], found["ahead_by"], len(found["files"]), later["files"]) == ("ahead", 1, 300, [])


def test_diverged_branches(github: PretendGitHub, client: AppClient, repo: Repo, token: str) -> None:
    github.commit(repo, "work", {"a": "1"})
    github.commit(repo, "main", {"b": "1"})
    found = client.call("GET", "/repos/acme/web/compare/main...work", token).json()
    assert (found["status"], found["ahead_by"], found["behind_by"]) == ("diverged", 1, 1)
    assert [each["filename"] for each in found["files"]] == ["a"]


def test_a_pull_request_from_a_fork(github: PretendGitHub, client: AppClient, repo: Repo, token: str) -> None:
    fork = github.fork(repo, "eve")
    github.commit(fork, "idea", {"a": "1"})
    pull = github.open_pull(repo, "idea", fork=fork, draft=True)
    shown = client.call("GET", "/repos/acme/web/pulls/1", token).json()
    assert (shown["head"]["repo"]["id"], shown["head"]["sha"], shown["draft"]) == (fork.id, pull.head_sha, True)
    github.delete_fork(pull)
    assert client.call("GET", "/repos/acme/web/pulls/1", token).json()["head"]["repo"] is None


def test_any_commit_can_be_fetched_by_its_id(github: PretendGitHub, repo: Repo, token: str, tmp_path: Path) -> None:
    lost = github.commit(repo, "work", {"a": "1"})
    github.commit(repo, "work", {"a": "2"}, parent=repo.git.resolve("main"))
    git("init", "--bare", "--quiet", str(tmp_path))
    done = git("-C", str(tmp_path), "fetch", "--depth=1", f"{github.url}/acme/web.git", lost, token=token)
    assert done.returncode == 0, done.stderr


def test_the_head_of_a_forks_change_is_fetched_from_the_base(
    github: PretendGitHub, repo: Repo, token: str, tmp_path: Path
) -> None:
    fork = github.fork(repo, "eve")
    sha = github.commit(fork, "idea", {"a": "1"})
    github.open_pull(repo, "idea", fork=fork)
    git("init", "--bare", "--quiet", str(tmp_path))
    git("-C", str(tmp_path), "fetch", f"{github.url}/acme/web.git", "refs/pull/1/head", token=token)
    assert git("-C", str(tmp_path), "rev-parse", "FETCH_HEAD").stdout.decode().strip() == sha


@pytest.mark.parametrize("narrowed", [{"permissions": {"checks": "write"}}, {"repository_ids": []}])
def test_a_token_that_does_not_cover_the_contents_clones_nothing(
    github: PretendGitHub, client: AppClient, repo: Repo, narrowed: dict[str, object]
) -> None:
    assert git("ls-remote", f"{github.url}/acme/web.git", token=client.token(repo, **narrowed)).returncode == 128


def test_a_private_repository_is_not_for_everybody_and_a_public_one_is(github: PretendGitHub, repo: Repo) -> None:
    github.add_repository("acme/open", {"a": "1"})
    assert git("ls-remote", f"{github.url}/acme/web.git").returncode == 128
    assert git("ls-remote", f"{github.url}/acme/open.git").returncode == 0
    assert git("ls-remote", f"{github.url}/acme/open.git", token="wrong").returncode == 128


def test_git_follows_a_renamed_repository(github: PretendGitHub, repo: Repo, token: str) -> None:
    github.rename(repo, "site")
    assert git("ls-remote", f"{github.url}/acme/web.git", token=token).returncode == 0


def test_nobody_pushes_over_http(github: PretendGitHub, repo: Repo, token: str, tmp_path: Path) -> None:
    git("clone", "--quiet", f"{github.url}/acme/web.git", str(tmp_path), token=token)
    assert git("-C", str(tmp_path), "push", "origin", "HEAD:refs/heads/x", token=token).returncode != 0
