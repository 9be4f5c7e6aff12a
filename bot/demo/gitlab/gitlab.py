"""The pretend GitLab: what people do there, and its rules for statuses.

Written after the documentation of its REST API v4 (FORGES §3); answers have just the fields that we rely on.
"""

import base64
import itertools
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from bot.demo.forge.gitdir import GitDir
from bot.demo.gitlab import payloads
from bot.demo.gitlab.hooks import Hooks
from bot.demo.gitlab.state import LEVELS, MergeRequest, Note, Problem, Project, Status

_MAX_TEXT: Final = 255
_MOVES: Final = {
    "pending": ("enqueue", {"created"}),
    "running": ("run", {"created", "pending"}),
    "success": ("success", {"created", "pending", "running"}),
    "failed": ("drop", {"created", "pending", "running"}),
    "canceled": ("cancel", {"created", "pending", "running"}),
    "skipped": ("skip", {"created", "pending"}),
}


class PretendGitLab:
    """Hold `lock` while reading or changing it from another thread."""

    def __init__(
        self,
        folder: Path,
        *,
        url: str = "",
        token: str = "",
        webhook_url: str = "",
    ) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.url = url
        self.token = token or f"glpat-{secrets.token_hex(10)}"
        self.webhook_secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        self.lock = threading.RLock()
        self.me = 77
        self.people = {self.me: "assay-bot"}
        self.blocked: set[int] = set()
        self.projects: dict[int, Project] = {}
        self.statuses: list[Status] = []
        self.pipelines: dict[int, tuple[int, str, str]] = {}
        """Project, commit and ref of each."""
        self.busy = False
        """Another status of every commit is being written."""
        self.numbers = itertools.count(1001)
        self.front: dict[str, Callable[[], object]] = {}
        """Buttons of the page, by their labels; and those under every open merge request."""
        self.each: dict[str, Callable[[MergeRequest], object]] = {}
        self.hooks = Hooks(webhook_url, self.webhook_secret, self.lock, lambda: next(self.numbers))

    @staticmethod
    def now() -> float:
        return time.time()

    # -- people
    def add_person(self, login: str) -> int:
        number = next(self.numbers)
        self.people[number] = login
        return number

    def person(self, login: str) -> int:
        return next(number for number, name in self.people.items() if name == login)

    def add_project(self, path: str, level: int = LEVELS["maintainer"]) -> Project:
        """`level`: what we are there."""
        number = next(self.numbers)
        git = GitDir.create(self.folder / f"{number}.git", "main")
        project = Project(number, path, git, {self.me: level} if level else {})
        self.projects[number] = project
        self.commit(project, "main", f"Begin {path}", {"README.md": b"# Widgets\n"})
        return project

    def fork(self, parent: Project, author: int) -> Project:
        number = next(self.numbers)
        git = GitDir.create(self.folder / f"{number}.git", "main")
        git.take(parent.git, parent.head("main"), "refs/heads/main")
        path = f"{self.people[author]}/{parent.path.rpartition('/')[2]}"
        self.projects[number] = Project(number, path, git, {author: LEVELS["owner"]})
        return self.projects[number]

    def commit(
        self, project: Project, branch: str, message: str, files: Mapping[str, str | bytes], author: int = 0
    ) -> str:
        """Push one commit on the branch, which begins where the default branch is."""
        user = self._user(author)
        name = str(user["username"])
        before = project.git.resolve(f"refs/heads/{branch}")
        parent = before or project.git.resolve("refs/heads/main")
        who = name, f"{name}@users.example"
        sha = project.git.commit(branch, files, message, author=who, at=int(self.now()), parent=parent)
        self.hooks.emit(project, "Push Hook", payloads.push(self.url, project, branch, before, sha, user))
        for target in self.projects.values():
            for change in target.changes.values():
                if (change.source, change.source_branch, change.state) == (project.id, branch, "opened"):
                    self._moved(target, change, sha, user)
        return sha

    def open(
        self, project: Project, source: Project, branch: str, author: int, title: str = "Better widgets"
    ) -> MergeRequest:
        change = MergeRequest(
            number=len(project.changes) + 1,
            project=project.id,
            source=source.id,
            source_branch=branch,
            target_branch="main",
            sha=source.head(branch),
            base=project.head("main"),
            author=author,
            title=title,
            updated_at=self.now(),
        )
        project.changes[change.number] = change
        self._show_head(project, change)
        self._tell(project, change, "open", self._user(author))
        return change

    def close(self, project: Project, change: MergeRequest, author: int) -> None:
        change.state = "closed"
        self._tell(project, change, "close", self._user(author))

    def say(self, change: MergeRequest, author: int, body: str) -> Note:
        note = Note(next(self.numbers), author, body, self.now())
        change.notes[note.id] = note
        project = self.projects[change.project]
        payload = payloads.note(self.url, project, change, note, self._user(author))
        self.hooks.emit(project, "Note Hook", payload)
        return note

    def push_payload(self, project: Project, branch: str, before: str, after: str) -> dict[str, Any]:
        return payloads.push(self.url, project, branch, before, after, {"id": 30, "username": "ann"})

    def _moved(self, project: Project, change: MergeRequest, sha: str, user: payloads.Json) -> None:
        before, change.sha, change.updated_at = change.sha, sha, self.now()
        self._show_head(project, change)
        self._tell(project, change, "update", user, before)

    def _show_head(self, project: Project, change: MergeRequest) -> None:
        ref = f"refs/merge-requests/{change.number}/head"
        project.git.take(self.projects[change.source].git, change.sha, ref)

    def _tell(
        self, project: Project, change: MergeRequest, action: str, user: payloads.Json, oldrev: str = ""
    ) -> None:
        payload = payloads.merge_request(self.url, project, change, action, user, oldrev)
        self.hooks.emit(project, "Merge Request Hook", payload)

    def _user(self, number: int) -> payloads.Json:
        return {"id": number, "username": self.people.get(number, "somebody")}

    def shown(self, sha: str) -> list[Status]:
        return [one for one in self.statuses if one.sha == sha]

    # -- what its API does
    def project(self, names: Mapping[str, str]) -> Project:
        asked = names["project"].replace("%2F", "/")
        found = next((one for one in self.projects.values() if asked in (str(one.id), one.path)), None)
        if found is None:
            raise Problem(404, "404 Project Not Found")
        return found

    def change(self, names: Mapping[str, str]) -> MergeRequest:
        change = self.project(names).changes.get(int(names["iid"]))
        if change is None:
            raise Problem(404, "404 Not found")
        return change

    def note(self, names: Mapping[str, str]) -> Note:
        note = self.change(names).notes.get(int(names["note"]))
        if note is None:
            raise Problem(404, "404 Note Not Found")
        return note

    def post_status(self, project: Project, sha: str, body: Mapping[str, Any]) -> Status:
        if project.members.get(self.me, 0) < LEVELS["developer"]:
            raise Problem(403, "403 Forbidden")
        if project.git.resolve(sha) is None:
            raise Problem(404, "404 Commit Not Found")
        if self.busy:
            raise Problem(409, "Another update to this commit status is in progress")
        for name in ("description", "target_url"):
            if len(str(body.get(name, ""))) > _MAX_TEXT:
                raise Problem(400, {name: ["is too long (maximum is 255 characters)"]})
        pipeline = self._pipeline(project, sha, body)
        status = self._live(pipeline, str(body["name"]))
        status = status or Status(
            next(self.numbers), project.id, sha, self.pipelines[pipeline][2], str(body["name"]), self.me, pipeline
        )
        self._move(status, str(body["state"]))
        status.description = str(body.get("description", status.description))
        status.target_url = str(body.get("target_url", status.target_url))
        status.coverage = body.get("coverage", status.coverage)
        if status not in self.statuses:
            self.statuses.append(status)
        return status

    def _pipeline(self, project: Project, sha: str, body: Mapping[str, Any]) -> int:
        wanted = (project.id, sha, body.get("ref") or "main")
        fitting = [number for number, found in self.pipelines.items() if found == wanted]
        if "pipeline_id" in body:
            fitting = [number for number in fitting if number == body["pipeline_id"]]
            if not fitting:
                raise Problem(404, "404 Pipeline for pipeline_id, sha and ref Not Found")
        if not fitting:
            fitting = [next(self.numbers)]
            self.pipelines[fitting[0]] = wanted
        return fitting[-1]

    def _live(self, pipeline: int, name: str) -> Status | None:
        """Only an unfinished one of ours goes on; else a new one is made."""
        live = [one for one in self.statuses if one.pipeline == pipeline and one.state in ("pending", "running")]
        return next((one for one in reversed(live) if (one.name, one.author) == (name, self.me)), None)

    @staticmethod
    def _move(status: Status, state: str) -> None:
        event, origins = _MOVES[state]
        if status.state not in origins:
            reason = f'(Reason(s): Status cannot transition via "{event}")'
            raise Problem(400, f"Cannot transition status via :{event} from :{status.state} {reason}")
        status.state = state
        status.history.append(state)
