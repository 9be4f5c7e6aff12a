"""What people may do with repositories, remembered for a short time: for looking only, never for acting."""

import threading
from typing import Final

from bot.domain.refs import Person, Repository, RepositoryId
from bot.ports.forge import Forge, Permission

_SECONDS: Final = 45.0
"""What somebody may no longer see is gone for them within a minute (RELIABILITY S116, S122)."""
_MOST: Final = 20_000


class KnownRights:
    def __init__(self) -> None:
        self._known: dict[tuple[RepositoryId, int], tuple[float, Permission]] = {}
        self._lock = threading.Lock()

    def of(self, forge: Forge, repository: Repository, person: Person, now: float) -> Permission:
        """`now`: of a monotonic clock, in seconds. Raises: what `Forge.permission` raises."""
        key = (repository.id, person.id)
        with self._lock:
            asked, permission = self._known.get(key, (-_SECONDS, Permission.NONE))
        if now - asked < _SECONDS and key in self._known:
            return permission
        permission = forge.permission(repository, person)
        with self._lock:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[key] = (now, permission)
        return permission
