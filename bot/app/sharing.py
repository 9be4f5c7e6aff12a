"""Which runs that a commit has already may stand instead of new ones (cases C28, C63)."""

from typing import Final

from bot.domain.planning import Sharing, Trigger
from bot.domain.runs import Merge, Run, RunState, Trust
from bot.ports.store import UnitOfWork

NOT_SHARED: Final = frozenset(
    {RunState.SUPERSEDED, RunState.CANCELLED, RunState.REJECTED, RunState.ERRORED, RunState.SKIPPED}
)


def fits(work: UnitOfWork, known: Run, trigger: Trigger, merge: Merge | None) -> bool:
    """Of a merge only a run of the same tree says enough; a retest lets stand what passed on an older tip.

    A merged run stands also for a push of the head, whose check it is; and no stranger's displaces a trusted one.
    """
    if merge is None or known.trust is not trigger.trust:
        return True
    tested = work.builds.get(known.build).merge
    return tested is not None and (tested.tree == merge.tree or trigger.sharing is Sharing.GOOD)


def may_share(known: Run, trigger: Trigger) -> bool:
    if known.cancel is not None:
        return False
    if known.trust is not trigger.trust:
        # A trusted run says all that a stranger's could, and is never displaced by one; the reverse says too little.
        return known.trust is Trust.TRUSTED and known.state not in NOT_SHARED
    if known.state is RunState.AWAITING_APPROVAL and trigger.approved:
        return False
    return _stands(known, trigger.sharing)


def _stands(known: Run, sharing: Sharing) -> bool:
    match sharing:
        case Sharing.ALL | Sharing.KNOWN:
            return known.state not in NOT_SHARED
        case Sharing.GOOD:
            return known.state is RunState.PASSED or not known.state.is_final
        case Sharing.UNFINISHED:
            return not known.state.is_final
        case Sharing.NONE:
            return False
