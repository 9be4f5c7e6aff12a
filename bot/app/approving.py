"""`assay approve`: the operator lets a stranger's build run."""

from bot.app import steering
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
    if build.change is None:
        raise NotAllowed(f"build {build.id} needs no approval")
    repository = steering.repository_of(app, build)
    change = steering.change_of(app, repository, build)
    if change.is_open and (change.head, change.base_ref) != (build.sha, build.base_ref):
        what = app.dialect_of(repository).change
        raise NotAllowed(f"{what} {build.change} has moved on to {change.head} onto {change.base_ref}")
    return steering.approve(app, repository, change, None, actor=actor)
