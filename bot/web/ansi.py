"""A line of terminal output as HTML: colours become classes, everything else that a terminal obeys is dropped.

What comes out has no control characters and only balanced `<span class>` and `<a href>` tags
(RELIABILITY S089 to S091).
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
    | (?:\x1b\]|\x9d) (?P<osc>[^\x07\x1b\x9c]*) (?:\x07|\x1b\\|\x9c|(?=\x1b)|\Z)        # OSC: titles, links, …
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
_HIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_COLOURS: Final = re.compile(r"[0-9;:]*")
_WEB: Final = re.compile(r"https?://", re.IGNORECASE)


def render(line: str, style: Style = PLAIN) -> tuple[str, Style]:
    """One line without its newline; gives the HTML and the style that the next line begins with."""
    line = _BIDI.sub(_code_point, line)
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


def visible(text: str) -> str:
    """Words from elsewhere, with every control and every turn of direction shown (RELIABILITY S024)."""
    return _HIDDEN.sub(_code_point, text)


def _code_point(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found[0]):04X}⟩"


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
        self._cells[self._cursor : self._cursor + len(text)] = [(char, style, link) for char in text]
        self._cursor += len(text)

    def obey(self, what: str, params: str) -> None:
        if what == "\r" or (what == "G" and params in ("", "0", "1")):
            self._cursor = 0
        elif what == "\b":
            self._cursor = max(self._cursor - 1, 0)
        elif what == "K" and params in ("", "0"):
            del self._cells[self._cursor :]
        elif what == "K" and params == "2":
            # The cursor would stay, but a carriage return always goes with it.
            self._cells.clear()
            self._cursor = 0

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
    return address if _WEB.match(address) else ""


@lru_cache(maxsize=4096)
def restyled(style: Style, params: str) -> Style:
    """After `CSI params m`. Unknown codes, also private ones, change nothing."""
    if not _COLOURS.fullmatch(params):
        return style
    codes = _codes(params)
    for code in codes:
        style = _obeyed(style, _number(code), codes)
    return style


def _codes(params: str) -> Iterator[str]:
    """Colons join what belongs together (ITU T.416): `38:2::R:G:B`, `4:3`."""
    for param in params.split(";"):
        code, *more = param.split(":")
        yield "24" if (code, more) == ("4", ["0"]) else code
        if code in ("38", "48"):
            yield from more[:1] + more[-3:] if more[:1] == ["2"] else more


_ON: Final = {1: "b", 2: "d", 3: "i", 4: "u", 7: "v", 9: "s", 21: "u"}
_OFF: Final = {22: "bd", 23: "i", 24: "u", 27: "v", 29: "s"}
_FORE: Final = {39: -1, **{30 + n: n for n in range(8)}, **{90 + n: 8 + n for n in range(8)}}
_BACK: Final = {49: -1, **{40 + n: n for n in range(8)}, **{100 + n: 8 + n for n in range(8)}}
_FORE_EXTENDED: Final = 38
_BACK_EXTENDED: Final = 48


def _obeyed(style: Style, code: int, rest: Iterator[str]) -> Style:
    if code == 0:
        return PLAIN
    if code in _ON or code in _OFF:
        return replace(style, marks=(style.marks - set(_OFF.get(code, ""))) | set(_ON.get(code, "")))
    if code in _FORE or code == _FORE_EXTENDED:
        return replace(style, fore=_FORE[code] if code in _FORE else _extended(rest))
    if code in _BACK or code == _BACK_EXTENDED:
        return replace(style, back=_BACK[code] if code in _BACK else _extended(rest))
    return style


def _extended(codes: Iterator[str]) -> int:
    """`5;N` of 256 colours or `2;R;G;B`, as the nearest of the 16."""
    match _number(next(codes, "")):
        case 5:
            number = _number(next(codes, ""))
            return _OF_256[number] if number < len(_OF_256) else -1
        case 2:
            red, green, blue = (min(_number(next(codes, "")), 255) for _ in range(3))
            return _nearest(red, green, blue)
        case _:
            return -1


def _number(text: str) -> int:
    """0 for nothing; 999, which means nothing, for what is too long to mean anything."""
    return int(text[:4] or 0) if not text[3:] else 999


@lru_cache(maxsize=4096)
def _nearest(red: int, green: int, blue: int) -> int:
    def distance(number: int) -> int:
        r, g, b = _PALETTE[number]
        return (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2

    return min(range(16), key=distance)


_PALETTE: Final = (
    *((0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229)),
    *((127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255)),
    (255, 255, 255),
)
"""xterm's."""
_CUBE: Final = (0, 95, 135, 175, 215, 255)
_OF_256: Final = (
    *range(16),
    *(_nearest(red, green, blue) for red in _CUBE for green in _CUBE for blue in _CUBE),
    *(_nearest(grey, grey, grey) for grey in range(8, 248, 10)),
)
