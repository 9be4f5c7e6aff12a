"""Names that must stand elsewhere in the file, and circles of `needs`."""

from collections.abc import Iterator, Mapping
from typing import Final

from bot.app.suitefile import values
from bot.app.suitefile.cells import Surroundings
from bot.app.suitefile.draft import Draft
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.reading import Text

_DEFINED: Final = {"environment": "environments", "service": "services"}


def check_containers(draft: Draft, where: str, around: Surroundings, found: Findings) -> None:
    """Of names with placeholders it is said when they are filled."""
    environment = (draft.environment,) if draft.environment else ()
    _check(environment, f"{where}.environment", "environment", around.environments, found)
    _check(draft.services or (), f"{where}.services", "service", around.services, found)


def _check(
    names: tuple[Text, ...], where: str, what: str, known: Mapping[str, object] | None, found: Findings
) -> None:
    for name in names:
        if known is not None and name.value not in known and not name.placeholder:
            advice = values.meant(name, known) or ("" if known else f'the file has no "{_DEFINED[what]}"')
            found.add("C201", name.place, f"{where}: there is no {what} {quoted(name.value)}", advice)


def check_needs(drafts: Mapping[str, Draft], merged: Mapping[str, Draft], found: Findings) -> None:
    """`merged`: the same suites with what they inherit, needs among it."""
    for draft in drafts.values():
        for need in draft.needs or ():
            if need.value not in drafts:
                message = f"{draft.where}.needs: there is no suite {quoted(need.value)}"
                found.add("C201", need.place, message, values.meant(need, drafts))
    cleared: set[str] = set()
    for name in merged:
        _find_circle(name, merged, cleared, found)


def _find_circle(start: str, drafts: Mapping[str, Draft], cleared: set[str], found: Findings) -> None:
    """Depth first; `cleared` are the suites from which every way has been walked."""
    way = [start]
    ahead = [_needed(start, drafts)]
    while way:
        need = next(ahead[-1], None)
        if need is None:
            cleared.add(way.pop())
            ahead.pop()
        elif need.value in way:
            circle = " → ".join([*way[way.index(need.value) :], need.value])
            found.add("C202", need.place, f"{drafts[way[-1]].where}.needs: {circle} is a circle")
        elif need.value not in cleared:
            way.append(need.value)
            ahead.append(_needed(need.value, drafts))


def _needed(name: str, drafts: Mapping[str, Draft]) -> Iterator[Text]:
    return (need for need in drafts[name].needs or () if need.value in drafts)
