"""Suites and environments over the API: registered, looked at, changed, removed; each with a scope."""

from collections.abc import Sequence
from typing import Final

from bot.app import access, catalog
from bot.app.catalog import Draft
from bot.app.context import App
from bot.app.queries import Viewer
from bot.domain.catalog import Entry, Kind
from bot.domain.errors import BotError
from bot.domain.tokens import Scope
from bot.ports.store import UnitOfWork

_USERS: Final = (Scope.READ, Scope.WRITE, Scope.SUITES)


class Stale(BotError):
    """Somebody else has changed it since it was read."""

    code = "stale"


class Taken(BotError):
    """Another one has that name."""

    code = "conflict"


def register(app: App, viewer: Viewer, kind: Kind, draft: Draft) -> Entry:
    """Raises: Unauthorized, Forbidden. InvalidSuiteFile, BadInput. Taken."""
    access.require(viewer, Scope.SUITES)
    definition = catalog.checked(app, kind, draft)
    with app.work() as work:
        made = work.catalog.add(kind, app.new_id(), draft.name, definition, viewer.actor)
        if made is None:
            raise Taken(f"there is {_a(kind)} {draft.name}")
        _audit(work, viewer, "register", made)
    return made


def change(app: App, viewer: Viewer, kind: Kind, key: str, seen: int | None, draft: Draft) -> Entry:
    """A new version; the old ones stay. `seen`: the version that the caller read; None: any.

    Raises: Unauthorized, Forbidden, Gone. InvalidSuiteFile, BadInput. Stale. Taken.
    """
    access.require(viewer, Scope.SUITES)
    with app.work() as work:
        before = _still(work.catalog.get(kind, key), seen)
    definition = catalog.checked(app, kind, draft)
    with app.work() as work:
        made = work.catalog.replace(before, draft.name, definition, viewer.actor)
        if made is None:
            _still(work.catalog.get(kind, key), before.version)
            raise Taken(f"there is {_a(kind)} {draft.name}")
        _audit(work, viewer, "change", made)
    return made


def remove(app: App, viewer: Viewer, kind: Kind, key: str, seen: int | None) -> None:
    """Nothing new starts with it; what ran can be run again. Raises: Unauthorized, Forbidden, Gone, Stale."""
    access.require(viewer, Scope.SUITES)
    with app.work() as work:
        before = _still(work.catalog.get(kind, key), seen)
        if not work.catalog.remove(before):
            raise Stale(f"the {kind} has been changed meanwhile")
        _audit(work, viewer, "remove", before)


def entry(reader: App, viewer: Viewer, kind: Kind, key: str, version: int | None = None) -> Entry:
    """Raises: Unauthorized, Forbidden, Gone."""
    _require_use(viewer)
    with reader.work() as work:
        return work.catalog.get(kind, key, version)


def entries(reader: App, viewer: Viewer, kind: Kind, limit: int, after: int) -> Sequence[Entry]:
    """Raises: Unauthorized, Forbidden."""
    _require_use(viewer)
    with reader.work() as work:
        return work.catalog.known(kind, limit, after)


def versions(reader: App, viewer: Viewer, kind: Kind, key: str) -> Sequence[Entry]:
    """Oldest first, also of what was removed. Raises: Unauthorized, Forbidden, Gone."""
    _require_use(viewer)
    with reader.work() as work:
        return work.catalog.versions(kind, key) or [work.catalog.get(kind, key)]


def _still(found: Entry, seen: int | None) -> Entry:
    if seen is not None and found.version != seen:
        raise Stale(f"the {found.kind} has version {found.version} by now")
    return found


def _require_use(viewer: Viewer) -> None:
    """They belong to the whole installation, so no repository says who may see them."""
    if any(viewer.may(scope) for scope in _USERS):
        return
    access.require(viewer, Scope.SUITES)


def _a(kind: Kind) -> str:
    return "an environment" if kind is Kind.ENVIRONMENT else "a suite"


def _audit(work: UnitOfWork, viewer: Viewer, action: str, made: Entry) -> None:
    work.audit.add(
        repository=None,
        actor=viewer.actor,
        action=f"{action} {made.kind}",
        subject=f"{made.kind}:{made.id}",
        detail=f"{made.name} version {made.version}",
    )
