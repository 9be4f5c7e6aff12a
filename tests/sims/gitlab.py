"""A GitLab that exists in memory: projects, commits, merge requests, notes, and statuses with its rules for moves.

Written after the documentation of its REST API v4 (FORGES §3); answers have just the fields that we rely on.
"""

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

LEVELS: Final = {"guest": 10, "reporter": 20, "developer": 30, "maintainer": 40, "owner": 50}
_MOVES: Final = {
    "pending": ("enqueue", {"created"}),
    "running": ("run", {"created", "pending"}),
    "success": ("success", {"created", "pending", "running"}),
    "failed": ("drop", {"created", "pending", "running"}),
    "canceled": ("cancel", {"created", "pending", "running"}),
    "skipped": ("skip", {"created", "pending"}),
}
_ZEROS: Final = "0" * 40


class Problem(Exception):
    def __init__(self, status: int, message: object) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass
class Commit:
    sha: str
    message: str
    files: dict[str, bytes]
    parent: str | None


@dataclass
class Status:
    id: int
    project: int
    sha: str
    ref: str
    name: str
    author: int
    pipeline: int
    state: str = "created"
    description: str = ""
    target_url: str = ""
    coverage: float | None = None
    history: list[str] = field(default_factory=list)

    def show(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "sha": self.sha,
            "ref": self.ref,
            "name": self.name,
            "status": self.state,
            "description": self.description,
            "target_url": self.target_url,
            "author": {"id": self.author},
        }


@dataclass
class Note:
    id: int
    author: int
    body: str
    emoji: list[str] = field(default_factory=list)


@dataclass
class MergeRequest:
    iid: int
    source: int
    source_branch: str
    target_branch: str
    sha: str
    base: str
    author: int
    notes: dict[int, Note] = field(default_factory=dict)
    state: str = "opened"
    draft: bool = False
    locked: bool = False
    source_is_gone: bool = False
    labels: list[str] = field(default_factory=list)


@dataclass
class Project:
    id: int
    path: str
    members: dict[int, int] = field(default_factory=dict)
    """Levels by the numbers of people, inherited ones too."""
    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    changes: dict[int, MergeRequest] = field(default_factory=dict)
    hooks: dict[int, dict[str, Any]] = field(default_factory=dict)
    attempts: list[tuple[int, int, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    """Number, status of the answer, headers and body of what webhooks have sent; the newest first."""
    resent: list[str] = field(default_factory=list)


class PretendGitLab:
    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
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

    # -- people
    def add_project(self, path: str, level: int = 40) -> Project:
        """`level`: what we are there."""
        project = Project(next(self.numbers), path, {self.me: level} if level else {})
        self.projects[project.id] = project
        self.commit(project, "main", "Begin", {"README.md": b"# Widgets\n"})
        return project

    def commit(self, project: Project, branch: str, message: str, files: Mapping[str, bytes]) -> str:
        parent = project.branches.get(branch)
        tree = {**(project.commits[parent].files if parent else {}), **files}
        sha = hashlib.sha1(f"{project.id} {next(self.numbers)} {message}".encode()).hexdigest()  # noqa: S324
        project.commits[sha] = Commit(sha, message, tree, parent)
        project.branches[branch] = sha
        return sha

    def open(self, project: Project, source: Project, branch: str, author: int) -> MergeRequest:
        head = source.branches[branch]
        project.commits.update(source.commits)
        iid = len(project.changes) + 1
        change = MergeRequest(iid, source.id, branch, "main", head, project.branches["main"], author)
        project.changes[iid] = change
        return change

    def say(self, change: MergeRequest, author: int, body: str) -> Note:
        note = Note(next(self.numbers), author, body)
        change.notes[note.id] = note
        return note

    def push_payload(self, project: Project, branch: str, before: str, after: str) -> dict[str, Any]:
        commit = project.commits[after]
        return {
            "object_kind": "push",
            "event_name": "push",
            "before": before or _ZEROS,
            "after": after,
            "ref": f"refs/heads/{branch}",
            "checkout_sha": after,
            "user_id": 30,
            "user_username": "ann",
            "project_id": project.id,
            "project": {
                "id": project.id,
                "path_with_namespace": project.path,
                "web_url": f"{self.url}/{project.path}",
                "git_http_url": f"{self.url}/{project.path}.git",
                "visibility_level": 20,
                "default_branch": "main",
            },
            "commits": [{"id": after, "message": commit.message}],
            "total_commits_count": 1,
        }

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
        if sha not in project.commits:
            raise Problem(404, "404 Commit Not Found")
        if self.busy:
            raise Problem(409, "Another update to this commit status is in progress")
        for name in ("description", "target_url"):
            if len(str(body.get(name, ""))) > 255:
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
