"""`when`: for which events, branches, labels and changed files a suite runs, and at which times."""

import enum
from dataclasses import dataclass
from typing import Final

from bot.app.suitefile import keys, patterns, values
from bot.app.suitefile.fields import fields
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.reading import Node, Text
from bot.app.suitefile.schedule import schedule
from bot.domain.suites import Occasion, When

_OTHER_WORDS: Final = {"merge_request": "pull_request", "pr": "pull_request", "tags": "tag", "cron": "schedule"}
_CHOICE: Final = ", ".join(Occasion)


class Start(enum.StrEnum):
    AUTOMATIC = "automatic"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class WhenDraft:
    when: When
    """Without the two below, in which values of the matrix may be named."""
    paths: tuple[Text, ...]
    paths_ignore: tuple[Text, ...]


def when(node: Node, where: str, found: Findings) -> WhenDraft | None:
    table = values.mapping(node, where, found)
    if table is None:
        return None
    given = fields(table, keys.WHEN, where, found)
    one = When(
        events=given.get("events", _events) or When().events,
        branches=given.get("branches", patterns.branches) or (),
        labels=given.get("labels", patterns.labels) or (),
        schedule=given.get("schedule", schedule),
        manual=given.get("start", values.choice(Start)) is Start.MANUAL,
    )
    paths = given.get("paths", patterns.paths) or ()
    return WhenDraft(one, paths, given.get("paths_ignore", patterns.paths) or ())


def _events(node: Node, where: str, found: Findings) -> tuple[Occasion, ...]:
    nodes = values.items(node, where, found)
    if nodes is None:
        return ()
    if not nodes:
        found.add("C109", node.place, f"{where}: without an event the suite never runs", f"there are {_CHOICE}")
    events = [_event(one, where, found) for one in nodes]
    return tuple(dict.fromkeys(one for one in events if one is not None))


def _event(node: Node, where: str, found: Findings) -> Occasion | None:
    word = values.text(node, where, found)
    if word is None:
        return None
    if f"when.events.{word.value}" in found.later:
        found.add("C103", word.place, f'{where}: "{word.value}" is not supported by this version of Assay yet')
        return None
    if word.value in list(Occasion):
        return Occasion(word.value)
    near = _OTHER_WORDS.get(word.value) or keys.near(word.value, list(Occasion))
    advice = f'did you mean "{near}"?' if near else f"there are {_CHOICE}"
    found.add("C109", word.place, f"{where}: there is no event {quoted(word.value)}", advice)
    return None
