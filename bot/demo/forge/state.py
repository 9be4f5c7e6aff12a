"""What the pretend GitHub remembers: accounts, repositories, pull requests, checks, comments, installations."""

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from bot.demo.forge.gitdir import GitDir

_Found = TypeVar("_Found")


@dataclass(slots=True, eq=False)
class Account:
    id: int
    login: str
    kind: str = "User"
    """`User`, `Organization` or `Bot`."""

    @property
    def author(self) -> tuple[str, str]:
        return self.login, f"{self.id}+{self.login}@users.noreply.example"


@dataclass(slots=True, eq=False, kw_only=True)
class Repo:
    id: int
    owner: Account
    name: str
    git: GitDir
    private: bool
    default_branch: str
    created_at: float
    roles: dict[int, str]
    """Account id to role; everybody else reads a public repository and sees no private one."""
    former: list[str] = field(default_factory=list)
    """Earlier paths; they redirect."""
    parent: "Repo | None" = None

    @property
    def path(self) -> str:
        return f"{self.owner.login}/{self.name}"

    def role(self, account: Account) -> str:
        if account is self.owner:
            return "admin"
        return self.roles.get(account.id, "none" if self.private else "read")


@dataclass(slots=True, eq=False, kw_only=True)
class Pull:
    id: int
    number: int
    repo: Repo
    author: Account
    title: str
    body: str
    head_repo: Repo | None
    """None when the fork is gone."""
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    draft: bool
    created_at: float
    updated_at: float
    is_open: bool = True
    merged: bool = False
    locked: bool = False
    labels: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False, kw_only=True)
class Issue:
    """One that is no pull request; both are numbered together."""

    id: int
    number: int
    repo: Repo
    author: Account
    title: str
    body: str
    created_at: float
    is_open: bool = True
    locked: bool = False


@dataclass(slots=True, eq=False, kw_only=True)
class MergeGroup:
    """A pull request merged with its target on trial, on a branch of the merge queue."""

    pull: Pull
    head_ref: str
    """Full, as all refs here."""
    head_sha: str
    base_ref: str
    base_sha: str


@dataclass(slots=True, eq=False, kw_only=True)
class CheckSuite:
    """All check runs of the App on one commit."""

    id: int
    repo: Repo
    sha: str
    created_at: float
    asked_again: bool = False
    """Until the next check run is made."""


@dataclass(slots=True, eq=False, kw_only=True)
class CheckRun:
    id: int
    suite: int
    repo: Repo
    sha: str
    name: str
    status: str = "queued"
    conclusion: str | None = None
    details_url: str = ""
    external_id: str = ""
    started_at: str | None = None
    completed_at: str | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    """Every body that was accepted for it, oldest first."""


@dataclass(slots=True, eq=False, kw_only=True)
class Comment:
    id: int
    repo: Repo
    issue: int
    """The number of the issue or pull request."""
    author: Account
    body: str
    created_at: float
    updated_at: float
    line: tuple[str, str, int] | None = None
    """Commit, path and line of a review comment; None for any other."""
    reactions: dict[tuple[int, str], int] = field(default_factory=dict)
    """(Account id, content) to the reaction's id."""


@dataclass(slots=True, eq=False, kw_only=True)
class CommitStatus:
    id: int
    repo: Repo
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None


@dataclass(slots=True, eq=False, kw_only=True)
class Installation:
    """The App on one account, for all of its repositories or the named ones."""

    id: int
    account: Account
    permissions: dict[str, str]
    repositories: set[int] | None = None
    suspended: bool = False

    def covers(self, repo: Repo) -> bool:
        return repo.owner is self.account and (self.repositories is None or repo.id in self.repositories)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    value: str
    expires_at: float
    installation: Installation
    repositories: frozenset[int] | None
    """None: all that the installation covers."""
    permissions: dict[str, str]

    def allows(self, permission: str, level: str) -> bool:
        order = ("", "read", "write", "admin")
        return order.index(self.permissions.get(permission, "")) >= order.index(level)

    def covers(self, repo: Repo) -> bool:
        return self.installation.covers(repo) and (self.repositories is None or repo.id in self.repositories)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalToken:
    """A person's: it may what they may, as far as its scopes go."""

    value: str
    account: Account
    scopes: frozenset[str]


@dataclass(slots=True, eq=False, kw_only=True)
class RepoHook:
    """A webhook of one repository."""

    id: int
    repo: Repo
    config: dict[str, str]
    events: list[str]
    active: bool = True


@dataclass(slots=True, eq=False, kw_only=True)
class App:
    id: int
    client_id: str
    client_secret: str
    slug: str
    bot: Account
    key: RSAPrivateKey
    hook_id: int
    webhook_url: str
    webhook_secret: str
    permissions: dict[str, str]
    events: list[str]


class World:
    """All state. Hold `lock` while reading or changing it from a request or an action."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.url = ""
        self.lock = threading.RLock()
        self.skew = 0.0
        """Seconds that the forge's clock is ahead of ours."""
        self.token_lifetime = 3600.0
        self._clock = clock
        self._ids = itertools.count(1001)
        self.accounts: list[Account] = []
        self.repos: list[Repo] = []
        self.pulls: list[Pull] = []
        self.issues: list[Issue] = []
        self.suites: dict[tuple[int, str], CheckSuite] = {}
        self.checks: list[CheckRun] = []
        self.statuses: list[CommitStatus] = []
        self.comments: list[Comment] = []
        self.installations: list[Installation] = []
        self.tokens: dict[str, Token] = {}
        self.personal_tokens: dict[str, PersonalToken] = {}
        self.hooks: list[RepoHook] = []
        self.app: App

    def now(self) -> float:
        return self._clock() + self.skew

    def iso(self, at: float | None = None) -> str:
        return datetime.fromtimestamp(self.now() if at is None else at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def new_id(self) -> int:
        return next(self._ids)

    def account(self, login: str) -> Account | None:
        return _first(each for each in self.accounts if each.login.lower() == login.lower())

    def repo(self, path: str) -> Repo | None:
        return _first(each for each in self.repos if each.path.lower() == path.lower())

    def repo_once_at(self, path: str) -> Repo | None:
        return _first(each for each in self.repos if path.lower() in (old.lower() for old in each.former))

    def repo_numbered(self, number: int) -> Repo | None:
        return _first(each for each in self.repos if each.id == number)

    def pull(self, repo: Repo, number: int) -> Pull | None:
        return _first(each for each in self.pulls if each.repo is repo and each.number == number)

    def installation(self, repo: Repo) -> Installation | None:
        return _first(each for each in self.installations if each.covers(repo) and not each.suspended)

    def issue(self, repo: Repo, number: int) -> Issue | Pull | None:
        return _first(each for each in self._issues_of(repo) if each.number == number)

    def next_number(self, repo: Repo) -> int:
        return 1 + len(self._issues_of(repo))

    def has_suite(self, repo: Repo, sha: str) -> bool:
        return (repo.id, sha) in self.suites

    def suite(self, repo: Repo, sha: str) -> CheckSuite:
        """GitHub keeps one check suite for an App and a commit."""
        if not self.has_suite(repo, sha):
            made = CheckSuite(id=self.new_id(), repo=repo, sha=sha, created_at=self.now())
            self.suites[repo.id, sha] = made
        return self.suites[repo.id, sha]

    def latest_checks(self, repo: Repo, sha: str) -> list[CheckRun]:
        """The newest check run of each name on a commit, in the order of their names."""
        found = {run.name: run for run in self.checks if run.repo is repo and run.sha == sha}
        return [found[name] for name in sorted(found)]

    def commit_of(self, repo: Repo, ref: str) -> str | None:
        """A branch, a tag, a full commit id or `refs/pull/N/head`; also `heads/x` and `tags/x`."""
        found = repo.git.resolve(ref)
        return found or (repo.git.resolve(f"refs/{ref}") if "/" in ref else None)

    def new_token(
        self, installation: Installation, repositories: Iterable[int] | None, permissions: dict[str, str]
    ) -> Token:
        token = Token(
            value=f"ghs_{self.app.id}_{secrets.token_urlsafe(120)}",
            expires_at=self.now() + self.token_lifetime,
            installation=installation,
            repositories=None if repositories is None else frozenset(repositories),
            permissions=permissions,
        )
        self.tokens[token.value] = token
        return token

    def _issues_of(self, repo: Repo) -> list[Issue | Pull]:
        every: list[Issue | Pull] = [*self.issues, *self.pulls]
        return [each for each in every if each.repo is repo]


def _first(found: Iterable[_Found]) -> _Found | None:
    return next(iter(found), None)
