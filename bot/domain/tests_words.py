"""What people read about test results: titles, the failures with new ones first, annotations (PRODUCT §2.3)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.domain.checks import Annotation
from bot.domain.results import Failure, Mark, Results
from bot.domain.runs import Run
from bot.domain.texts import code, counted, cut, duration, escaped, fence, plain

PageOf = Callable[[Run], str]
"""The page of a run, with its log and its tests."""
Told = Sequence[tuple[Run, Results]]
"""Of the runs of one suite those that have results."""

TEST_SIGNS: Final = {"passed": "✓", "failed": "✗", "flaky": "~", "skipped": "↷"}
_ROOM: Final = 16_000
"""Characters for failures in a summary."""
_LINES: Final = 5
_WIDTH: Final = 300
_LISTED: Final = 10
_RAW: Final = 60_000
_ORDER: Final = (Mark.NEW, Mark.FLAKY, Mark.KNOWN, Mark.QUARANTINED)
_LEVELS: Final = {Mark.NEW: "failure", Mark.FLAKY: "warning", Mark.KNOWN: "warning", Mark.QUARANTINED: "notice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """One failed test, and the runs in which it failed."""

    failure: Failure
    """Of the first of them."""
    runs: tuple[Run, ...]
    base: str
    """What it was compared with."""


def _all(told: Told) -> list[Results]:
    return [results for _, results in told]


def passed_words(results: Results) -> str:
    """For a title, before the time: `412 passed, 3 skipped, 1 flaky`."""
    counts = ((results.passed, "passed"), (results.skipped, "skipped"), (results.flaky, "flaky"))
    words = [f"{count} {word}" for count, word in counts if count]
    if results.quarantined:
        words.append(f"{results.quarantined} failed in quarantine")
    return ", ".join(words)


def failed_words(results: Results) -> str:
    """`2 of 412 tests failed (1 new)`."""
    count = results.failed - results.quarantined
    what = "1 test failed" if count == 1 else f"{count} of {results.total} tests failed"
    if not results.base:
        return what
    base = cut(results.base, 40)
    if results.new == count:
        return f"{what} (new)" if count == 1 else f"{what} (all new)"
    if results.new:
        return f"{what} ({results.new} new)"
    if results.known == count:
        return f"{what}, {'' if count == 1 else 'all '}also failing on {base}"
    if results.known_flaky == count:
        return f"{what}, {'' if count == 1 else 'all '}known to be flaky"
    return f"{what}, none of them new"


def headline(results: Results, seconds: float) -> str:
    """The first line of a summary."""
    parts = [f"**{results.failed} failed**"] if results.failed else []
    passed = f"{results.passed} passed"
    parts.append(passed if parts else f"**{passed}**")
    parts += [f"{results.skipped} skipped"] if results.skipped else []
    parts += [f"{results.flaky} flaky"] if results.flaky else []
    if results.coverage:
        covered, lines = results.coverage
        parts.append(f"{percent(covered, lines)} of lines covered")
    return " · ".join([*parts, duration(seconds)])


def coverage_of(told: Told) -> float | None:
    """In percent; of several environments the best, for all together have covered no less."""
    found = [results.coverage for _, results in told if results.coverage]
    return max((covered * 1000 // lines / 10 for covered, lines in found if lines), default=None)


def percent(part: int, whole: int) -> str:
    """Rounded down, so that only all of it is 100 %."""
    tenths = part * 1000 // whole
    return f"{tenths // 10} %" if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10} %"


def failures(told: Told, page_of: PageOf) -> str:
    """Markdown with a heading for each kind of failure; what finds no room is counted."""
    seen = _merged(told)
    base = next((results.base for results in _all(told) if results.base), "")
    parts: list[str] = []
    room, shown, heading = _ROOM, 0, ""
    for one in seen:
        title = _heading(one.failure.mark, base)
        text = "\n".join(([title] if title != heading else []) + [_failure(one, page_of)])
        if len(text) > room:
            break
        room, shown, heading = room - len(text), shown + 1, title
        parts.append(text)
    missing = len(seen) - shown
    beyond = sum(max(results.failed - len(results.failures), 0) for results in _all(told))
    if missing or beyond:
        parts.append(f"{missing + beyond} more in the test results.")
    return "\n".join(parts)


def _heading(mark: Mark, base: str) -> str:
    if not base and mark is Mark.NEW:
        return "### Failed"
    headings = {
        Mark.NEW: "### New in this change",
        Mark.FLAKY: "### Flaky: failed and passed on one commit in the last 14 days",
        Mark.KNOWN: f"### Also fails on {code(base)}",
        Mark.QUARANTINED: "### In quarantine: does not count",
    }
    return headings[mark]


def _merged(told: Told) -> list[_Seen]:
    """New first, then by name; the same test of several environments once."""
    seen: dict[str, _Seen] = {}
    for run, results in told:
        for failure in results.failures:
            known = seen.get(failure.name)
            if known is None:
                seen[failure.name] = _Seen(failure=failure, runs=(run,), base=results.base)
                continue
            worse = _ORDER.index(failure.mark) < _ORDER.index(known.failure.mark)
            first = failure if worse else known.failure
            seen[failure.name] = replace(known, failure=first, runs=(*known.runs, run))
    return sorted(seen.values(), key=lambda one: (_ORDER.index(one.failure.mark), one.failure.name))


def _failure(one: _Seen, page_of: PageOf) -> str:
    failure, run = one.failure, one.runs[0]
    facts = [_where(one.runs)] if any(run.suite.label for run in one.runs) else []
    if failure.mark is Mark.KNOWN and failure.since:
        since = f"since {failure.since:%d %b}, {code(failure.since_sha[:7])}"
        facts.append(f"{since} · failed {_times(failure.times)} there in 14 days")
    if failure.issue:
        facts.append(f"[issue]({failure.issue.replace('(', '%28').replace(')', '%29')})")
    if failure.muted:
        facts.append(escaped(failure.muted))
    if failure.log_line:
        facts.append(f"[log line {failure.log_line}]({page_of(run)}#L{failure.log_line})")
    message = _first_lines(failure.details or failure.message, failure.message)
    head = " — ".join([f"**{code(failure.name)}**", *([" · ".join(facts)] if facts else [])])
    return f"{head}\n{fence(message)}\n" if message else f"{head}\n"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _where(runs: Sequence[Run]) -> str:
    labels = [run.suite.label for run in runs]
    shown = ", ".join(map(escaped, labels[:_LISTED]))
    return f"{shown} and {len(labels) - _LISTED} more" if len(labels) > _LISTED else shown


def _first_lines(details: str, message: str) -> str:
    """The message, which the details often repeat."""
    text = message or details
    lines = [line for line in plain(text).split("\n") if line.strip()]
    return "\n".join(cut(line, _WIDTH) for line in lines[:_LINES])


def more(told: Told) -> str:
    """What a check folds away: flaky, removed, newly skipped and slow tests."""
    return "\n".join(part for part in (_unsteady(told), _removed(told), _newly_skipped(told), _slowest(told)) if part)


def _unsteady(told: Told) -> str:
    rows = [
        " — ".join(
            filter(None, (f"- {code(one.name)}", escaped(run.suite.label), code(_first_lines("", one.message))))
        )
        for run, results in told
        for one in results.unsteady
    ]
    count = sum(results.flaky for results in _all(told))
    return _folded(f"Flaky: passed after a failure ({count})", rows)


def _removed(told: Told) -> str:
    names = sorted({name for results in _all(told) for name in results.removed})
    return _folded(f"Tests that are gone ({len(names)})", [f"- {code(name)}" for name in names])


def _newly_skipped(told: Told) -> str:
    names = sorted({name for results in _all(told) for name in results.newly_skipped})
    return _folded(f"Tests that are skipped now ({len(names)})", [f"- {code(name)}" for name in names])


def _slowest(told: Told) -> str:
    slow = [one for results in _all(told) for one in results.slowest]
    slow = sorted({one.name: one for one in sorted(slow, key=lambda one: one.seconds)}.values(), key=_by_time)
    rows = [f"| {code(one.name)} | {one.seconds:.1f} s | {_usual(one.usual)} |" for one in slow[:_LISTED]]
    return _folded("Slowest tests", ["| test | time | usual |", "| --- | ---: | ---: |", *rows] if rows else [])


def _by_time(one: object) -> float:
    return -getattr(one, "seconds", 0.0)


def _usual(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


def _folded(title: str, rows: Sequence[str]) -> str:
    if not rows:
        return ""
    shown = [*rows[: _LISTED + 2], f"- and {len(rows) - _LISTED - 2} more"] if len(rows) > _LISTED + 2 else rows
    return f"<details><summary>{title}</summary>\n\n" + "\n".join(shown) + "\n</details>"


def annotations(told: Told, page_of: PageOf, limit: int) -> tuple[Annotation, ...]:
    """Each failed test once, new ones first; then what linters and the log found."""
    tests = [_annotation(one, page_of, told) for one in _merged(told) if one.failure.path]
    findings = dict.fromkeys(one for results in _all(told) for one in results.annotations)
    return tuple([*tests, *findings][:limit])


def _annotation(one: _Seen, page_of: PageOf, told: Told) -> Annotation:
    failure, run = one.failure, one.runs[0]
    short = failure.name.rpartition("::")[2] or failure.name
    where = f" in {counted(len(one.runs), 'environment')}" if len(told) > 1 else ""
    mark = "" if failure.mark is Mark.NEW and not one.base else f" ({_MARKS[failure.mark]})"
    labels = ", ".join(run.suite.label for run in one.runs if run.suite.label)
    line = f"#L{failure.log_line}" if failure.log_line else ""
    place = f"{labels}. " if labels else ""
    return Annotation(
        path=failure.path,
        line=failure.line,
        level=_LEVELS[failure.mark],
        title=f"{cut(short, 150)} failed{where}{mark}",
        message=f"{_first_lines(failure.details, failure.message) or 'failed'}\n{place}Log: {page_of(run)}{line}",
        details=cut(failure.details, _RAW),
    )


_MARKS: Final = {
    Mark.NEW: "new",
    Mark.KNOWN: "known",
    Mark.FLAKY: "flaky",
    Mark.QUARANTINED: "in quarantine",
}


def faults(told: Iterable[Results]) -> str:
    """Why reports say less than they should."""
    words = dict.fromkeys(fault for results in told for fault in (*results.faults, *results.remarks))
    return "\n".join(f"- {escaped(one)}" for one in list(words)[:_LISTED])


def together(told: Told) -> Results:
    """Counts of all environments, each test as often as it ran."""
    whole = Results(base=next((results.base for results in _all(told) if results.base), ""))
    for results in _all(told):
        whole = replace(
            whole,
            **{name: getattr(whole, name) + getattr(results, name) for name in _COUNTS},
            coverage=results.coverage or whole.coverage,
        )
    return whole


def distinct(told: Told) -> Results:
    """Each test once, however many environments it ran in: for a title."""
    whole = together(told)
    marks = [one.failure.mark for one in _merged(told)]
    return replace(
        whole,
        failed=len(marks),
        passed=max((results.total for results in _all(told)), default=0) - len(marks),
        skipped=0,
        flaky=0,
        new=marks.count(Mark.NEW) if whole.base else 0,
        known=marks.count(Mark.KNOWN),
        known_flaky=marks.count(Mark.FLAKY),
        quarantined=marks.count(Mark.QUARANTINED),
    )


_COUNTS: Final = ("passed", "failed", "flaky", "skipped", "new", "known", "known_flaky", "quarantined")
