"""Caches: what runs bring to later ones, each as one archive under a name."""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NewType, Protocol

from bot.domain.refs import RepositoryId

CacheDigest = NewType("CacheDigest", str)
"""64 lower-case hexadecimal digits that stand for a key and paths."""


class CacheScope(enum.StrEnum):
    """Whose runs have made it."""

    DEFAULT = "default"
    """Those of the default branch."""
    TRUSTED = "trusted"
    """Others of people with write access."""


@dataclass(frozen=True, slots=True)
class CacheName:
    repository: RepositoryId
    scope: CacheScope
    digest: CacheDigest


@dataclass(frozen=True, slots=True)
class CacheKept:
    name: CacheName
    size: int
    """Bytes."""


class Caches(Protocol):
    """Every method may raise StoreBusy: out of reach, or full."""

    def open(self, name: CacheName) -> BinaryIO:
        """The archive from its start, whole also when it is removed meanwhile. It counts as used now.

        Raises:
            Gone: there is none of that name.
        """

    def put(self, name: CacheName, pieces: Iterable[bytes], limit: int) -> bool:
        """Keep an archive; it appears whole or not at all. One that is there already stays, and this gives False.

        What the pieces raise goes through, and nothing is kept.

        Raises:
            BadInput: it has more than `limit` bytes; nothing is kept.
        """

    def remove(self, name: CacheName) -> None:
        """Nothing there is fine."""

    def kept(self) -> Sequence[CacheKept]:
        """All of them, the one that was used longest ago first."""

    def delete_unfinished(self, before: float) -> int:
        """Remove what interrupted puts left before that time (seconds since 1970); how many."""
