"""`when`: for which events, branches and changed files a suite runs."""

from collections.abc import Callable
from typing import Final

from bot.app import globs
from bot.app.suitefile import keys, values
from bot.app.suitefile.fields import fields
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.reading import Broken, Items, Mapping, Node, Text
from bot.domain.suites import Occasion, When

GLOBS_MAX: Final = 100
GLOB_MAX: Final = 256
"""Characters."""

_EVENTS: Final = (Occasion.PUSH, Occasion.PULL_REQUEST, Occasion.TAG)
_EVENTS_LATER: Final = (Occasion.SCHEDULE, Occasion.MANUAL)
_OTHER_WORDS: Final = {"merge_request": "pull_request", "pr": "pull_request", "tags": "tag", "cron": "schedule"}
_CHOICE: Final = ", ".join(_EVENTS)


def when(node: Node, where: str, found: Findings) -> When | None:
    table = values.mapping(node, where, found)
    if table is None:
        return None
    given = fields(table, keys.WHEN, where, found)
    return When(
        events=given.get("events", _events) or When().events,
        branches=given.get("branches", _branches) or (),
        paths=given.get("paths", _paths) or (),
    )


def _events(node: Node, where: str, found: Findings) -> tuple[Occasion, ...]:
    match node:
        case Items():
            if not node.nodes:
                found.add(
                    "C109", node.place, f"{where}: without an event the suite never runs", f"there are {_CHOICE}"
                )
            events = [_event(one, where, found) for one in node.nodes]
            return tuple(dict.fromkeys(one for one in events if one is not None))
        case Text() | Mapping():
            advice = f"write [{node.value}]" if isinstance(node, Text) and node.value in _EVENTS else ""
            found.add("C109", node.place, f"{where}: this must be a list of {_CHOICE}", advice)
        case Broken():
            pass
    return ()


def _event(node: Node, where: str, found: Findings) -> Occasion | None:
    word = values.text(node, where, found)
    if word is None:
        return None
    if word.value in _EVENTS:
        return Occasion(word.value)
    if word.value in _EVENTS_LATER:
        found.add("C103", word.place, f'{where}: "{word.value}" is not supported by this version of Assay yet')
        return None
    near = _OTHER_WORDS.get(word.value) or keys.near(word.value, _EVENTS + _EVENTS_LATER)
    advice = f'did you mean "{near}"?' if near else f"there are {_CHOICE}"
    found.add("C109", word.place, f"{where}: there is no event {quoted(word.value)}", advice)
    return None


def _paths(node: Node, where: str, found: Findings) -> tuple[str, ...]:
    return _globs(node, where, found, globs.path_fault)


def _branches(node: Node, where: str, found: Findings) -> tuple[str, ...]:
    return _globs(node, where, found, globs.branch_fault)


def _globs(node: Node, where: str, found: Findings, fault: Callable[[str], str]) -> tuple[str, ...]:
    nodes = node.nodes if isinstance(node, Items) else (node,)
    words = [word for one in nodes if (word := values.text(one, where, found)) is not None]
    for word in words:
        why = fault(word.value) if len(word.value) <= GLOB_MAX else f"a glob has at most {GLOB_MAX} characters"
        if why:
            found.add("C109", word.place, f"{where}: {quoted(word.value)}: {why}")
    if not nodes:
        found.add("C109", node.place, f"{where}: an empty list matches nothing", "leave it out to filter nothing")
    elif words and all(word.value.startswith("!") for word in words):
        found.add("C109", node.place, f"{where}: exclusions alone match nothing", 'put "**" before them')
    if len(words) > GLOBS_MAX:
        found.add("C109", node.place, f"{where}: there are more than {GLOBS_MAX} globs")
    return tuple(word.value for word in words)
