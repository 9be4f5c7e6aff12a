"""XML as a stream of events, without the parts of it that only do harm.

No document type, so no entities and nothing from outside; no deep nesting; pieces of a bounded size. The encoding is
found here, because tools lie about it (cases C70).
"""

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NoReturn
from xml.parsers import expat

from bot.app.results import Content, Unreadable

PIECE: Final = 1 << 20
"""Expat looks at a long token anew with every piece, so pieces are large."""
DEPTH_MAX: Final = 100
_HEAD: Final = 256
_DECLARED: Final = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_CODECS: Final = re.compile(r"utf-?(8|16)|us-?ascii|ascii|iso-?8859|latin|cp?\d|windows|koi8|euc|gb|big5|shift|mac")
_FORBIDDEN: Final = dict.fromkeys([*(n for n in range(32) if n not in (9, 10, 13)), 0xFFFE, 0xFFFF], "\ufffd")
_REFERENCES: Final = re.compile(
    r"&#(?:x0*(?:[0-8bcef]|1[0-9a-f]|fff[ef])|0*(?:[0-8]|1[124-9]|2[0-9]|3[01]));", re.IGNORECASE
)
"""To characters that XML does not have; tools write them for the colours of a terminal."""
_CUT_REFERENCE: Final = re.compile(r"&#?[x0-9a-fA-F]{0,12}\Z")

Start = Callable[[str, Mapping[str, str]], None]


class Events:
    """What a reader wants to hear; names are without their prefixes."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        raise NotImplementedError

    def end(self, name: str) -> None:
        raise NotImplementedError

    def text(self, text: str) -> None:
        """In pieces."""


def feed(content: Content, events: Events) -> Iterator[None]:
    """Tell the events piece by piece; one step of the iterator is one piece.

    Raises:
        Unreadable: not XML, cut off, or a form of it that is refused.
    """
    parser = _parser(events)
    nothing = True
    try:
        for text in _texts(content):
            nothing = nothing and not text.strip()
            parser.Parse(text.encode("utf-8", "replace"), False)
            yield
        if nothing:
            raise Unreadable("it is empty")
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        words = expat.ErrorString(error.code) or "not XML"
        if error.code in _CUT_OFF:
            words = "it ends too early"
        raise Unreadable(f"{words} (line {error.lineno})") from error
    yield


_CUT_OFF: Final = frozenset(
    expat.errors.codes[words]
    for words in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
)


def _parser(events: Events) -> expat.XMLParserType:
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    depth = 0

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEPTH_MAX:
            raise Unreadable(f"its elements are nested deeper than {DEPTH_MAX}")
        events.start(name.rpartition(":")[2], attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        events.end(name.rpartition(":")[2])

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = events.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _refuse_doctype(*_: object) -> NoReturn:
    raise Unreadable("it has a document type, which is refused")


def _texts(content: Content) -> Iterator[str]:
    """The whole as characters that XML may have; what can't be decoded is replaced."""
    head = content.read(PIECE)
    decoder = codecs.getincrementaldecoder(_encoding(head))(errors="replace")
    is_first, rest = True, ""
    piece = head
    while piece:
        text = rest + decoder.decode(piece)
        if is_first:
            text = text.lstrip("\ufeff \t\r\n")
            is_first = not text
        cut = _CUT_REFERENCE.search(text)
        text, rest = (text[: cut.start()], cut.group()) if cut else (text, "")
        yield _REFERENCES.sub("\ufffd", text.translate(_FORBIDDEN))
        piece = content.read(PIECE)
    yield (rest + decoder.decode(b"", True)).translate(_FORBIDDEN)


def _encoding(head: bytes) -> str:
    for mark, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if head.startswith(mark):
            return name
    start = head[:_HEAD].lstrip(b" \t\r\n")
    if start.startswith((b"<\0", b"\0<")):
        return "utf-16-le" if start.startswith(b"<\0") else "utf-16-be"
    declared = _DECLARED.match(start)
    name = declared.group(1).decode().lower() if declared else ""
    try:
        return codecs.lookup(name).name if _CODECS.match(name) and "16" not in name else "utf-8"
    except LookupError:
        return "utf-8"
