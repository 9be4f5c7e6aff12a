"""Running just the tests that failed, and putting what they came to among the results that stand (BEHAVIOUR §2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.app.context import App
from bot.domain.results import Case, Outcome
from bot.domain.runs import Run
from bot.domain.suites import Suite

VARIABLE: Final = "ASSAY_TESTS"
_ROOM: Final = 100_000
"""Bytes of all names: a variable of the environment has at most 128 KiB (execve(2))."""
_MANY: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Selection:
    """What a run takes over, and which tests it runs; without names it runs the whole suite."""

    names: tuple[str, ...] = ()
    standing: tuple[Case, ...] = ()
    coverage: tuple[int, int] | None = None

    @property
    def note(self) -> str:
        """For the log; nothing when the whole suite runs."""
        return f"Just the tests that failed are run: {len(self.names)}." if self.names else ""


def selection(app: App, run: Run) -> Selection:
    """Names that can't be passed on, or too many of them, are no selection: then the whole suite runs."""
    if run.repeats is None or not run.suite.retry_select:
        return Selection()
    with app.work() as work:
        standing = tuple(work.results.cases(run.repeats, _MANY))
        whole = work.results.of_run(run.repeats)
    names = tuple(case.name for case in standing if case.outcome is Outcome.FAILED)
    size = sum(len(name.encode(errors="replace")) + 1 for name in names)
    if not names or size > _ROOM or not all(name.isprintable() for name in names):
        return Selection()
    if run.bisection is not None:
        return Selection(names)  # at another commit nothing stands
    return Selection(names, standing, whole.coverage if whole else None)


def narrowed(suite: Suite, selected: Selection) -> Suite:
    """The suite as it runs the selected tests."""
    if not selected.names:
        return suite
    env = {**suite.env, VARIABLE: "\n".join(selected.names)}
    return replace(suite, commands=(suite.retry_select,), is_script=True, env=env)


def missing(selected: Selection, cases: Iterable[Case]) -> tuple[str, ...]:
    """Selected tests that did not run: the way to select them is wrong, or the tests are gone."""
    return tuple(sorted(set(selected.names) - {case.name for case in cases}))


def merged(selected: Selection, cases: Sequence[Case]) -> list[Case]:
    """The results that stand, with what ran now in their place."""
    return list(({case.name: case for case in selected.standing} | {case.name: case for case in cases}).values())
