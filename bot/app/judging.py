"""What the reports of a run come to: kept test by test, compared, and turned into what its check shows."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

import structlog

from bot.app import comparing, globs, muting
from bot.app.comparing import Began, Comparison
from bot.app.context import App
from bot.app.results.gathering import LIMITS, Gathered, gather, is_wanted
from bot.app.results.placing import Places
from bot.app.results.scanning import Scan, scan
from bot.app.results.tally import slowest
from bot.app.selecting import Selection, merged, missing
from bot.app.verdicts import Verdict, with_results
from bot.domain.checks import Annotation
from bot.domain.errors import Unavailable
from bot.domain.refs import Repository
from bot.domain.results import Case, Failure, Mark, Mute, Outcome, Results
from bot.domain.runs import Build, Reason, Run, RunState
from bot.domain.suites import Quarantine, Reports, Suite
from bot.domain.texts import counted, cut
from bot.ports.sandbox import FOLDER

log = structlog.get_logger()

_ROWS: Final = 2000
"""Tests that are stored in one transaction: others want to write as well."""
_SHOWN: Final = 50
"""Failures that a check has words for, beside those that it annotates."""
_DETAILS: Final = 4000
_RETRIED: Final = 1000
_ORDER: Final = (Mark.NEW, Mark.FLAKY, Mark.KNOWN, Mark.QUARANTINED)
_JUDGED: Final = frozenset({RunState.PASSED, RunState.FAILED, RunState.TIMED_OUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A run whose container has ended."""

    run: Run
    build: Build
    repository: Repository
    selected: Selection = field(default_factory=Selection)


def judge(
    app: App, subject: Subject, verdict: Verdict, masked: Callable[[str], str], should_stop: Callable[[], bool]
) -> Verdict:
    """The verdict with its reports taken in. `masked` hides secrets.

    Raises: Unavailable; the run is tried again like after any fault of ours.
    """
    run, selected = subject.run, subject.selected
    if verdict.state not in _JUDGED:
        return verdict
    reports = run.suite.reports or Reports(optional=True)
    gathered = _gather(app, run, reports, should_stop)
    cases = _with_earlier(app, run, [_hidden(case, masked) for case in gathered.tally.cases])
    if selected.names:
        gone = missing(selected, cases)
        if gone and verdict.state is not RunState.TIMED_OUT:
            words = f"{counted(len(gone), 'selected test')} did not run, so the whole suite is run"
            return Verdict(None, Reason.SELECTION, words)
        # What ran tells of a few tests alone: coverage and other reports stay as they were.
        gathered, cases = Gathered(findings=gathered.findings), merged(selected, cases)
    if not _store(app, run, cases, should_stop):
        return verdict
    with app.work() as work:
        slow = slowest(cases)
        comparison = comparing.compare(work, run, subject.build, subject.repository, cases, slow, app.now())
        mutes = muting.of_suite(work, run.repository, run.suite.name, app.now().date())
    comparison = _spared(comparison, run.suite, app.now().date(), mutes)
    results = _results(app, subject, gathered, cases, comparison)
    results = replace(
        results,
        failures=tuple(_with_mute(one, mutes) for one in results.failures),
        faults=tuple(map(masked, results.faults)),
        annotations=tuple(_hidden_finding(one, masked) for one in results.annotations),
    )
    if results == Results():
        return verdict
    log.info("run.judged", tests=results.total, failed=results.failed, new=results.new, faults=len(results.faults))
    return with_results(verdict, results, optional=reports.optional)


def _gather(app: App, run: Run, reports: Reports, should_stop: Callable[[], bool]) -> Gathered:
    if run.suite.reports is None:
        return Gathered()
    files = app.sandbox.files(run.id, run.attempt, lambda path: is_wanted(reports, path), LIMITS)
    return gather(files, reports, should_stop)


def _hidden(case: Case, masked: Callable[[str], str]) -> Case:
    name, message, details = masked(case.name), masked(case.message), masked(case.details)
    same = (name, message, details) == (case.name, case.message, case.details)
    return case if same else replace(case, name=name, message=message, details=details)


def _hidden_finding(found: Annotation, masked: Callable[[str], str]) -> Annotation:
    """Printed ones too: what hides them in the log sees them before their escapes are undone."""
    return replace(found, message=masked(found.message), title=masked(found.title))


def _with_earlier(app: App, run: Run, cases: Sequence[Case]) -> Sequence[Case]:
    """What failed in an attempt before and passes now is flaky."""
    if not run.failures:
        return cases
    with app.work() as work:
        failed = {case.name: case for case in work.results.cases(run.id, _RETRIED, outcome=Outcome.FAILED)}
    return [
        replace(failed[case.name], outcome=Outcome.FLAKY, seconds=case.seconds)
        if case.outcome is Outcome.PASSED and case.name in failed
        else case
        for case in cases
    ]


def _with_mute(failure: Failure, mutes: Mapping[str, Mute]) -> Failure:
    return replace(failure, muted=mutes[failure.name].words) if failure.name in mutes else failure


def _spared(comparison: Comparison, suite: Suite, today: date, mutes: Mapping[str, Mute]) -> Comparison:
    """With the marks of tests in quarantine; one whose last day is over by now does not hold any more."""
    held = {name for name in comparison.marks if name in mutes or _entry(suite, name, today)}
    return replace(comparison, marks={**comparison.marks, **dict.fromkeys(held, Mark.QUARANTINED)})


def _entry(suite: Suite, name: str, today: date) -> Quarantine | None:
    spared = (one for one in suite.quarantine if one.until >= today and globs.matches_test(one.tests, name))
    return next(spared, None)


def _store(app: App, run: Run, cases: Sequence[Case], should_stop: Callable[[], bool]) -> bool:
    """In portions; nobody counts them before the verdict. False when the run is no longer ours."""
    unique = list({case.name: case for case in cases}.values())
    # What an attempt before left is read by the next one, so it is replaced whole or not at all.
    rows = len(unique) + 1 if run.repeats == run.id else _ROWS
    for start in range(0, max(len(unique), 1), rows):
        if should_stop():
            return False
        with app.work() as work:
            if work.runs.renew(run.id, run.fence, app.rules.lease) is None:
                return False
            if not start:
                work.results.begin(run)
            work.results.add(run, unique[start : start + rows])
    return True


def _results(
    app: App, subject: Subject, gathered: Gathered, cases: Sequence[Case], comparison: Comparison
) -> Results:
    run = subject.run
    beyond = gathered.tally.beyond
    counts = Counter(case.outcome for case in cases) + gathered.tally.counts_beyond
    failed = sorted(
        (case for case in cases if case.outcome is Outcome.FAILED),
        key=lambda case: _ORDER.index(comparison.marks[case.name]),
    )[: max(_SHOWN, run.suite.annotations)]
    unsteady = [case for case in cases if case.outcome is Outcome.FLAKY][:_SHOWN]
    scanned = scan(
        lambda start, limit: app.logs.read(run.id, start, limit),
        {case.name: case.message for case in failed[:_SHOWN]},
    )
    places = _places(app, subject, needed=bool(failed or unsteady or gathered.findings or scanned.findings))
    return Results(
        passed=counts[Outcome.PASSED],
        failed=counts[Outcome.FAILED],
        flaky=counts[Outcome.FLAKY],
        skipped=counts[Outcome.SKIPPED],
        new=comparison.count(Mark.NEW) if comparison.base else 0,
        known=comparison.count(Mark.KNOWN),
        known_flaky=comparison.count(Mark.FLAKY),
        quarantined=comparison.count(Mark.QUARANTINED),
        base=comparison.base,
        failures=tuple(
            replace(
                _failure(case, comparison, scanned, places, is_detailed=index < _SHOWN),
                issue=entry.issue if (entry := _entry(run.suite, case.name, app.now().date())) else "",
            )
            for index, case in enumerate(failed)
        ),
        unsteady=tuple(_failure(case, comparison, scanned, places, is_detailed=True) for case in unsteady),
        slowest=comparison.slowest,
        removed=comparison.removed,
        newly_skipped=comparison.newly_skipped,
        faults=tuple(gathered.faults),
        remarks=(f"{beyond} tests beyond the limit were only counted.",) if beyond else (),
        coverage=subject.selected.coverage if subject.selected.names else gathered.coverage,
        annotations=_findings(gathered, scanned, places, run.suite.annotations),
    )


def _failure(case: Case, comparison: Comparison, scanned: Scan, places: Places, *, is_detailed: bool) -> Failure:
    path, line = places.of_case(case)
    began = comparison.began.get(case.name, Began())
    return Failure(
        name=case.name,
        mark=comparison.marks.get(case.name, Mark.FLAKY),
        message=cut(case.message, 1000),
        details=cut(case.details, _DETAILS) if is_detailed else "",
        path=path,
        line=line,
        log_line=scanned.lines.get(case.name, 0),
        since=began.since,
        since_sha=began.sha,
        times=began.times,
    )


def _places(app: App, subject: Subject, *, needed: bool) -> Places:
    """Without the list of the commit's files nothing is placed, and nothing else is lost."""
    files: frozenset[str] = frozenset()
    if needed:
        try:
            files = app.source.files(subject.repository.id, subject.run.sha)
        except Unavailable as error:
            log.warning("run.not_placed", error=str(error))
    return Places(files, subject.run.suite.workdir, FOLDER)


def _findings(gathered: Gathered, scanned: Scan, places: Places, limit: int) -> tuple[Annotation, ...]:
    found = dict.fromkeys(one for raw in (*gathered.findings, *scanned.findings) if (one := places.of_finding(raw)))
    worst_first = sorted(found, key=lambda one: ("failure", "warning", "notice").index(one.level))
    return tuple(worst_first[:limit])
