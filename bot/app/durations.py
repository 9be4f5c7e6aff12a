"""How long a suite usually takes, so that people know when to look again."""

import statistics
from typing import Final

from bot.domain.refs import Repository
from bot.domain.runs import Build, Run
from bot.ports.store import UnitOfWork

_PASSES: Final = 9
"""The last ones, that the usual time is the middle of."""


def usual_seconds(work: UnitOfWork, run: Run, build: Build, repository: Repository) -> float | None:
    """On the branch that it is for, else on the default branch; None before the first pass there."""
    for branch in dict.fromkeys((build.base_ref or build.ref, repository.default_branch)):
        if times := work.runs.times(run, branch, _PASSES):
            return statistics.median(times)
    return None
