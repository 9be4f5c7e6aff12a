"""Two runs of a suite side by side: what turned in the tests, what takes longer, what was different around them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import zip_longest
from typing import Final

from bot.app import queries
from bot.app.context import App
from bot.app.queries import RunView, Viewer
from bot.domain.contrast import NOT_TOLD, Fact, Place, Slower, Turned, first_difference, slower, turned
from bot.domain.errors import Gone
from bot.domain.results import Case
from bot.domain.runs import Run, RunId
from bot.domain.suites import Suite
from bot.domain.texts import between, cut, duration, size

_TESTS: Final = 20_000
"""Of each run, looked at."""
_PAGE: Final = 1000
_LOG: Final = 4 << 20
"""Bytes of each log, looked at."""
_PIECE: Final = 1 << 18
_WIDTH: Final = 300
_UNTOLD: Final = frozenset({"name", "line", "description", "cell", "shard", "shards", "when", "needs", "annotations"})
"""Of a suite: what says nothing about what was run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    now: RunView
    before: RunView | None
    """None: there is nothing to compare with."""
    branch: str
    """Whose last pass was looked for where no run was named."""
    facts: Sequence[Fact] = ()
    """What was around them; those that differ first."""
    tests: Turned = NOT_TOLD
    slower: Sequence[Slower] = ()
    log: Place | None = None
    """None: as far as it was looked at, they say the same, but for numbers."""


def of_runs(app: App, viewer: Viewer, run: RunId, other: RunId | None = None) -> Contrast:
    """With the other run of the same repository, else with the last pass of suite and cell on the default branch.

    Raises: Gone: no such run, or not for the viewer.
    """
    now = queries.run(app, viewer, run)
    branch = now.repository.default_branch
    if other is None:
        with app.work() as work:
            green = work.runs.last_passed(now.run, branch)
        other = green.id if green else None
    if other is None:
        return Contrast(now=now, before=None, branch=branch)
    before = queries.run(app, viewer, other)
    if before.repository.id != now.repository.id:
        raise Gone("that run is of another repository")
    earlier, later = _cases(app, before.run), _cases(app, now.run)
    return Contrast(
        now=now,
        before=before,
        branch=branch,
        facts=_facts(before, now),
        tests=turned(earlier, later) if earlier and later else NOT_TOLD,
        slower=slower(earlier, later),
        log=first_difference(zip_longest(_lines(app, before.run), _lines(app, now.run))),
    )


def _cases(app: App, run: Run) -> Mapping[str, Case]:
    """By name."""
    found: dict[str, Case] = {}
    after = ""
    while len(found) < _TESTS:
        with app.work() as work:
            page = work.results.cases(run.id, _PAGE, after=after) if work.results.of_run(run.id) else ()
        found |= {one.name: one for one in page}
        if len(page) < _PAGE:
            break
        after = page[-1].name
    return found


def _facts(before: RunView, now: RunView) -> Sequence[Fact]:
    pairs = zip(_told(before), _told(now), strict=True)
    found = [Fact(name, earlier, later) for (name, earlier), (_, later) in pairs if earlier or later]
    for one in fields(Suite):
        earlier, later = (_words(getattr(view.run.suite, one.name)) for view in (before, now))
        if one.name not in _UNTOLD and (one.name == "image" or earlier != later):
            found.append(Fact(one.name.replace("_", " "), earlier, later))
    return sorted(found, key=lambda fact: not fact.differs)


def _told(view: RunView) -> Iterator[tuple[str, str]]:
    run, build = view.run, view.build
    yield "result", run.word.replace("_", " ")
    yield "commit", run.sha
    yield "merged onto", build.merge.base if build.merge else ""
    yield "for", f"change {build.change}" if build.change is not None else build.ref
    yield "suite file", build.suite_file
    yield "trust", run.trust.value
    yield "exit code", "" if run.exit_code is None else str(run.exit_code)
    yield "time", duration(between(run.started_at, run.finished_at)) if run.finished_at else ""
    yield "memory", size(run.peak_memory) if run.peak_memory else ""
    yield "CPU time", duration(run.cpu_seconds) if run.cpu_seconds else ""


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return cut(", ".join(f"{name}={one}" for name, one in sorted(value.items())), _WIDTH)
    if isinstance(value, tuple) and all(isinstance(one, str) for one in value):
        return cut(" ⏎ ".join(value), _WIDTH)
    return "" if value is None or value == () else cut(str(value), _WIDTH)


def _lines(app: App, run: Run) -> Iterator[str]:
    at, rest = 0, b""
    while at < _LOG and (piece := app.logs.read(run.id, at, _PIECE)):
        at += len(piece)
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")
