"""What a build tests: its commit, or a change's head merged onto its target's tip (BEHAVIOUR §4)."""

from dataclasses import replace

import structlog

from bot.app.context import App
from bot.domain.dialect import Dialect
from bot.domain.errors import SourceRefused
from bot.domain.refs import Repository
from bot.domain.runs import Build, Cause, Merge
from bot.ports.source import Wanted

log = structlog.get_logger()


def merged(app: App, repository: Repository, draft: Build) -> Build:
    """The build of the head merged onto the tip that the target has now; made anew for every build of a change.

    What can't be merged for another reason than a conflict is left to the runs, which say why they could not start.
    Raises: Unavailable.
    """
    if draft.change is None or not draft.base_ref:
        return draft
    forge = app.forge_of(repository)
    base = forge.commit(repository, draft.base_ref).sha
    draft = replace(draft, base_sha=base, merge=Merge(base=base))
    try:
        merge = app.source.merge(wanted_of(draft, forge.dialect), lambda: forge.access(repository), lambda: False)
    except SourceRefused as error:
        log.warning("merge.refused", sha=draft.sha, base=base, error=str(error))
        return draft
    return replace(draft, merge=merge)


def wanted_of(build: Build, dialect: Dialect) -> Wanted:
    wanted = Wanted(repository=build.repository, sha=build.sha, refs=_refs(build, dialect))
    if build.merge is None:
        return wanted
    base = Wanted(repository=build.repository, sha=build.merge.base, refs=(f"refs/heads/{build.base_ref}",))
    return replace(wanted, onto=base)


def _refs(build: Build, dialect: Dialect) -> tuple[str, ...]:
    if build.change is not None:
        return (dialect.head_ref.format(build.change),)
    return (f"refs/tags/{build.ref}",) if build.cause is Cause.TAG else (f"refs/heads/{build.ref}",)
