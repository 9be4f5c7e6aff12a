"""YAML text as a tree of nodes with positions, where every scalar stays the text that was written (PRODUCT §2.7).

YAML's events are read one by one and the tree is built from them here, so that no rule of YAML's guesses a type, no
alias is ever followed, and the work ends where the limits say.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import yaml

from bot.app.suitefile.findings import START, Findings, Place, quoted
from bot.app.suitefile.syntax import explain

LIMIT: Final = 256 * 1024
LEVELS: Final = 20
NODES: Final = 10_000

_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_FORBIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff]"
    "|\r(?!\n)|[\u2028\u2029]"  # YAML counts these as line ends, editors and forges do not
    "|[\u202a-\u202e\u2066-\u2069]"  # turn the writing direction: a reviewer would not see what runs
)
_UNUSABLE: Final = re.compile("[\x00\ud800-\udfff]")
PLACEHOLDER: Final = "${{"


@dataclass(frozen=True, slots=True)
class Text:
    value: str
    place: Place
    plain: bool = True
    """Written without quotes and not as a block."""
    placeholder: Place | None = None
    """Where its first `${{` stands; whoever reads the text says whether one may."""


@dataclass(frozen=True, slots=True)
class Items:
    nodes: tuple["Node", ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Mapping:
    entries: tuple[tuple[Text, "Node"], ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Broken:
    """Something that has its problem already; nothing more is said about it."""

    place: Place


Node = Text | Items | Mapping | Broken


def read(data: bytes, found: Findings) -> Node:
    """The tree of the file's one document; the problems go to `found`.

    Raises:
        InvalidSuiteFile: when reading on makes no sense.
    """
    text = _decoded(data, found)
    try:
        return _Reader(text, found, yaml.CSafeLoader(text).get_event).document()
    except (yaml.YAMLError, ValueError):
        found.forget()  # libyaml is ten times as fast, PyYAML says better what is wrong with a broken file
        return _Careful(text, found).document()


def _decoded(data: bytes, found: Findings) -> str:
    if len(data) > LIMIT:
        found.stop("C007", START, f"the file is larger than {LIMIT // 1024} KiB")
    if data.startswith(_UTF16):
        found.stop("C002", START, "the file is saved as UTF-16", "save it as UTF-8")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        place = _place_at(data[: error.start].decode(), error.start)
        found.stop("C002", place, "the file is not valid UTF-8", "save it as UTF-8")
    if match := _FORBIDDEN.search(text):
        name = f"U+{ord(match[0]):04X}"
        found.stop("C002", _place_at(text, match.start()), f"the character {name} is not allowed in a suite file")
    return text


def _place_at(text: str, index: int) -> Place:
    before = text[:index]
    column = len(before) - before.rfind("\n")
    return Place(before.count("\n") + 1, column, column + 1)


class _Reader:
    def __init__(self, text: str, found: Findings, next_event: Callable[[], yaml.Event | None]) -> None:
        self._text = text
        self._found = found
        self._next_event = next_event
        self._nodes = 0

    def document(self) -> Node:
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            self._found.stop("C001", START, "the file is empty", 'it needs "suites:" with at least one suite')
        node = self._node(self._next(), 0)
        self._next()
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            self._found.stop("C005", _place(event), "a suite file is one document", 'remove this "---"')
        return node

    def _next(self) -> yaml.Event:
        event = self._next_event()
        assert event is not None, "the reading ends with the stream"
        return event

    def _node(self, event: yaml.Event, level: int) -> Node:
        place = _place(event)
        self._nodes += 1
        if self._nodes > NODES:
            self._found.stop("C007", place, f"the file has more than {NODES} values")
        if level == LEVELS and isinstance(event, yaml.CollectionStartEvent):
            self._found.stop("C007", place, f"the file is nested more than {LEVELS} levels deep")
        match event:
            case yaml.AliasEvent(anchor=str(name)):
                self._refuse_sharing(place, f"*{name}")
                return Broken(place)
            case yaml.ScalarEvent():
                self._check_properties(event, place)
                return self._text_node(event, place)
            case yaml.SequenceStartEvent():
                self._check_properties(event, place)
                return self._items(place, level + 1)
            case yaml.MappingStartEvent():
                self._check_properties(event, place)
                return self._mapping(place, level + 1)
            case _:
                raise AssertionError(f"no node begins with {event}")

    def _check_properties(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, place: Place) -> None:
        if event.anchor is not None:
            self._refuse_sharing(place, f"&{event.anchor}")
        if event.tag is not None:
            self._found.add("C003", place, "tags are not supported", 'a text that begins with "!" must be quoted')

    def _refuse_sharing(self, place: Place, written: str) -> None:
        advice = f"share with defaults: or extends:; a text that begins with {quoted(written)} must be quoted"
        self._found.add("C003", place, "anchors and aliases are not supported", advice)

    def _text_node(self, event: yaml.ScalarEvent, place: Place) -> Text | Broken:
        if _UNUSABLE.search(event.value):
            self._found.add("C002", place, "the text holds a NUL or half of a character")
            return Broken(place)
        placeholder = self._placeholder(event, place) if PLACEHOLDER in event.value else None
        return Text(event.value, place, not event.style, placeholder)

    def _placeholder(self, event: yaml.ScalarEvent, place: Place) -> Place:
        start, end = event.start_mark, event.end_mark
        if start is None or end is None or (index := self._text.find(PLACEHOLDER, start.index, end.index)) < 0:
            return place
        column = index - self._text.rfind("\n", 0, index)
        return Place(start.line + 1 + self._text.count("\n", start.index, index), column, column + 3)

    def _items(self, place: Place, level: int) -> Items:
        nodes = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            nodes.append(self._node(event, level))
        return Items(tuple(nodes), place)

    def _mapping(self, place: Place, level: int) -> Mapping:
        entries: dict[str, tuple[Text, Node]] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, level)
            value = self._node(self._next(), level)
            match key:
                case Text():
                    self._add_entry(entries, key, value)
                case Items() | Mapping():
                    self._found.add("C001", key.place, "a key must be text")
                case Broken():
                    pass
        return Mapping(tuple(entries.values()), place)

    def _add_entry(self, entries: dict[str, tuple[Text, Node]], key: Text, value: Node) -> None:
        if key.placeholder:
            self._found.add("C008", key.placeholder, 'a key can\'t hold "${{ … }}"')
        elif key.value == "<<" and key.plain:
            advice = "share settings with defaults: or extends:"
            self._found.add("C003", key.place, "merge keys are not supported", advice)
        elif key.value in entries:
            line = entries[key.value][0].place.line
            self._found.add("C006", key.place, f"{quoted(key.value)} is here twice; the first is on line {line}")
        else:
            entries[key.value] = (key, value)


class _Careful(_Reader):
    """Gives every fault of the syntax its place and words."""

    def __init__(self, text: str, found: Findings) -> None:
        self._loader = yaml.SafeLoader(text)
        super().__init__(text, found, self._loader.get_event)

    def _next(self) -> yaml.Event:
        try:
            return super()._next()
        except yaml.MarkedYAMLError as error:
            place, message, advice = explain(error, self._text)
            self._found.stop("C001", place, message, advice)
        except (ValueError, OverflowError):  # PyYAML turns any \U escape into a character unchecked
            mark = self._loader.get_mark()
            place = Place(mark.line + 1, mark.column + 1, mark.column + 2)
            self._found.stop("C001", place, "this escape does not name a character")


def _place(event: yaml.Event) -> Place:
    """Where it begins; all of it when it ends on the same line."""
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:
        return START
    end_column = end.column if end.line == start.line else 0
    return Place(start.line + 1, start.column + 1, max(end_column, start.column + 1) + 1)
