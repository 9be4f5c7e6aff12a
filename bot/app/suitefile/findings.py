"""Where the problems of a suite file are gathered until all are known."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from typing import Final, NoReturn

from bot.domain.errors import InvalidSuiteFile, Problem
from bot.domain.texts import one_line

MOST: Final = 100
"""Problems after which the reading stops: nobody needs more, and a hostile file must not cost more."""


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line, counted from 1; `end_column` is one past its last character."""

    line: int
    column: int
    end_column: int


START: Final = Place(1, 1, 2)


class Findings:
    def __init__(
        self, path: str, lines: int, later: AbstractSet[str] = frozenset(), today: date | None = None
    ) -> None:
        """For a text of so many lines; `later`: keys refused although the format has them, as in `keys.LATER`.

        `today`: what dates in the file are compared with; None: with nothing.
        """
        self._path = path
        self._lines = lines
        self.later = later
        self.today = today
        self._problems: dict[Problem, None] = {}

    def add(self, code: str, place: Place, message: str, help: str = "") -> None:  # noqa: A002  # as in Problem
        """The same problem of several cells counts once."""
        if place.line > self._lines:  # YAML's parsers put what is missing at the end one line past it
            place = Place(self._lines, 1, 2)
        self._problems[Problem(code, place.line, place.column, message, help, place.end_column)] = None
        if len(self._problems) >= MOST:
            self._raise()

    def stop(self, code: str, place: Place, message: str, help: str = "") -> NoReturn:  # noqa: A002  # as above
        """For a problem after which the rest can't be understood."""
        self.add(code, place, message, help)
        self._raise()

    def forget(self) -> None:
        """For a reading that begins anew."""
        self._problems.clear()

    @property
    def count(self) -> int:
        return len(self._problems)

    def raise_if_any(self) -> None:
        if self._problems:
            self._raise()

    def _raise(self) -> NoReturn:
        raise InvalidSuiteFile(self._path, sorted(self._problems, key=lambda one: (one.line, one.column)))


def quoted(text: str) -> str:
    """Somebody else's words inside a message: short, on one line, nothing a terminal would act upon."""
    return f'"{one_line(text, 60)}"'
