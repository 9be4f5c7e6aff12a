"""Names of things that live on a forge."""

import re
from dataclasses import dataclass
from typing import NewType

from bot.domain.errors import BadInput

ForgeName = NewType("ForgeName", str)
"""One configured forge; `github` and `gitlab` for the first of each kind."""
RepositoryId = NewType("RepositoryId", int)
"""Our own number of a repository."""
Sha = NewType("Sha", str)

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def sha_of(text: object) -> Sha:
    """A full commit id: 40 or 64 lower-case hexadecimal digits, not all zero.

    Raises:
        BadInput: anything else, above all the zeros that stand for "deleted".
    """
    if not isinstance(text, str) or not _SHA.fullmatch(text):
        raise BadInput("not a full commit id")
    if is_zero(text):
        raise BadInput("a commit id of zeros means that there is none")
    return Sha(text)


def is_zero(text: str) -> bool:
    return len(text) in (40, 64) and not text.strip("0")


@dataclass(frozen=True, slots=True)
class Person:
    """An account on a forge. Only the number identifies it; logins are renamed and given away."""

    id: int
    login: str
    is_bot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositorySeen:
    """A repository as a forge describes it."""

    forge: ForgeName
    forge_id: int
    path: str
    """`owner/name`; changes when the repository is renamed or transferred."""
    private: bool
    default_branch: str
    web_url: str
    clone_url: str
    installation: int | None = None
    """GitHub: the App's installation that may act on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository(RepositorySeen):
    """A repository that we know; keyed by forge and `forge_id`."""

    id: RepositoryId
