"""What the pretend GitLab remembers: projects, merge requests, notes, statuses."""

from dataclasses import dataclass, field
from typing import Any, Final

from bot.demo.forge.gitdir import GitDir

LEVELS: Final = {"guest": 10, "reporter": 20, "developer": 30, "maintainer": 40, "owner": 50}


class Problem(Exception):
    """An answer that is not 2xx."""

    def __init__(self, status: int, message: object) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


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
    created_at: float = 0.0
    emoji: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class MergeRequest:
    number: int
    project: int
    source: int
    source_branch: str
    target_branch: str
    sha: str
    base: str
    author: int
    title: str = "Better widgets"
    updated_at: float = 0.0
    notes: dict[int, Note] = field(default_factory=dict)
    state: str = "opened"
    draft: bool = False
    locked: bool = False
    source_is_gone: bool = False
    labels: list[str] = field(default_factory=list)

    @property
    def head_sha(self) -> str:
        return self.sha


@dataclass
class Project:
    id: int
    path: str
    git: GitDir
    members: dict[int, int] = field(default_factory=dict)
    """Levels by the numbers of people, inherited ones too."""
    changes: dict[int, MergeRequest] = field(default_factory=dict)
    hooks: dict[int, dict[str, Any]] = field(default_factory=dict)
    attempts: list[tuple[int, int, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    """Number, status of the answer, headers and body of what webhooks have sent; the newest first."""
    resent: list[str] = field(default_factory=list)

    def head(self, branch: str) -> str:
        found = self.git.resolve(f"refs/heads/{branch}")
        assert found, f"no branch {branch}"
        return found
