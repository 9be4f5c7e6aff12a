"""Letting a stranger's change run: bound to the full commit id of its present head (DESIGN §2.10)."""

from bot.app import starting
from bot.app.context import App
from bot.domain.errors import NotAllowed
from bot.domain.runs import Build, BuildId


def approve(app: App, build_id: BuildId, *, actor: str) -> Build:
    """Approve one build; `actor` names who did it in the audit.

    Raises:
        Gone: no such build. NotAllowed: it doesn't wait, its change is closed, or its head has moved on.
    """
    with app.work() as work:
        build = work.builds.get(build_id)
        repository = work.repositories.get(build.repository)
    if build.change is None:
        raise NotAllowed(f"build {build.id} needs no approval")
    change = app.forge_of(repository).change(repository, build.change)
    if not change.is_open:
        raise NotAllowed(f"pull request {build.change} is closed")
    if (change.head, change.base_ref) != (build.sha, build.base_ref):
        raise NotAllowed(f"pull request {build.change} has moved on to {change.head} onto {change.base_ref}")
    with app.work() as work:
        if not starting.approve(app, work, build):
            raise NotAllowed(f"build {build.id} does not wait for an approval")
        work.audit.add(actor=actor, action="approve", subject=f"build:{build.id}", detail=build.sha)
    return build
