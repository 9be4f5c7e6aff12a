"""What a forge can tell us, in one vocabulary for every forge."""

import enum
from dataclasses import dataclass
from datetime import datetime

from bot.domain.refs import ForgeName, Person, RepositorySeen, Sha


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A branch or tag now points to a commit."""

    repository: RepositorySeen
    branch: str | None
    tag: str | None
    sha: Sha
    """The commit, also for an annotated tag."""
    before: Sha | None
    """None for a new branch or tag."""
    message: str
    sender: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class RefDeleted:
    repository: RepositorySeen
    branch: str | None
    tag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeUpdated:
    """A change was opened, reopened, got commits, left draft, changed its target, or a label came or went."""

    repository: RepositorySeen
    number: int
    action: str
    """`opened`, `reopened`, `synchronize`, `ready_for_review`, `retargeted`, `labeled` or `unlabeled`."""
    head: Sha
    updated_at: datetime | None
    sender: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeClosed:
    repository: RepositorySeen
    number: int
    merged: bool
    sender: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryMoved:
    """Renamed, transferred, or made public or private."""

    repository: RepositorySeen


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationChanged:
    """The App was installed, removed, suspended or given other repositories or permissions."""

    forge: ForgeName
    installation: int
    active: bool
    """False when it was removed or suspended."""
    removed: tuple[int, ...] = ()
    """Forge ids of repositories that it may no longer see."""


class CommentKind(enum.StrEnum):
    """Where a comment stands: forges keep the two apart."""

    CHANGE = "change"
    REVIEW = "review"
    """At a line of the change's code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commented:
    """Somebody wrote a new comment on a change. Comments by ourselves never become this."""

    repository: RepositorySeen
    number: int
    comment: int
    """The forge's id."""
    kind: CommentKind
    author: Person
    text: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunAsked:
    """The forge's re-run button: of one check, or of all of a commit (`external_id` None)."""

    repository: RepositorySeen
    sha: Sha
    external_id: str | None
    """Our id that the check shows."""
    sender: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionAsked:
    """One of our own buttons on a check."""

    repository: RepositorySeen
    sha: Sha
    external_id: str
    identifier: str
    sender: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeGroupAsked:
    """A merge queue wants its temporary commit checked."""

    repository: RepositorySeen
    sha: Sha
    ref: str
    """The queue's branch, without `refs/heads/`."""
    base_ref: str
    """The branch it would be merged into, without `refs/heads/`."""
    base_sha: Sha
    message: str
    sender: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeGroupGone:
    """Merged, or no longer wanted."""

    repository: RepositorySeen
    sha: Sha
    reason: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing that concerns us; the reason is for the forge's delivery page."""

    reason: str


ForgeEvent = (
    Pushed
    | RefDeleted
    | ChangeUpdated
    | ChangeClosed
    | Commented
    | RerunAsked
    | ActionAsked
    | MergeGroupAsked
    | MergeGroupGone
    | RepositoryMoved
    | InstallationChanged
)
