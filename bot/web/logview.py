"""A log as lines of HTML, piece by piece, whatever its size (PRODUCT §2.8)."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from bot.domain.runs import Group
from bot.domain.texts import size as size_words
from bot.web.ansi import PLAIN, Style, render, style_after

LINE: Final = 64 * 1024
"""Bytes of one line that are shown (cases C37)."""
BLOCK: Final = 1000
"""Lines in one `<pre>`."""
_WHOLE_LINES: Final = 50_000
_WHOLE_BYTES: Final = 8 << 20
_HEAD_LINES: Final = 1000
_HEAD_BYTES: Final = 512 * 1024
_TAIL_LINES: Final = 20_000
_PIECE: Final = 256 * 1024
_LOOK_BACK: Final = 256 * 1024
"""How far colours are looked for before a place where reading starts."""

Read = Callable[[int, int], bytes]
"""(offset, limit) → bytes of the log."""


class LogView:
    """Feed it the bytes in order; it gives complete lines."""

    def __init__(self, offset: int = 0, number: int = 1, style: Style = PLAIN) -> None:
        self.number = number
        """Of the line that is open."""
        self.fed = offset
        """Where what was fed ends."""
        self._style = style
        self._line = _Line()

    @property
    def offset(self) -> int:
        """Where the open line begins: reading can be taken up from there."""
        return self.fed - self._line.size

    def feed(self, data: bytes) -> Iterator[str]:
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._line.add(piece)
            shown, self._style = self._line.shown(self._style)
            self.fed += len(piece) + 1
            self._line = _Line()
            yield _numbered(self.number, shown)
            self.number += 1
        self._line.add(rest)
        self.fed += len(rest)

    def rest(self) -> str:
        """The open line as it is so far, "" when nothing of it is there."""
        return _numbered(self.number, self._line.shown(self._style)[0]) if self._line.size else ""


class _Line:
    """A line that may be far too long: its first and its last 64 KiB."""

    __slots__ = ("_head", "_tail", "size")

    def __init__(self) -> None:
        self._head = self._tail = b""
        self.size = 0

    def add(self, data: bytes) -> None:
        self.size += len(data)
        room = LINE - len(self._head)
        self._head += data[:room]
        if len(data) > room:
            self._tail = (self._tail + data[room:])[-LINE:]

    def shown(self, style: Style) -> tuple[str, Style]:
        """A progress bar shows its last state; any other long line its beginning, and how much is left out."""
        if not self._tail:
            return render(_text(self._head), style)
        if b"\r" in self._tail.rstrip(b"\r"):
            _, _, last = self._tail.partition(b"\r")
            return render(_text(last), style_after(self._head, style))
        begin, style = render(_text(self._head), style)
        return f'{begin} <span class="cut">… {size_words(self.size - LINE)} of this line left out</span>', style


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "replace")


def _numbered(number: int, shown: str) -> str:
    return f'<a id="L{number}" href="#L{number}" data-n="{number}" aria-label="{number}"></a>{shown}\n'


def view_at(read: Read, offset: int) -> LogView:
    """A view that goes on at a place that is no line's middle."""
    number = 1 + sum(piece.count(b"\n") for piece in _pieces(read, 0, offset))
    return LogView(offset, number, _style_at(read, offset))


def _style_at(read: Read, offset: int) -> Style:
    start = max(offset - _LOOK_BACK, 0)
    return style_after(b"".join(_pieces(read, start, offset)))


@dataclass(frozen=True, slots=True)
class Gap:
    kind: ClassVar[str] = "gap"
    lines: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Fold:
    """What follows belongs to a group."""

    kind: ClassVar[str] = "fold"
    group: Group
    is_last: bool


@dataclass(frozen=True, slots=True)
class Unfold:
    """The group ends."""

    kind: ClassVar[str] = "unfold"


Part = Gap | Fold | Unfold | str
"""A text is a block of HTML lines."""


class ShownLog:
    """What a page shows of the first `size` bytes; read once, from front to back, while the page is sent."""

    def __init__(self, read: Read, size: int, groups: Sequence[Group] = ()) -> None:
        self._read, self._size = read, size
        self._groups = deque(groups)
        self._is_folded = False
        self.view = LogView()
        """After `parts`: where to go on, and the line that is open."""

    def parts(self) -> Iterator[Part]:
        """Blocks of HTML lines, where groups begin and end, and a gap where much is left out.

        The open line is not among them. Groups that lie in the gap follow it, empty.
        """
        index = _Index(self._read, self._size)
        if index.lines > _WHOLE_LINES or self._size > _WHOLE_BYTES:
            yield from self._head_and_gap(index)
        yield from self._grouped(self._size)
        if self._is_folded:
            yield Unfold()

    def _grouped(self, end: int) -> Iterator[Part]:
        while self._groups and self._groups[0].offset <= end:
            group = self._groups.popleft()
            yield from self._blocks(group.offset)
            if self._is_folded:
                yield Unfold()
            yield Fold(group, is_last=not self._groups)
            self._is_folded = True
        yield from self._blocks(end)

    def _head_and_gap(self, index: "_Index") -> Iterator[Part]:
        head_end = min(index.after_line(_HEAD_LINES), _HEAD_BYTES)
        tail_start = max(
            index.after_line(index.lines - _TAIL_LINES), index.after_offset(self._size - _WHOLE_BYTES), head_end
        )
        yield from self._grouped(head_end)
        if rest := self.view.rest():
            yield rest
        number = index.line_at(tail_start)
        yield Gap(max(number - self.view.number, 0), tail_start - head_end)
        self.view = LogView(tail_start, number, _style_at(self._read, tail_start))

    def _blocks(self, end: int) -> Iterator[str]:
        lines: list[str] = []
        for piece in _pieces(self._read, self.view.fed, end):
            for line in self.view.feed(piece):
                lines.append(line)
                if len(lines) == BLOCK:
                    yield "".join(lines)
                    lines.clear()
        if lines:
            yield "".join(lines)


def _pieces(read: Read, start: int, end: int) -> Iterator[bytes]:
    while start < end and (piece := read(start, min(_PIECE, end - start))):
        yield piece
        start += len(piece)


class _Index:
    """Finds lines in a log by counting its newlines once."""

    def __init__(self, read: Read, size: int) -> None:
        self._read, self._size = read, size
        self._pieces: list[tuple[int, int, int]] = []
        """(start, end, newlines) of each piece."""
        at = 0
        for piece in _pieces(read, 0, size):
            self._pieces.append((at, at + len(piece), piece.count(b"\n")))
            at += len(piece)
        self.lines = sum(count for _, _, count in self._pieces)

    def after_line(self, line: int) -> int:
        """Where the line after this many lines begins."""
        for start, end, count in self._pieces:
            if line <= count:
                piece, at = b"".join(_pieces(self._read, start, end)), 0
                for _ in range(max(line, 0)):
                    at = piece.index(b"\n", at) + 1
                return start + at
            line -= count
        return self._size

    def line_at(self, offset: int) -> int:
        """The number of the line that holds this place."""
        whole = [(end, count) for _, end, count in self._pieces if end <= offset]
        start = whole[-1][0] if whole else 0
        rest = sum(piece.count(b"\n") for piece in _pieces(self._read, start, offset))
        return 1 + sum(count for _, count in whole) + rest

    def after_offset(self, offset: int) -> int:
        """Where the first line begins that begins not before this place; the place itself in an endless line."""
        if offset <= 0:
            return 0
        return offset + self._read(offset, _PIECE).find(b"\n") + 1
