"""All cases of a run's reports together, in bounded memory."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from bot.domain.results import Case, Outcome, usable_name

KEPT_MAX: Final = 100_000
"""Tests that are kept one by one; of more only the count is."""
_DETAILED_MAX: Final = 1000
"""Failures whose details are kept."""
_WORST: Final = {Outcome.SKIPPED: 0, Outcome.PASSED: 1, Outcome.FLAKY: 2, Outcome.FAILED: 3}


class Tally:
    """Names are unique in it: a test that is told of again in one file was tried again or has a namesake."""

    def __init__(self, kept_max: int = KEPT_MAX) -> None:
        self._kept_max = kept_max
        self._kept: dict[str, Case] = {}
        self._in_file: set[str] = set()
        self._namesakes: Counter[str] = Counter()
        self._beyond: Counter[Outcome] = Counter()
        self._detailed = 0

    def begin_file(self) -> None:
        self._in_file.clear()
        self._namesakes.clear()

    def add(self, case: Case) -> None:
        known = self._kept.get(case.name)
        if known is None:
            self._keep(case)
        elif case.name in self._in_file:
            self._add_again(known, case)
        else:
            self._kept[case.name] = max(known, case, key=lambda one: _WORST[one.outcome])
            self._in_file.add(case.name)

    def _add_again(self, known: Case, case: Case) -> None:
        match known.outcome, case.outcome:
            case Outcome.FAILED, Outcome.PASSED:
                self._kept[case.name] = replace(known, outcome=Outcome.FLAKY, seconds=case.seconds)
            case Outcome.FAILED, _:
                pass
            case _, Outcome.FAILED:  # passed, and then could not be taken down
                self._kept[case.name] = self._lightened(case)
            case _:
                self._keep_namesake(case)

    def _keep_namesake(self, case: Case) -> None:
        self._namesakes[case.name] += 1
        self._keep(replace(case, name=usable_name(f"{case.name} #{self._namesakes[case.name] + 1}")))

    def _keep(self, case: Case) -> None:
        if len(self._kept) >= self._kept_max:
            self._beyond[case.outcome] += 1
            return
        self._in_file.add(case.name)
        self._kept[case.name] = self._lightened(case)

    def _lightened(self, case: Case) -> Case:
        self._detailed += bool(case.details)
        return replace(case, details="") if case.details and self._detailed > _DETAILED_MAX else case

    @property
    def cases(self) -> Sequence[Case]:
        return tuple(self._kept.values())

    @property
    def beyond(self) -> int:
        """Tests that were only counted."""
        return self._beyond.total()

    @property
    def counts_beyond(self) -> Counter[Outcome]:
        return self._beyond

    def counts(self) -> Counter[Outcome]:
        return Counter(case.outcome for case in self._kept.values()) + self._beyond


def slowest(cases: Iterable[Case], count: int = 5, at_least: float = 1.0) -> list[Case]:
    timed = [case for case in cases if case.seconds is not None and case.seconds >= at_least]
    return sorted(timed, key=lambda case: case.seconds or 0.0, reverse=True)[:count]
