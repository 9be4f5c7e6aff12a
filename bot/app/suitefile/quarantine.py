"""`quarantine`: tests whose failures do not count for a while, each with the reason and an end."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from bot.app.suitefile import keys, values
from bot.app.suitefile.fields import fields
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.reading import Items, Node
from bot.domain.suites import Quarantine

ENTRIES_MAX: Final = 200
GLOBS_MAX: Final = 100
GLOB_MAX: Final = 512
"""Characters."""
_ISSUE: Final = re.compile(r"https?://[!-~]{1,480}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def quarantine(node: Node, where: str, found: Findings) -> tuple[Quarantine, ...]:
    nodes = values.items(node, where, found) or ()
    if len(nodes) > ENTRIES_MAX:
        found.add("C109", node.place, f"{where}: there are more than {ENTRIES_MAX} entries")
    return tuple(_entries(nodes, where, found))


def _entries(nodes: tuple[Node, ...], where: str, found: Findings) -> Iterator[Quarantine]:
    for node in nodes:
        advice = 'write it like "- {tests: tests/test_net.py::*, issue: https://…, until: 2027-01-31}"'
        table = values.mapping(node, where, found, advice)
        if table is None:
            continue
        given = fields(table, keys.QUARANTINE, where, found)
        for missing in sorted({"tests", "issue", "until"} - given.there):
            found.add("C102", table.place, f'{where}: "{missing}" is missing')
        tests, issue, until = given.get("tests", _tests), given.get("issue", _issue), given.get("until", _until)
        if tests and issue and until:
            yield Quarantine(tests=tests, issue=issue, until=until)


def _tests(node: Node, where: str, found: Findings) -> tuple[str, ...]:
    nodes = node.nodes if isinstance(node, Items) else (node,)
    words = [word for one in nodes if (word := values.text(one, where, found)) is not None]
    for word in words:
        if not word.value.strip("*? ") or len(word.value) > GLOB_MAX:
            fault = f"a glob names a test, in at most {GLOB_MAX} characters"
            found.add("C109", word.place, f"{where}: {quoted(word.value)}: {fault}")
    if not nodes or len(nodes) > GLOBS_MAX:
        found.add("C109", node.place, f"{where}: this must be 1 to {GLOBS_MAX} globs")
    return tuple(word.value for word in words)


def _issue(node: Node, where: str, found: Findings) -> str | None:
    word = values.text(node, where, found)
    if word is not None and not _ISSUE.fullmatch(word.value):
        found.add("C109", word.place, f"{where}: this must be the address of an issue, https://…")
        return None
    return word.value if word else None


def _until(node: Node, where: str, found: Findings) -> date | None:
    word = values.text(node, where, found)
    if word is None:
        return None
    try:
        last = date.fromisoformat(word.value) if _DATE.fullmatch(word.value) else None
    except ValueError:
        last = None
    if last is None:
        found.add("C109", word.place, f"{where}: {quoted(word.value)} is not a date: write it like 2027-01-31")
    elif found.today is not None and last < found.today:
        advice = "mend the test, or give it another date if that takes longer"
        found.add("C114", word.place, f"{where}: the quarantine ended on {last}", advice)
    return last
