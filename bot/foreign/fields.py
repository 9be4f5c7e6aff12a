"""Reading JSON of a forge's field by field: what is missing or of the wrong kind is named by its path."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from bot.domain.errors import BadInput, ForgeUnavailable
from bot.domain.refs import Sha, is_zero, sha_of

MAX_ID: Final = 2**63 - 1
MAX_LOGIN: Final = 100
MAX_TITLE: Final = 1024
MAX_LABEL: Final = 200
MAX_REF: Final = 1024
MAX_URL: Final = 2048
MAX_MESSAGE: Final = 65536
_T = TypeVar("_T")


class Incomplete(BadInput):
    """A field that is needed is missing or can't be used; its message is the field's path."""

    def __init__(self, path: str) -> None:
        super().__init__(path or "the whole")


def understood(read: Callable[[], _T]) -> _T:
    """What is read of an answer. Raises: ForgeUnavailable: something that is needed isn't there."""
    try:
        return read()
    except Incomplete as error:
        raise ForgeUnavailable(f"an answer without {error}") from error


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object and where it stands. Every method that isn't a question raises Incomplete."""

    data: Any
    path: str = ""

    def has(self, name: str) -> bool:
        """Is there an object under that name."""
        return isinstance(self._get(name), dict)

    def knows(self, name: str) -> bool:
        """Is there anything but null under that name."""
        return self._get(name) is not None

    def inner(self, name: str) -> "Fields":
        if not self.has(name):
            raise Incomplete(self._at(name))
        return Fields(self._get(name), self._at(name))

    def each(self, name: str) -> Iterator["Fields"]:
        """The objects of a list; nothing when there is no list."""
        found = self._get(name)
        for index, item in enumerate(found if isinstance(found, list) else ()):
            yield Fields(item, f"{self._at(name)}[{index}]")

    def text(self, name: str, limit: int) -> str:
        """Free text, cut to `limit` characters; empty when it is missing. NUL can't be stored and is left out."""
        found = self._get(name)
        return found.replace("\0", "")[:limit] if isinstance(found, str) else ""

    def word(self, name: str, limit: int = MAX_REF) -> str:
        """A name that must be there whole: cut, it would name something else."""
        found = self.text(name, limit + 1)
        if not 0 < len(found) <= limit:
            raise Incomplete(self._at(name))
        return found

    def number(self, name: str) -> int:
        """An id."""
        found = self._get(name)
        if isinstance(found, bool) or not isinstance(found, int) or not 0 < found <= MAX_ID:
            raise Incomplete(self._at(name))
        return found

    def flag(self, name: str, *, default: bool = False) -> bool:
        found = self._get(name)
        return found if isinstance(found, bool) else default

    def sha(self, name: str) -> Sha:
        try:
            return sha_of(self._get(name))
        except BadInput:
            raise Incomplete(self._at(name)) from None

    def is_zero(self, name: str) -> bool:
        """Do zeros stand there for "no commit"."""
        found = self._get(name)
        return isinstance(found, str) and is_zero(found)

    def time(self, name: str) -> datetime | None:
        """ISO 8601, or with `UTC` at its end; in UTC. None for what can't be read or has no zone."""
        found = self._get(name)
        try:
            moment = datetime.fromisoformat(found.replace(" UTC", "+00:00")) if isinstance(found, str) else None
            return moment.astimezone(UTC) if moment and moment.tzinfo else None
        except (ValueError, OverflowError):
            return None

    def _get(self, name: str) -> Any:  # noqa: ANN401  # any JSON
        return self.data.get(name) if isinstance(self.data, dict) else None

    def _at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name
