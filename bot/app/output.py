"""What a suite prints on its way to people: masked, grouped, and no more than its limit (cases C37)."""

from collections.abc import Callable, Iterable

from bot.app.grouping import Groups, Mark, Marks
from bot.domain.masking import Masker
from bot.domain.runs import Group
from bot.domain.texts import size


class Output:
    def __init__(
        self,
        put: Callable[[bytes], None],
        monotonic: Callable[[], float],
        *,
        limit: int,
        room: int | None = None,
        length: int = 0,
    ) -> None:
        """`put` takes what may be seen, in order; `length`: bytes that are in the log already.

        `room`: bytes that are left of the limit; None: all.
        """
        self._put_on, self._monotonic = put, monotonic
        self._limit, self._room = limit, limit if room is None else max(room, 0)
        self._length = length
        self._at_line_start = True
        self._masker = Masker(())
        self._marks: Marks | None = None
        self._groups = Groups()
        self.is_full = False

    def expect(self, secrets: Iterable[str], marks: Marks | None) -> None:
        """Secrets never show, and marks become groups; called before the first output of an attempt."""
        self._masker, self._marks, self._groups = Masker(secrets), marks, Groups()

    @property
    def groups(self) -> tuple[Group, ...]:
        return self._groups.so_far

    def write(self, data: bytes) -> bool:
        """Output exactly as it comes, but for marks; cut at the limit, with a last line that says so.

        False: the limit is reached, and from now on nothing is kept.
        """
        for piece in self._marks.feed(data) if self._marks else (data,):
            if self.is_full:
                break
            if isinstance(piece, Mark):
                self._begin(piece)
            else:
                self._write(piece)
        return not self.is_full

    def note(self, words: str) -> None:
        """A line of our own, on a line of its own."""
        self._settle()
        self._put(self._masker.feed(f"\n[assay] {words}\n".encode()) + self._masker.flush())

    def begin_again(self, words: str) -> None:
        """With that note; another attempt gets as much room as the one before had."""
        self.note(words)
        self._room = max(self._room, 0) + self._limit

    def end(self, code: int | None = None) -> None:
        """Nothing of the suite follows: what may have been the start of a secret or of a mark is none."""
        self._settle()
        self._groups.end(code, self._monotonic())

    def _begin(self, mark: Mark) -> None:
        self._put(self._masker.flush())
        if not self._at_line_start:
            self._put(b"\n")
        self._groups.begin(mark, self._length, self._monotonic())

    def _write(self, data: bytes) -> None:
        data = self._masker.feed(data)
        self._put(data[: self._room])
        self._room -= len(data)
        if self._room < 0:
            self.is_full = True
            self.note(
                f"The log reached its limit of {size(self._limit)}; the suite was stopped and the rest is not kept."
            )

    def _settle(self) -> None:
        if self._marks and (rest := self._marks.rest()) and not self.is_full:
            self._write(rest)
        self._put(self._masker.flush())

    def _put(self, data: bytes) -> None:
        if data:
            self._length += len(data)
            self._at_line_start = data.endswith(b"\n")
            self._put_on(data)
