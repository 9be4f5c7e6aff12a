"""What is allowed but probably not meant: the warnings W301 and up."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from bot.app.suitefile.cells import Surroundings
from bot.app.suitefile.draft import Draft
from bot.app.suitefile.findings import MOST, Place, quoted
from bot.app.suitefile.images import is_floating
from bot.app.suitefile.reading import Text
from bot.domain.errors import Problem
from bot.domain.suites import Occasion, Suite, When

_ASKED: Final = frozenset({Occasion.MANUAL})


def doubts(
    drafts: Mapping[str, Draft], merged: Mapping[str, Draft], around: Surroundings, suites: tuple[Suite, ...]
) -> tuple[Problem, ...]:
    """In the order of the file."""
    found = [
        *_unused(merged, around, suites),
        *_floating(drafts, around),
        *(one for draft in merged.values() for one in _of_suite(draft, merged)),
    ]
    unique = dict.fromkeys(found)
    return tuple(sorted(unique, key=lambda one: (one.line, one.column))[:MOST])


def _problem(code: str, place: Place, message: str, advice: str = "") -> Problem:
    return Problem(code, place.line, place.column, message, advice, place.end_column)


def _unused(merged: Mapping[str, Draft], around: Surroundings, suites: Iterable[Suite]) -> Iterator[Problem]:
    words = [draft.environment for draft in merged.values() if draft.environment]
    environments = {word.value for word in words}
    if not any(word.placeholder for word in words):
        for name, environment in (around.environments or {}).items():
            if name not in environments:
                yield _problem("W301", environment.name.place, f"no suite uses the environment {quoted(name)}")
    services = {service.name for suite in suites for service in suite.services}
    for name, service in (around.services or {}).items():
        if name not in services:
            yield _problem("W301", service.name.place, f"no suite uses the service {quoted(name)}")


def _floating(drafts: Mapping[str, Draft], around: Surroundings) -> Iterator[Problem]:
    images: list[Text | None] = [draft.image for draft in drafts.values()]
    images += [environment.image for environment in (around.environments or {}).values()]
    images += [service.image for service in (around.services or {}).values()]
    for image in images:
        if image and is_floating(image.value):
            message = f"{quoted(image.value)} may be another image tomorrow"
            yield _problem("W302", image.place, message, "name a version, or a digest")


def _of_suite(draft: Draft, merged: Mapping[str, Draft]) -> Iterator[Problem]:
    when = draft.when.when if draft.when else When()
    place = draft.name.place
    events = frozenset(when.events)
    if events == {Occasion.SCHEDULE} and when.schedule is None:
        yield _problem("W303", place, f"{draft.where} never runs: its only event has no schedule")
    if when.schedule and (Occasion.SCHEDULE not in events or when.manual):
        advice = "a person starts it" if when.manual else "add schedule to its events"
        yield _problem("W305", place, f"{draft.where}: its schedule has no effect", advice)
    if when.labels and Occasion.PULL_REQUEST not in events:
        yield _problem("W305", place, f"{draft.where}: only pull requests have labels")
    for need in draft.needs or ():
        yield from _of_need(draft, need, merged[need.value], events)


def _of_need(draft: Draft, need: Text, other: Draft, events: frozenset[Occasion]) -> Iterator[Problem]:
    theirs = frozenset((other.when.when if other.when else When()).events)
    if not events & theirs and not (events | theirs) & _ASKED:
        message = f"{draft.where} never runs: {quoted(need.value)} is for other events"
        yield _problem("W303", need.place, message)
    if other.allow_failure:
        message = f"{draft.where}: {quoted(need.value)} may fail, and then this does not run"
        yield _problem("W304", need.place, message)
