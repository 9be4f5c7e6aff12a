"""What keeps runs from being queued, or queued ones from starting: quotas, in words for people."""

from bot.app.context import Rules
from bot.domain.quotas import Quotas
from bot.domain.refs import RepositoryId
from bot.domain.runs import Build, Run, RunState, Trust
from bot.ports.store import UnitOfWork


def refusal(work: UnitOfWork, build: Build, new: int, rules: Rules) -> str:
    """Why so many new runs of the build may not be queued; nothing when they may."""
    if not new:
        return ""
    quotas = _quotas(work, build.repository, rules)
    if build.trust is Trust.UNTRUSTED and quotas.stranger_queue_max is not None:
        waiting = work.runs.crowd(build.repository, of=build.author_id).waiting
        if waiting + new > quotas.stranger_queue_max:
            return _too_many(waiting, new, "of this author", quotas.stranger_queue_max)
    if quotas.queue_max is not None:
        waiting = work.runs.crowd(build.repository).waiting
        if waiting + new > quotas.queue_max:
            return _too_many(waiting, new, "of this repository", quotas.queue_max)
    return ""


def _too_many(waiting: int, new: int, whose: str, most: int) -> str:
    return f"{waiting} runs {whose} wait already and {new} would come, but at most {most} may wait"


def hindrance(work: UnitOfWork, run: Run, rules: Rules) -> str:
    """Why a queued run does not start although a worker may be free; nothing when no quota holds it."""
    if run.state is not RunState.QUEUED or run.blocked:
        return ""
    quotas = _quotas(work, run.repository, rules)
    if (most := quotas.runs_max) is not None and work.runs.crowd(run.repository).claimed >= most:
        return f"this repository has {most} running, as many as it may"
    most = quotas.stranger_runs_max if run.trust is Trust.UNTRUSTED else None
    if most is not None and _claimed_of_author(work, run) >= most:
        return f"its author has {most} running here, as many as a stranger may"
    return ""


def _claimed_of_author(work: UnitOfWork, run: Run) -> int:
    return work.runs.crowd(run.repository, of=work.builds.get(run.build).author_id).claimed


def _quotas(work: UnitOfWork, repository: RepositoryId, rules: Rules) -> Quotas:
    return rules.under(work.repositories.own_rules(repository)).quotas
