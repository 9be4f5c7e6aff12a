"""What people see on a commit: the value that a forge shows."""

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.domain.refs import Sha


class CheckStatus(enum.StrEnum):
    """GitHub's words for where a check run stands; other forges translate."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class Conclusion(enum.StrEnum):
    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    TIMED_OUT = "timed_out"
    ACTION_REQUIRED = "action_required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A message at a place of a file. Columns are kept only when it starts and ends on one line."""

    path: str
    line: int
    message: str
    title: str
    end_line: int = 0
    column: int = 0
    end_column: int = 0
    level: str = "failure"
    details: str = ""
    """Shown on demand."""


@dataclass(frozen=True, slots=True)
class Action:
    """A button: label ≤ 20, description ≤ 40, identifier ≤ 20 characters; at most three on a check."""

    label: str
    description: str
    identifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The whole visible state of one check; rendered anew for every report."""

    name: str
    sha: Sha
    external_id: str
    """The id of ours that it shows: a run's, or `build-N` for the aggregate."""
    details_url: str
    ref: str = ""
    """Branch or tag where the commit stands; of a change its source branch."""
    change: int | None = None
    """The change that it is of."""
    status: CheckStatus
    conclusion: Conclusion | None
    title: str
    summary: str
    text: str = ""
    annotations: tuple[Annotation, ...] = ()
    actions: tuple[Action, ...] = ()
    started_at: datetime | None = None
    completed_at: datetime | None = None
    coverage: float | None = None
    """Percent of the lines that the tests have run."""
    quiet: bool = False
    """No comment may say it where the forge shows no checks."""
    could_not_run: bool = False
    """Its failure says nothing about the commit: an error, for forges that tell the two apart."""


PASSING: Final = (Conclusion.SUCCESS, Conclusion.NEUTRAL, Conclusion.SKIPPED)
"""What a required check may end in."""
AGGREGATE: Final = "assay"
"""The one check that needs to be required (BEHAVIOUR §1)."""


def check_name(suite: str) -> str:
    """`suite`: a suite's name, or a cell's key where each has a check of its own."""
    return f"{AGGREGATE} / {suite}"


_COMMENT: Final = "comment #"


def comment_name(change: int) -> str:
    """What the outbox calls the comment with a change's results; no check is called so."""
    return f"{_COMMENT}{change}"


def commented_change(name: str) -> int | None:
    """The change that the outbox's `name` is the comment of; None: it is a check."""
    return int(name.removeprefix(_COMMENT)) if name.startswith(_COMMENT) else None


_SEARCH: Final = "search #"


def search_name(change: int) -> str:
    """What the outbox calls the answer, on a change, to who asked for the commit that broke its target."""
    return f"{_SEARCH}{change}"


def searched_change(name: str) -> int | None:
    """The change that the outbox's `name` is such an answer on; None: it is something else."""
    return int(name.removeprefix(_SEARCH)) if name.startswith(_SEARCH) else None
