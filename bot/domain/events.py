"""What a forge can tell us, in one vocabulary for every forge."""

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
    """A change was opened, reopened, got commits, left draft or changed its target."""

    repository: RepositorySeen
    number: int
    action: str
    """`opened`, `reopened`, `synchronize`, `ready_for_review` or `retargeted`."""
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


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing that concerns us; the reason is for the forge's delivery page."""

    reason: str


ForgeEvent = Pushed | RefDeleted | ChangeUpdated | ChangeClosed | RepositoryMoved | InstallationChanged
