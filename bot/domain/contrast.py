"""What differs between two runs of a suite."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.results import Case, Outcome
from bot.domain.texts import cut, plain

_LISTED: Final = 100
_SLOWER: Final = 20
_FACTOR: Final = 1.5
_SECONDS: Final = 0.5
"""A test that takes this much longer, and half as long again, has slowed down."""
_WIDTH: Final = 300
_VARYING: Final = re.compile(r"\b[0-9a-f]{7,64}\b|\d+(?:\.\d+)?")
_BAD: Final = frozenset({Outcome.FAILED})
_GOOD: Final = frozenset({Outcome.PASSED, Outcome.FLAKY})


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    before: str
    now: str

    @property
    def differs(self) -> bool:
        return self.before != self.now


@dataclass(frozen=True, slots=True)
class Other:
    """A test that came to something else, neither broken nor mended."""

    name: str
    before: Outcome
    now: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """Lists are by name and have an end; the counts tell of all."""

    broken: Sequence[Case] = ()
    """Failed, and did not before; those that are new among them."""
    fixed: Sequence[str] = ()
    others: Sequence[Other] = ()
    added: Sequence[str] = ()
    removed: Sequence[str] = ()
    counts: Mapping[str, int] | None = None
    """Of each list; None: one of the two runs has no test results."""


NOT_TOLD: Final = Turned()


@dataclass(frozen=True, slots=True)
class Slower:
    name: str
    before: float
    """Seconds."""
    now: float


@dataclass(frozen=True, slots=True)
class Place:
    """The first lines of two logs that differ in more than numbers."""

    line: int
    """The same in both, from 1."""
    before: str | None
    """None: that log has ended."""
    now: str | None


def turned(before: Mapping[str, Case], now: Mapping[str, Case]) -> Turned:
    names = sorted(now)
    broken = [now[name] for name in names if now[name].outcome in _BAD and not _failed(before, name)]
    fixed = [name for name in names if now[name].outcome in _GOOD and _failed(before, name)]
    told = {one.name for one in broken} | set(fixed)
    others = [
        Other(name, before[name].outcome, now[name].outcome)
        for name in names
        if name in before and name not in told and before[name].outcome is not now[name].outcome
    ]
    added = [name for name in names if name not in before]
    removed = sorted(before.keys() - now.keys())
    lists: dict[str, Sequence[object]] = {
        "broken": broken,
        "fixed": fixed,
        "others": others,
        "added": added,
        "removed": removed,
    }
    return Turned(
        broken=broken[:_LISTED],
        fixed=fixed[:_LISTED],
        others=others[:_LISTED],
        added=added[:_LISTED],
        removed=removed[:_LISTED],
        counts={name: len(found) for name, found in lists.items()},
    )


def _failed(before: Mapping[str, Case], name: str) -> bool:
    return name in before and before[name].outcome in _BAD


def slower(before: Mapping[str, Case], now: Mapping[str, Case]) -> Sequence[Slower]:
    """Those that lost most time first."""
    found = [
        Slower(name, earlier.seconds, later.seconds)
        for name, later in now.items()
        if (earlier := before.get(name)) is not None and earlier.seconds is not None and later.seconds is not None
    ]
    grown = [one for one in found if one.now - one.before >= _SECONDS and one.now >= _FACTOR * one.before]
    return sorted(grown, key=lambda one: one.before - one.now)[:_SLOWER]


def first_difference(pairs: Iterable[tuple[str | None, str | None]]) -> Place | None:
    """Of the lines of two logs, pair by pair; times, counts and ids may differ."""
    for line, (before, now) in enumerate(pairs, 1):
        if before == now or (before is not None and now is not None and _core(before) == _core(now)):
            continue
        return Place(line, *(None if one is None else cut(plain(one), _WIDTH) for one in (before, now)))
    return None


def _core(line: str) -> str:
    return _VARYING.sub("#", plain(line)).rstrip()
