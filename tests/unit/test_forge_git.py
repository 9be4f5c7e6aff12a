"""Plain repositories: what git alone tells of them, over real HTTP and through a pretend ssh."""

import os
import shlex
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bot.adapters.forge_git import GitRepositories
from bot.adapters.source_git import GitSource
from bot.domain.errors import Gone, NotAllowed, Refused, SourceRefused
from bot.domain.plain import allowed_of
from bot.domain.refs import Repository, RepositoryId
from bot.ports.source import Wanted
from tests.githost import GitHost, HostedRepository, git, serving

FILE = b"suites: {unit: {image: a, run: b}}"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitHost]:
    with serving(tmp_path / "served") as host:
        yield host


@pytest.fixture
def thing(host: GitHost) -> HostedRepository:
    made = host.repository("team/thing")
    made.commit({".assay.yml": FILE}, message="Say hello\n\nat length")
    return made


def source(folder: Path, **environment: str) -> GitSource:
    return GitSource(
        folder / "mirrors",
        user=None,
        allow_http_hosts=frozenset({"127.0.0.1"}),
        size_limit=10_000_000,
        time_limit=30,
        lag=(),
        environment=environment,
    )


@pytest.fixture
def plain(host: GitHost, tmp_path: Path) -> GitRepositories:
    return GitRepositories(allowed_of([f"{host.url}/team/*"]), source(tmp_path))


def found(plain: GitRepositories, url: str) -> Repository:
    return Repository(**asdict(plain.find(url)), id=RepositoryId(1))


def test_what_its_refs_point_to_and_what_stands_there_is_known(
    host: GitHost, thing: HostedRepository, plain: GitRepositories
) -> None:
    git(thing.path, "symbolic-ref", "HEAD", "refs/heads/trunk")
    sha = thing.commit({".assay.yml": FILE}, ref="refs/heads/trunk", message="Newest")
    git(thing.path, "tag", "-a", "-m", "one", "v1", sha)
    repository = found(plain, f"{host.url}/team/thing.git")
    assert (repository.default_branch, repository.private) == ("trunk", True)
    assert repository.path.endswith("/team/thing")
    assert plain.commit(repository, "trunk").sha == plain.commit(repository, "v1").sha == sha
    assert plain.commit(repository, "main").message == "Say hello\n\nat length\n"
    assert plain.commit(repository, sha).message == "Newest\n"
    assert plain.read_file(repository, sha, ".assay.yml", 100) == FILE
    with pytest.raises(Refused):
        plain.commit(repository, "gone")


@pytest.mark.parametrize("only_advertised", [False, True])
def test_a_branch_can_be_run_whatever_the_host_hands_out(
    host: GitHost, thing: HostedRepository, plain: GitRepositories, only_advertised: bool
) -> None:
    host.only_advertised = only_advertised
    sha = thing.commit({".assay.yml": FILE}, ref="refs/heads/topic")
    assert plain.commit(found(plain, f"{host.url}/team/thing"), "topic").sha == sha


def test_what_the_operator_does_not_allow_is_never_asked(
    host: GitHost, thing: HostedRepository, plain: GitRepositories
) -> None:
    repository = found(plain, f"{host.url}/team/thing")
    host.requests.clear()
    for url in (
        f"{host.url}/other/thing",
        "https://git.example.org/team/thing",
        f"file://{thing.path}",
        str(thing.path),
    ):
        with pytest.raises(NotAllowed):
            plain.find(url)
        with pytest.raises(NotAllowed):
            plain.access(replace(repository, clone_url=url))
    assert host.requests == []


def test_a_redirect_is_not_followed(
    host: GitHost, thing: HostedRepository, plain: GitRepositories, tmp_path: Path
) -> None:
    with serving(tmp_path / "elsewhere") as other:
        host.redirect_to = other.url
        with pytest.raises(Exception, match="redirect"):
            plain.find(f"{host.url}/team/thing")
        assert other.requests == []


def test_a_repository_that_is_not_there_is_refused(host: GitHost, plain: GitRepositories) -> None:
    with pytest.raises(SourceRefused):
        plain.find(f"{host.url}/team/gone")


def test_it_has_no_changes_and_no_people_and_shows_nothing(
    host: GitHost, thing: HostedRepository, plain: GitRepositories
) -> None:
    repository = found(plain, f"{host.url}/team/thing")
    with pytest.raises(Gone):
        plain.change(repository, 1)
    assert plain.open_changes(repository) == ()


def test_over_ssh_git_is_given_just_the_host_and_the_path(
    host: GitHost, thing: HostedRepository, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    ssh = tmp_path / "ssh"
    ssh.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >> {shlex.quote(str(said))}\n'
        f"exec git-upload-pack {shlex.quote(str(thing.path))}\n"
    )
    ssh.chmod(0o755)
    plain = GitRepositories(
        allowed_of(["ssh://git@git.example.org/**"]),
        source(tmp_path, GIT_SSH_COMMAND=str(ssh), GIT_SSH_VARIANT="ssh", PATH=f"{git_folder()}:{os.defpath}"),
    )
    repository = found(plain, "ssh://git@git.example.org/team/thing.git")
    sha = plain.commit(repository, "main").sha
    tree = tmp_path / "tree"
    tree.mkdir()
    wanted = Wanted(repository=repository.id, sha=sha)
    source(tmp_path).checkout(wanted, lambda: plain.access(repository), tree, lambda: False)
    assert (tree / ".assay.yml").read_bytes() == FILE
    words = said.read_text().splitlines()
    assert "git@git.example.org" in words
    assert "git-upload-pack '/team/thing.git'" in words


def git_folder() -> str:
    return git(Path("/"), "--exec-path")
