"""API tokens: what they let their bearer do, and for how long."""

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bot.domain.refs import ForgeName, Person, RepositoryId


class Scope(enum.StrEnum):
    READ = "runs:read"
    """See what belongs to private repositories too."""
    WRITE = "runs:write"
    """Start, cancel and re-run."""
    APPROVE = "builds:approve"
    """Let a stranger's build run."""
    SUITES = "suites:write"
    """Register suites and environments, and change them."""
    REPOSITORIES = "repos:admin"
    """Register repositories, and change what is set for each."""
    ADMIN = "admin"
    """All of these."""


OF_PLACES: Final = frozenset({Scope.READ, Scope.WRITE, Scope.APPROVE, Scope.REPOSITORIES})
"""What can be had in single repositories; the others are about all of the installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Whose rights a token has at most: those of a person, or what can be done in one repository."""

    forge: ForgeName | None = None
    person: Person | None = None
    """At that forge."""
    repository: RepositoryId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is known of a token; its text is not."""

    id: str
    """Its public part, by which it is found."""
    name: str
    digest: str = field(repr=False)
    """SHA-256 of the whole text, in hexadecimal digits."""
    scopes: tuple[Scope, ...]
    created_at: datetime
    bound: Bound | None = None
    """None: the operator's, good everywhere."""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    used_at: datetime | None = None
    """Of its last use, to the hour."""

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
