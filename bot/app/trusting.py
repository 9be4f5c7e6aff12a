"""Who is trusted, and whose commit may run (DESIGN §2.10): always asked from the forge, by numeric id."""

from bot.app.context import App
from bot.domain.refs import Person, Repository
from bot.domain.runs import Build, Trust
from bot.domain.trust import ForkPolicy, risky_paths
from bot.ports.forge import Change, Permission
from bot.ports.store import UnitOfWork


def trust_of(app: App, repository: Repository, change: Change, sender: Person, *, vouches: bool) -> Trust:
    """Write access makes a change trusted.

    A branch of the repository itself could only be pushed by somebody with write access, so a bot's change from
    there is trusted although a bot has no permission that could be asked for. A change from a fork needs it from
    both its author and the sender, and the sender has to vouch for the head: by having opened the change on it or
    pushed it, since others may push to the fork. What was found to be a stranger's stays that.
    """
    forge = app.forge_of(repository)
    if change.head_repository == repository.forge_id:
        is_trusted = sender.is_bot or forge.permission(repository, sender) >= Permission.WRITE
        return Trust.TRUSTED if is_trusted else Trust.UNTRUSTED
    with app.work() as work:
        known = {one.trust for one in work.builds.at(repository.id, change.head) if one.change == change.number}
    if Trust.UNTRUSTED in known or not (vouches or Trust.TRUSTED in known):
        return Trust.UNTRUSTED
    may_write = all(forge.permission(repository, person) >= Permission.WRITE for person in {sender, change.author})
    return Trust.TRUSTED if may_write else Trust.UNTRUSTED


def may_run_unasked(app: App, repository: Repository, change: Change, sender: Person) -> bool:
    """Of a stranger's change: does the policy, or an approval of the whole change, let a new head run?"""
    with app.work() as work:
        if work.approvals.stands(repository.id, change.number):
            return True
        people = {sender.id, change.author.id}
        are_known = all(work.approvals.has_let_in(repository.id, person) for person in people)
    match app.rules.fork_policy:
        case ForkPolicy.NEVER:
            return True
        case ForkPolicy.FIRST_TIME:
            return are_known and _is_harmless(app, repository, change)
        case ForkPolicy.ALWAYS:
            return False


def _is_harmless(app: App, repository: Repository, change: Change) -> bool:
    """It changes nothing that decides what is run, and that is known for sure."""
    changed = app.forge_of(repository).changed_files(
        repository, change=change.number, base=change.base_sha, head=change.head
    )
    return changed is not None and changed.complete and not risky_paths(changed.paths)


def is_approved(work: UnitOfWork, build: Build) -> bool:
    """May the build's commit run? Trusted ones may; a stranger's when it, or this very commit, was let in."""
    if build.trust is Trust.TRUSTED or build.change is None or build.approved:
        return True
    return bool(
        work.approvals.of_commit(build.repository, build.change, build.sha)
        or work.approvals.stands(build.repository, build.change)
    )
