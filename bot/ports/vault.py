"""Secrets of repositories: the vault that seals them, and where the sealed values are stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.refs import RepositoryId


class Vault(Protocol):
    def encrypt(self, data: bytes) -> bytes:
        """With the newest key; different each time."""

    def decrypt(self, sealed: bytes) -> bytes:
        """Raises: Refused: none of our keys opens it, or it was changed. The message names the setting."""

    def renew(self, sealed: bytes) -> bytes:
        """The same under the newest key. Raises: Refused, as above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSecret:
    repository: RepositoryId
    name: str
    value: bytes = field(repr=False)
    """As the vault sealed it."""
    created_at: float
    """Seconds since 1970."""
    updated_at: float
    actor: str
    """Who wrote this value."""


class Secrets(Protocol):
    """A part of the store: sealed values that a repository's trusted runs may ask for by name."""

    def put(self, repository: RepositoryId, name: str, value: bytes, actor: str) -> bool:
        """Write it in place of what was there; True when it is new."""

    def of_repository(self, repository: RepositoryId) -> Sequence[StoredSecret]:
        """By name."""

    def remove(self, repository: RepositoryId, name: str) -> bool: ...

    def every(self) -> Sequence[StoredSecret]: ...

    def reseal(self, secret: StoredSecret, value: bytes) -> bool:
        """The same secret under another key; False and no effect when somebody wrote or removed it meanwhile."""
