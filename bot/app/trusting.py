"""Who is trusted, and whose commit may run (DESIGN §2.10): always asked from the forge, by numeric id."""

from bot.app.context import App
from bot.domain.refs import Person, Repository
from bot.domain.runs import Build, Trust
from bot.domain.trust import ForkPolicy
from bot.ports.forge import Change, Permission
from bot.ports.store import UnitOfWork


def trust_of(app: App, repository: Repository, change: Change, sender: Person) -> Trust:
    """Write access makes a change trusted.

    A branch of the repository itself could only be pushed by somebody with write access, so a bot's change from
    there is trusted although a bot has no permission that could be asked for. A change from a fork needs it from
    both its author and whoever sent the event, since others may push to the fork.
    """
    is_own = change.head_repository == repository.forge_id
    if is_own and sender.is_bot:
        return Trust.TRUSTED
    people = {sender} if is_own else {sender, change.author}
    forge = app.forge_of(repository)
    may_write = all(forge.permission(repository, person) >= Permission.WRITE for person in people)
    return Trust.TRUSTED if may_write else Trust.UNTRUSTED


def may_run_unasked(app: App, work: UnitOfWork, repository: Repository, change: Change) -> bool:
    """Of a stranger's change: does the policy, or an approval of the whole change, let a new head run?"""
    if work.approvals.stands(repository.id, change.number):
        return True
    match app.rules.fork_policy:
        case ForkPolicy.NEVER:
            return True
        case ForkPolicy.FIRST_TIME:
            return work.approvals.has_let_in(repository.id, change.author.id)
        case ForkPolicy.ALWAYS:
            return False


def is_approved(work: UnitOfWork, build: Build) -> bool:
    """May the build's commit run? Trusted ones may; a stranger's when somebody approved this very commit."""
    if build.trust is Trust.TRUSTED or build.change is None:
        return True
    return bool(
        work.approvals.of_commit(build.repository, build.change, build.sha)
        or work.approvals.stands(build.repository, build.change)
    )
