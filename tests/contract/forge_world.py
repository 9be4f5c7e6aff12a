"""What the contract of the Forge port needs from a forge under test, and that for GitHub with the pretend one."""

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import httpx

from bot.adapters.forge_github import GitHubForge
from bot.adapters.forge_github.translation import OURS
from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.state import Account, CheckRun, CommitStatus, Pull
from bot.domain.events import CommentKind
from bot.domain.refs import ForgeName, Person, Repository, RepositoryId, Sha
from bot.ports.forge import Forge, Permission
from bot.ports.telemetry import Metric
from tests.demoforge import private_key, shared_key
from tests.sims.github_wire import Clock, Wire, answering

SECRET = "a secret of the test suite"
URL = "http://127.0.0.1:9"
OWNER = Person(30, "octo")


@dataclass(frozen=True)
class Shown:
    """A check as people see it."""

    name: str
    status: str
    conclusion: str | None
    title: str


class ForgeWorld(Protocol):
    """One forge with one repository, from outside."""

    forge: Forge
    repository: Repository
    roles: Mapping[Permission, Sequence[str]]
    """The forge's own words for what people may do."""

    def commit(self, message: str, files: Mapping[str, bytes]) -> Sha:
        """Push a commit to main that changes just these files, on top of the one before."""

    def open_change(self, head: Sha, base: Sha) -> int: ...
    def label(self, change: int, name: str) -> None: ...

    def grant(self, login: str, number: int, role: str) -> None:
        """One of `roles`."""

    def rename(self, path: str) -> None: ...

    def checks(self, sha: Sha) -> list[Shown]:
        """In the order in which they were made; of what can't be changed the newest of its name."""

    def comment(self, change: int, text: str, kind: CommentKind) -> int:
        """Somebody's."""

    def delete_comment(self, comment: int) -> None: ...

    def comments(self, change: int) -> dict[int, str]:
        """By their ids."""

    def reactions(self, comment: int) -> list[str]:
        """In the words of the Reaction type."""

    def lock(self, change: int) -> None:
        """Nobody may comment there any more."""

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
        self.shown: dict[Metric, float] = {}

    def count(self, metric: Metric, by: int = 1, **labels: str) -> None:
        self.counted.append((metric, labels))

    def observe(self, metric: Metric, seconds: float, **labels: str) -> None:
        """Nothing here is timed."""

    def show(self, metric: Metric, value: float, **labels: str) -> None:
        self.shown[metric] = value


def github_forge(
    http: httpx.Client, app_id: str, clock: Clock, telemetry: Counts, secrets: Sequence[str] = (SECRET,)
) -> GitHubForge:
    return GitHubForge(
        ForgeName("github"),
        url=URL,
        app_id=app_id,
        private_key=private_key(),
        secrets=secrets,
        http=http,
        telemetry=telemetry,
        monotonic=clock.monotonic,
        now=clock.now,
    )


class GitHubWorld:
    """GitHub through GitHubForge: `github` is what it is, `wire` what can be broken on the way there."""

    roles: Mapping[Permission, Sequence[str]] = {
        Permission.READ: ("read", "triage"),
        Permission.WRITE: ("write", "maintain"),
        Permission.ADMIN: ("admin",),
    }

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.telemetry = Counts()
        self.github = PretendGitHub(folder, webhook_secret=SECRET, key=shared_key(), clock=self.clock.time)
        self.github.world.url = URL
        self.github.hooks.hold()
        self.wire = Wire(self.github)
        self.repo = self.github.add_repository("octo/widgets")
        self.repository = Repository(
            id=RepositoryId(1),
            forge=ForgeName("github"),
            forge_id=self.repo.id,
            path="octo/widgets",
            private=False,
            default_branch="main",
            web_url=f"{URL}/octo/widgets",
            clone_url=f"{URL}/octo/widgets.git",
            installation=self.github.world.installations[0].id,
        )
        self.forge = github_forge(self.wire.client(), str(self.github.app.id), self.clock, self.telemetry)

    def commit(self, message: str, files: Mapping[str, bytes]) -> Sha:
        return Sha(self.github.commit(self.repo, "main", files, message))

    def open_change(self, head: Sha, base: Sha) -> int:
        self.github.push(self.repo, "better", head)
        self.github.push(self.repo, "main", base)
        return self.github.open_pull(self.repo, "better", title="Better widgets").number

    def label(self, change: int, name: str) -> None:
        self.github.label(self.pull(change), name)

    def grant(self, login: str, number: int, role: str) -> None:
        self.github.world.accounts.append(Account(number, login))
        self.repo.roles[number] = role

    def rename(self, path: str) -> None:
        self.github.rename(self.repo, path.split("/")[1])

    def checks(self, sha: Sha) -> list[Shown]:
        return [_shown(run) for run in self.github.check_runs(self.repo, sha)]

    def comment(self, change: int, text: str, kind: CommentKind) -> int:
        write = self.github.review_comment if kind is CommentKind.REVIEW else self.github.comment
        return write(self.pull(change), "ann", text)

    def delete_comment(self, comment: int) -> None:
        self.github.delete_comment(comment)

    def comments(self, change: int) -> dict[int, str]:
        return {one.id: one.body for one in self.github.comments(self.pull(change))}

    def reactions(self, comment: int) -> list[str]:
        return self.github.reactions(comment)

    def lock(self, change: int) -> None:
        self.github.lock(self.pull(change))

    def pull(self, change: int) -> Pull:
        found = self.github.world.pull(self.repo, change)
        assert found
        return found

    def push_delivery(self, sha: Sha, delivery: str) -> tuple[dict[str, str], bytes]:
        sent = next(one for one in self.github.hooks.held or [] if one.payload.get("after") == sha)
        again = replace(sent, guid=delivery)
        return self.github.hooks.headers_of(again), again.body

    def break_next(self, status: int) -> None:
        self.forge.permission(self.repository, OWNER)
        self.wire.instead.append(answering(status))

    def lose_next_write(self) -> None:
        self.wire.lose = 1

    def reads_with(self, headers: Mapping[str, str]) -> bool:
        tokens = [one for one in self.github.world.tokens.values() if _basic(one.value) == dict(headers)]
        granted = [(one.repositories, one.permissions) for one in tokens]
        return granted == [(frozenset({self.repo.id}), {"contents": "read", "metadata": "read"})]


class GitHubTokenWorld(GitHubWorld):
    """GitHub with a person's token: the App is not installed there."""

    def __init__(
        self,
        folder: Path,
        scopes: Sequence[str] = ("repo", "admin:repo_hook"),
        role: str = "admin",
        secrets: Sequence[str] = (),
    ) -> None:
        super().__init__(folder)
        self.github.world.installations.clear()
        self.token = self.github.personal_token("robo", *scopes)
        robo = self.github.world.account("robo")
        assert robo
        self.repo.roles[robo.id] = role
        self.repository = replace(self.repository, installation=None)
        self.forge = GitHubForge(
            ForgeName("github"),
            url=URL,
            token=self.token,
            secrets=secrets,
            http=self.wire.client(),
            telemetry=self.telemetry,
            monotonic=self.clock.monotonic,
            now=self.clock.now,
        )

    def statuses(self, sha: Sha, name: str = "assay / unit") -> list[tuple[str, str | None]]:
        """State and description of each of that context, oldest first."""
        return [(one.state, one.description) for one in self.github.statuses(self.repo, sha) if one.context == name]

    def reads_with(self, headers: Mapping[str, str]) -> bool:
        return dict(headers) == _basic(self.token)


class GitHubHookWorld(GitHubTokenWorld):
    """The same with a webhook that the owner made by hand, with the secret of the installation."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, secrets=[SECRET])
        self.forge.webhooks.put(self.repository, URL, SECRET)

    def checks(self, sha: Sha) -> list[Shown]:
        """A status is never changed: the newest of its context stands for those before it."""
        newest = {one.context: one for one in self.github.statuses(self.repo, sha)}
        return [_shown_status(one) for one in newest.values()]

    def comments(self, change: int) -> dict[int, str]:
        """As people see them, without the mark that says whose they are."""
        return {number: text.removesuffix(f"\n\n{OURS}") for number, text in super().comments(change).items()}


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


def _shown_status(one: CommitStatus) -> Shown:
    status, conclusion = ("queued", None) if one.state == "pending" else ("completed", one.state)
    return Shown(name=one.context, status=status, conclusion=conclusion, title=one.description or "")


def _shown(run: CheckRun) -> Shown:
    return Shown(
        name=run.name,
        status=run.status,
        conclusion=run.conclusion,
        title=run.title or "",
    )
