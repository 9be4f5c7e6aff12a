"""What the contract of the Forge port needs from a forge under test, and that for GitHub with the small stand-in."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bot.adapters.forge_github import GitHubForge
from bot.domain.refs import ForgeName, Person, Repository, RepositoryId, Sha
from bot.ports.forge import Forge
from bot.ports.telemetry import Metric
from tests.sims.github_minimal import (
    APP_ID,
    INSTALLATION,
    URL,
    Clock,
    Commit,
    GitHubMinimal,
    Repo,
    answering,
    private_key,
)

SECRET = "a secret of the test suite"
OWNER = Person(30, "octo")
REPOSITORY = Repository(
    id=RepositoryId(1),
    forge=ForgeName("github"),
    forge_id=77,
    path="octo/widgets",
    private=False,
    default_branch="main",
    web_url=f"{URL}/octo/widgets",
    clone_url=f"{URL}/octo/widgets.git",
    installation=INSTALLATION,
)


@dataclass(frozen=True)
class Shown:
    """A check as people see it."""

    name: str
    external_id: str
    status: str
    conclusion: str | None
    title: str
    annotations: int


class ForgeWorld(Protocol):
    """One forge with one repository, from outside."""

    forge: Forge
    repository: Repository

    def commit(self, message: str, files: Mapping[str, bytes]) -> Sha:
        """A commit that changes just these files, on top of the one before."""

    def open_change(self, head: Sha, base: Sha) -> int: ...

    def grant(self, login: str, number: int, role: str) -> None:
        """Role in GitHub's words: read, triage, write, maintain, admin."""

    def rename(self, path: str) -> None: ...

    def checks(self, sha: Sha) -> list[Shown]:
        """In the order in which they were made."""

    def push_delivery(self, sha: Sha, delivery: str) -> tuple[dict[str, str], bytes]:
        """Headers and body of a signed webhook call about a push of it to main."""

    def break_next(self, status: int) -> None:
        """The next request is answered with that status and has no effect."""

    def lose_next_write(self) -> None:
        """The next write happens, but its answer never arrives."""

    def reads_with(self, headers: Mapping[str, str]) -> bool:
        """Would git be let in with these headers, to read this repository alone."""


class Counts:
    """Telemetry that remembers."""

    def __init__(self) -> None:
        self.counted: list[tuple[Metric, dict[str, str]]] = []

    def count(self, metric: Metric, **labels: str) -> None:
        self.counted.append((metric, labels))

    def observe(self, metric: Metric, seconds: float, **labels: str) -> None:
        """Nothing here is timed."""


class GitHubWorld:
    """GitHub through GitHubForge, with the stand-in's state in reach."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.github = GitHubMinimal(self.clock)
        self.telemetry = Counts()
        self.repository = REPOSITORY
        self.repo = self.github.repos[77] = Repo(77, "octo/widgets")
        self.forge = self.another_forge()

    def another_forge(self) -> GitHubForge:
        """A second process."""
        return GitHubForge(
            ForgeName("github"),
            url=URL,
            app_id=APP_ID,
            private_key=private_key(),
            secrets=[SECRET],
            http=self.github.client(),
            telemetry=self.telemetry,
            monotonic=self.clock.monotonic,
            now=self.clock.now,
        )

    def commit(self, message: str, files: Mapping[str, bytes]) -> Sha:
        sha = Sha(hashlib.sha1(f"{message}{len(self.repo.commits)}".encode(), usedforsecurity=False).hexdigest())
        before = list(self.repo.commits.values())[-1].files if self.repo.commits else {}
        changed = [{"filename": name, "status": "modified"} for name in files]
        self.repo.commits[sha] = Commit(message, {**before, **files}, changed)
        return sha

    def open_change(self, head: Sha, base: Sha) -> int:
        number = len(self.repo.pulls) + 1
        self.repo.pulls[number] = {
            "number": number,
            "state": "open",
            "draft": False,
            "title": "Better widgets",
            "user": {"id": 31, "login": "ann", "type": "User"},
            "head": {"sha": head, "ref": "better", "repo": {"id": 77}},
            "base": {"sha": base, "ref": "main"},
        }
        return number

    def grant(self, login: str, number: int, role: str) -> None:
        self.repo.people[login] = number, role

    def rename(self, path: str) -> None:
        self.github.old_paths[self.repo.path] = self.repo.id
        self.repo.path = path

    def checks(self, sha: Sha) -> list[Shown]:
        return [_shown(run) for run in self.repo.checks.values() if run["head_sha"] == sha]

    def push_delivery(self, sha: Sha, delivery: str) -> tuple[dict[str, str], bytes]:
        payload = {
            "ref": "refs/heads/main",
            "before": "0" * 40,
            "after": sha,
            "deleted": False,
            "head_commit": {"id": sha, "message": self.repo.commits[sha].message},
            "repository": self.repo.json(),
            "sender": {"id": 31, "login": "ann", "type": "User"},
            "installation": {"id": INSTALLATION},
        }
        body = json.dumps(payload).encode()
        return signed_headers("push", body, delivery), body

    def break_next(self, status: int) -> None:
        self.forge.permission(self.repository, OWNER)
        self.github.instead.append(answering(status))

    def lose_next_write(self) -> None:
        self.github.lose = 1

    def reads_with(self, headers: Mapping[str, str]) -> bool:
        granted = [body for token, (_, body) in self.github.tokens.items() if _basic(token) == dict(headers)]
        return granted == [{"repository_ids": [77], "permissions": {"contents": "read"}}]


def signed_headers(event: str, body: bytes, delivery: str = "d-1", secret: str = SECRET) -> dict[str, str]:
    return {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "X-GitHub-Hook-ID": "9",
        "Content-Type": "application/json",
        "X-Hub-Signature-256": f"sha256={hmac.new(secret.encode(), body, 'sha256').hexdigest()}",
    }


def _basic(token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()}


def _shown(run: dict[str, Any]) -> Shown:
    return Shown(
        name=run["name"],
        external_id=run["external_id"],
        status=run["status"],
        conclusion=run.get("conclusion"),
        title=run["output"]["title"],
        annotations=len(run["annotations"]),
    )
