"""A line of terminal output as HTML: colours become classes, everything else that a terminal obeys is dropped.

What comes out has no control characters and only balanced `<span class>` and `<a href>` tags (RELIABILITY S089–S091).
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby
from typing import Final, Protocol


@dataclass(frozen=True, slots=True)
class Style:
    """How following text looks. Colours are numbers of the 16-colour palette, -1 the default."""

    fore: int = -1
    back: int = -1
    marks: frozenset[str] = field(default_factory=frozenset)
    """Classes: b bold, d dim, i italic, u underline, s struck out, v inverse."""


PLAIN: Final = Style()

_TOKEN: Final = re.compile(
    r"""(?x)
      (?:\x1b\[|\x9b) (?P<params>[0-?]*) [ -/]* (?P<final>[@-~])                       # CSI
    | (?:\x1b\]|\x9d) (?P<osc>[^\x07\x1b\x9c]*) (?:\x07|\x1b\\|\x9c|(?=\x1b)|\Z)        # OSC: titles, links, clipboard
    | (?:\x1b[PX^_]|[\x90\x98\x9e\x9f]) [^\x1b\x9c]* (?:\x1b\\|\x9c|(?=\x1b)|\Z)        # DCS, SOS, PM, APC
    | (?:\x1b\[|\x9b) [0-?]* [ -/]*                                                    # a CSI that never ends
    | \x1b [ -/]* [0-~]?
    | (?P<move>[\r\b])
    | [\x00-\x07\x0a-\x1f\x7f-\x9f]
    """
)
_SPECIAL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_REDRAWS: Final = re.compile(r"[\r\b]|(?:\x1b\[|\x9b)[0-9]*[KG]")
_BIDI: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_COLOURS: Final = re.compile(r"[0-9;:]*")
_WEB: Final = re.compile(r"https?://", re.IGNORECASE)


def render(line: str, style: Style = PLAIN) -> tuple[str, Style]:
    """One line without its newline; gives the HTML and the style that the next line begins with."""
    line = _BIDI.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", line)
    if not _SPECIAL.search(line):
        return _tagged(line, style, ""), style
    screen: _Screen = _Cells() if _REDRAWS.search(line) else _Pieces()
    link, at = "", 0
    for token in _TOKEN.finditer(line):
        screen.put(line[at : token.start()], style, link)
        at = token.end()
        if token["final"] == "m":
            style = restyled(style, token["params"])
        elif token["osc"] is not None:
            link = _link(token["osc"], link)
        else:
            screen.obey(token["move"] or token["final"] or "", token["params"] or "")
    screen.put(line[at:], style, link)
    return "".join(_tagged(*piece) for piece in screen.pieces()), style


def style_after(data: bytes, style: Style = PLAIN) -> Style:
    """The style that text after these bytes begins with."""
    for found in re.finditer(rb"\x1b\[([0-9;:]*)m", data):
        style = restyled(style, found[1].decode("ascii"))
    return style


class _Screen(Protocol):
    def put(self, text: str, style: Style, link: str) -> None: ...

    def obey(self, what: str, params: str) -> None: ...

    def pieces(self) -> Iterator[tuple[str, Style, str]]: ...


class _Pieces:
    """A line that is written from left to right."""

    def __init__(self) -> None:
        self._pieces: list[tuple[str, Style, str]] = []

    def put(self, text: str, style: Style, link: str) -> None:
        if text:
            self._pieces.append((text, style, link))

    def obey(self, what: str, params: str) -> None:
        """Nothing here moves."""

    def pieces(self) -> Iterator[tuple[str, Style, str]]:
        for (style, link), group in groupby(self._pieces, key=lambda piece: piece[1:]):
            yield "".join(piece[0] for piece in group), style, link


class _Cells:
    """A line that is redrawn: what a terminal would show at its end (carriage return, backspace, erase in line)."""

    def __init__(self) -> None:
        self._cells: list[tuple[str, Style, str]] = []
        self._cursor = 0

    def put(self, text: str, style: Style, link: str) -> None:
        missing = self._cursor - len(self._cells)
        self._cells += [(" ", PLAIN, "")] * missing
        self._cells[self._cursor : self._cursor + len(text)] = [(char, style, link) for char in text]
        self._cursor += len(text)

    def obey(self, what: str, params: str) -> None:
        if what == "\r" or (what == "G" and params in ("", "0", "1")):
            self._cursor = 0
        elif what == "\b":
            self._cursor = max(self._cursor - 1, 0)
        elif what == "K":
            self._erase(params)

    def _erase(self, params: str) -> None:
        if params in ("", "0"):
            del self._cells[self._cursor :]
        elif params == "1":
            count = min(self._cursor, len(self._cells))
            self._cells[:count] = [(" ", PLAIN, "")] * count
        elif params == "2":
            self._cells.clear()

    def pieces(self) -> Iterator[tuple[str, Style, str]]:
        for (style, link), group in groupby(self._cells, key=lambda cell: cell[1:]):
            yield "".join(cell[0] for cell in group), style, link


def _tagged(text: str, style: Style, link: str) -> str:
    if not text:
        return ""
    shown = html.escape(text, quote=False)
    if style != PLAIN:
        shown = f'<span class="{_classes(style)}">{shown}</span>'
    if link:
        shown = f'<a class="out" href="{html.escape(link)}" rel="nofollow noopener noreferrer">{shown}</a>'
    return shown


@lru_cache(maxsize=1024)
def _classes(style: Style) -> str:
    words = [f"f{style.fore}"] if style.fore >= 0 else []
    words += [f"g{style.back}"] if style.back >= 0 else []
    return " ".join(words + sorted(style.marks))


def _link(osc: str, link: str) -> str:
    """OSC 8 begins a link to an address, or ends it with an empty one; every other OSC changes nothing."""
    kind, _, rest = osc.partition(";")
    if kind != "8":
        return link
    address = _SPECIAL.sub("", rest.partition(";")[2])
    return address if _WEB.match(address) and len(address) <= 2000 else ""  # noqa: PLR2004  # what browsers take


@lru_cache(maxsize=4096)
def restyled(style: Style, params: str) -> Style:
    """After `CSI params m`. Unknown codes, also private ones, change nothing."""
    if not _COLOURS.fullmatch(params):
        return style
    codes = iter(params.replace(":", ";").split(";") if "::" not in params else params.replace("::", ";").split(";"))
    for code in codes:
        style = _obeyed(style, _number(code), codes)
    return style


_ON: Final = {1: "b", 2: "d", 3: "i", 4: "u", 7: "v", 9: "s", 21: "u"}
_OFF: Final = {22: "bd", 23: "i", 24: "u", 27: "v", 29: "s"}


def _obeyed(style: Style, code: int, rest: Iterator[str]) -> Style:
    if code == 0:
        return PLAIN
    if code in _ON:
        return replace(style, marks=style.marks | {_ON[code]})
    if code in _OFF:
        return replace(style, marks=style.marks - set(_OFF[code]))
    if code in (38, 48):
        colour = _extended(rest)
        return replace(style, fore=colour) if code == 38 else replace(style, back=colour)  # noqa: PLR2004  # ECMA-48
    return _coloured(style, code)


def _coloured(style: Style, code: int) -> Style:
    tens, colour = divmod(code, 10)
    match tens:
        case 3 | 9 if colour < 8:  # noqa: PLR2004  # eight colours
            return replace(style, fore=colour + (8 if tens == 9 else 0))  # noqa: PLR2004
        case 4 | 10 if colour < 8:  # noqa: PLR2004
            return replace(style, back=colour + (8 if tens == 10 else 0))  # noqa: PLR2004
        case 3 if colour == 9:  # noqa: PLR2004  # the default colour
            return replace(style, fore=-1)
        case 4 if colour == 9:  # noqa: PLR2004
            return replace(style, back=-1)
        case _:
            return style


def _extended(codes: Iterator[str]) -> int:
    """`5;N` of 256 colours or `2;R;G;B`, as the nearest of the 16."""
    match _number(next(codes, "")):
        case 5:
            return _of_256(_number(next(codes, "")))
        case 2:
            red, green, blue = (min(_number(next(codes, "")), 255) for _ in range(3))
            return _nearest(red, green, blue)
        case _:
            return -1


def _number(text: str) -> int:
    """0 for nothing; 999, which means nothing, for what is too long to mean anything."""
    return int(text or 0) if len(text) <= 3 else 999  # noqa: PLR2004


_PALETTE: Final = (
    *((0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229)),
    *((127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255)),
    (255, 255, 255),
)
"""xterm's."""
_CUBE: Final = (0, 95, 135, 175, 215, 255)


def _of_256(number: int) -> int:
    if number < 16:  # noqa: PLR2004  # the palette itself
        return number
    if number < 232:  # noqa: PLR2004  # a cube of 6 × 6 × 6
        rest = number - 16
        return _nearest(_CUBE[rest // 36], _CUBE[rest // 6 % 6], _CUBE[rest % 6])
    grey = 8 + 10 * (min(number, 255) - 232)
    return _nearest(grey, grey, grey)


@lru_cache(maxsize=4096)
def _nearest(red: int, green: int, blue: int) -> int:
    def distance(number: int) -> int:
        r, g, b = _PALETTE[number]
        return (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2

    return min(range(16), key=distance)
