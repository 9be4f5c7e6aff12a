"""GitLab for the contract of the Forge port, with the pretended one."""

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bot.adapters.forge_gitlab import GitLabForge
from bot.demo.gitlab.gitlab import PretendGitLab
from bot.demo.gitlab.state import LEVELS, MergeRequest, Status
from bot.domain.events import CommentKind
from bot.domain.refs import ForgeName, Repository, RepositoryId, Sha
from bot.ports.forge import Permission, Reaction
from tests.contract.forge_world import Counts, Shown
from tests.sims.github_wire import Clock
from tests.sims.gitlab_wire import Wire, answering

KEY: Final = b"the key of the test suite, 32 b."
SIGNING: Final = "whsec_" + base64.b64encode(KEY).decode()
TOKEN: Final = "the plain secret of the test suite"
URL: Final = "http://127.0.0.1:9/code"
"""GitLab may live below a path of its host."""
_SHOWN: Final = {"pending": ("queued", None), "running": ("in_progress", None), "success": ("completed", "success")}
_EMOJI: Final = {"eyes": Reaction.SEEN, "thumbsup": Reaction.DONE, "confused": Reaction.REFUSED}


class GitLabWorld:
    """GitLab through GitLabForge: `gitlab` is what it is, `wire` what can be broken on the way there."""

    roles: Mapping[Permission, Sequence[str]] = {
        Permission.READ: ("guest", "reporter"),
        Permission.WRITE: ("developer",),
        Permission.ADMIN: ("maintainer", "owner"),
    }

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.telemetry = Counts()
        self.gitlab = PretendGitLab(folder / "gitlab", url=URL, token="glpat-of-the-tests")
        self.wire = Wire(self.gitlab)
        self.project = self.gitlab.add_project("octo/tools/widgets")
        self.repository = Repository(
            id=RepositoryId(1),
            forge=ForgeName("gitlab"),
            forge_id=self.project.id,
            path="octo/tools/widgets",
            private=False,
            default_branch="main",
            web_url=f"{URL}/octo/tools/widgets",
            clone_url=f"{URL}/octo/tools/widgets.git",
        )
        self.forge = GitLabForge(
            ForgeName("gitlab"),
            url=URL,
            token="glpat-of-the-tests",
            secrets=[SIGNING, TOKEN],
            adapter=self.wire,
            telemetry=self.telemetry,
            monotonic=self.clock.monotonic,
            now=self.clock.now,
        )

    def commit(self, message: str, files: Mapping[str, bytes]) -> Sha:
        return Sha(self.gitlab.commit(self.project, "main", message, files))

    def open_change(self, head: Sha, base: Sha) -> int:
        for branch, sha in (("better", head), ("main", base)):
            self.project.git.set_ref(f"refs/heads/{branch}", sha)
        return self.gitlab.open(self.project, self.project, "better", 30).number

    def grant(self, login: str, number: int, role: str) -> None:
        self.gitlab.people[number] = login
        self.project.members[number] = LEVELS[role]

    def rename(self, path: str) -> None:
        self.project.path = path

    def checks(self, sha: Sha) -> list[Shown]:
        return [_shown(one) for one in self.gitlab.shown(sha)]

    def comment(self, change: int, text: str, kind: CommentKind) -> int:
        return self.gitlab.say(self.change(change), 31, text).id

    def delete_comment(self, comment: int) -> None:
        for change in self.project.changes.values():
            change.notes.pop(comment, None)

    def comments(self, change: int) -> dict[int, str]:
        return {one.id: one.body for one in self.change(change).notes.values()}

    def reactions(self, comment: int) -> list[str]:
        notes = (note for change in self.project.changes.values() for note in change.notes.values())
        return [_EMOJI[name] for note in notes if note.id == comment for name in note.emoji]

    def label(self, change: int, name: str) -> None:
        self.change(change).labels.append(name)

    def lock(self, change: int) -> None:
        self.change(change).locked = True

    def change(self, number: int) -> MergeRequest:
        return self.project.changes[number]

    def push_delivery(self, sha: Sha, delivery: str) -> tuple[dict[str, str], bytes]:
        before = "".join(self.project.git.log(sha, limit=1)[0].parents)
        body = json.dumps(self.gitlab.push_payload(self.project, "main", before, sha)).encode()
        return signed_headers("Push Hook", body, self.clock, delivery), body

    def break_next(self, status: int) -> None:
        self.wire.instead.append(answering(status))

    def lose_next_write(self) -> None:
        self.wire.lose = 1

    def reads_with(self, headers: Mapping[str, str]) -> bool:
        """GitLab knows no narrower token."""
        basic = base64.b64encode(f"oauth2:{self.gitlab.token}".encode()).decode()
        return dict(headers) == {"Authorization": f"Basic {basic}"}


def signed_headers(
    event: str, body: bytes, clock: Clock, delivery: str = "d-1", *, key: bytes = KEY, age: float = 0
) -> dict[str, str]:
    stamp = str(int(clock.time() - age))
    digest = hmac.new(key, f"{delivery}.{stamp}.".encode() + body, "sha256").digest()
    return {
        "X-Gitlab-Event": event,
        "Content-Type": "application/json",
        "Idempotency-Key": delivery,
        "webhook-id": delivery,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _shown(one: Status) -> Shown:
    status, conclusion = _SHOWN.get(one.state, ("completed", one.state))
    return Shown(name=one.name, status=status, conclusion=conclusion, title=one.description)
