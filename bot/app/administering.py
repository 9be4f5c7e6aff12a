"""Who looks after a repository here: operators, and whoever is an admin of it at its forge."""

from bot.app import queries
from bot.app.access import Forbidden
from bot.app.context import App
from bot.app.queries import Viewer
from bot.domain.errors import ForgeUnavailable, Gone, NotAllowed, Refused
from bot.domain.refs import ForgeName, Repository
from bot.domain.tokens import Scope
from bot.ports.forge import Permission


def is_shown(app: App, viewer: Viewer, repository: Repository) -> bool:
    """Whether to lead there; what is done is checked anew at the forge."""
    if viewer.may(Scope.REPOSITORIES):
        return True
    try:
        return queries.permission(app, viewer, repository) >= Permission.ADMIN
    except ForgeUnavailable:
        return False


def look(app: App, viewer: Viewer, forge: ForgeName, path: str, least: Permission = Permission.ADMIN) -> Repository:
    """The repository, for one who looks after it, or may do at least that much with it.

    Raises: Gone: nothing there, or not for the viewer. Forbidden: only for reading. ForgeUnavailable.
    """
    with app.work() as work:
        found = work.repositories.find(forge, path)
    if found is None or not queries.may_read(app, viewer, found):
        raise Gone("there is nothing here")
    if not viewer.may(Scope.REPOSITORIES) and queries.permission(app, viewer, found) < least:
        raise Forbidden(_WORDS[least])
    return found


def act(app: App, viewer: Viewer, forge: ForgeName, path: str, least: Permission = Permission.ADMIN) -> Repository:
    """As `look`, with rights as they are at the forge now."""
    found = look(app, viewer, forge, path, least)
    if viewer.may(Scope.REPOSITORIES):
        return found
    try:
        person = viewer.person
        may = person is not None and app.forge_of(found).permission(found, person) >= least
    except (Gone, NotAllowed, Refused):
        may = False
    if not may:
        raise Forbidden(_WORDS[least])
    return found


_WORDS = {
    Permission.WRITE: "this is for people with write access to the repository",
    Permission.ADMIN: "this is for admins of the repository",
}
