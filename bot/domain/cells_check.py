"""The check of a suite with a matrix or shards: one line for each cell (PRODUCT §2.2, §2.3)."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from bot.domain.checks import PASSING, Action, Check, CheckStatus, Conclusion, check_name
from bot.domain.runs import Build, Reason, Run, RunState
from bot.domain.suite_check import (
    RERUN_ALL,
    RERUN_FAILED,
    SIGNS,
    buttons,
    conclusion,
    flaky_words,
    none_could_run,
    run_line,
    title,
)
from bot.domain.suites import Limits, Suite
from bot.domain.tests_words import (
    Told,
    annotations,
    coverage_of,
    distinct,
    failed_words,
    failures,
    faults,
    headline,
    more,
    passed_words,
    together,
)
from bot.domain.texts import between, code, counted, duration, escaped, fence, last_lines, one_line
from bot.domain.waiting import NOTHING_KNOWN, Outlook

_SHOWN: Final = 8
"""Failed cells whose last lines are shown."""
_LINES: Final = 10

LimitsOf = Callable[[Suite], Limits]


def cells_check(
    runs: Sequence[Run],
    build: Build,
    url: str,
    cell_url: Callable[[Run], str],
    limits_of: LimitsOf,
    external_id: str,
    told: Told = (),
    outlook: Outlook = NOTHING_KNOWN,
) -> Check:
    """`runs`: those of one suite that count, two or more. `cell_url`: the page of one of them. `told`: results.

    `outlook`: of all together.
    """
    done = all(run.state.is_final for run in runs)
    verdict = conclusion_of_all(runs) if done else None
    is_bad = verdict not in PASSING
    return Check(
        name=check_name(runs[0].suite.name),
        sha=build.sha,
        external_id=external_id,
        ref=build.ref,
        change=build.change,
        details_url=url,
        status=CheckStatus.COMPLETED if done else _status(runs),
        conclusion=verdict,
        title=_title(runs, limits_of(runs[0].suite), told, outlook, done=done),
        summary=_summary(runs, url, cell_url, limits_of, told),
        text="\n\n".join(filter(None, (_table(runs, cell_url, limits_of), more(told)))),
        annotations=annotations(told, cell_url, runs[0].suite.annotations) if done else (),
        actions=(RERUN_FAILED, RERUN_ALL) if done and is_bad else _start(runs),
        started_at=min((run.started_at for run in runs if run.started_at), default=None),
        completed_at=max((run.finished_at for run in runs if run.finished_at), default=None) if done else None,
        coverage=coverage_of(told) if done else None,
        could_not_run=done and none_could_run([run for run in runs if conclusion(run) not in PASSING]),
    )


def _start(runs: Sequence[Run]) -> tuple[Action, ...]:
    return buttons(runs[0]) if all(run.is_unstarted for run in runs) else ()


def conclusion_of_all(runs: Sequence[Run]) -> Conclusion:
    """The worst of the cells; skipped or neutral only if all are."""
    found = {conclusion(run) for run in runs}
    order = (Conclusion.FAILURE, Conclusion.TIMED_OUT, Conclusion.CANCELLED, Conclusion.SUCCESS, Conclusion.NEUTRAL)
    return next((one for one in order if one in found), Conclusion.SKIPPED)


def _status(runs: Sequence[Run]) -> CheckStatus:
    begun = any(run.attempt or run.state.is_final for run in runs)
    return CheckStatus.IN_PROGRESS if begun else CheckStatus.QUEUED


def _title(runs: Sequence[Run], limits: Limits, told: Told, outlook: Outlook, *, done: bool) -> str:
    if not done:
        return _unfinished([run for run in runs if not run.is_unstarted], outlook)
    if all(run.is_unstarted for run in runs):
        return title(runs[0], limits)
    bad = [run for run in runs if conclusion(run) not in PASSING]
    good = Counter(_word(run) for run in runs if conclusion(run) in PASSING)
    counts = ", ".join(f"{count} {word}" for word, count in sorted(good.items()))
    if bad and all(run.reason is Reason.TESTS for run in bad):
        return one_line(f"{failed_words(distinct(told))} in {len(bad)} of {_places(runs)}", 120)
    if bad:
        names = ", ".join(f"{run.suite.label} {_word(run)}" for run in bad)
        return one_line("; ".join(filter(None, (names, counts))), 120)
    if all(run.state is RunState.SKIPPED for run in runs):
        return one_line(f"Skipped: {runs[0].note}", 120)
    return f"{passed_words(together(told)) or counts} in {duration(_longest(runs))}{flaky_words(runs)}"


def _summary(runs: Sequence[Run], url: str, cell_url: Callable[[Run], str], limits_of: LimitsOf, told: Told) -> str:
    passed = sum(conclusion(run) in PASSING and run.state.is_final for run in runs)
    parts = [f"**{passed} of {_places(runs)} passed** · {duration(_longest(runs))}"]
    if told:
        parts += [headline(together(told), _longest(runs)), failures(told, cell_url), faults(one for _, one in told)]
    bad = [run for run in runs if run.state.is_final and conclusion(run) not in PASSING]
    for run in [run for run in bad if run.reason is not Reason.TESTS][:_SHOWN]:
        tail = f"\n\n{fence(last_lines(run.tail, _LINES))}" if run.tail else ""
        words = f"**{escaped(run.suite.label)}**: {escaped(title(run, limits_of(run.suite)))}"
        parts.append(f"{words}{tail}\n\nTo run it on your machine: {code(run_line(run.suite))}")
    if with_tests := [run for run in bad if run.reason is Reason.TESTS]:
        parts.append(f"To run it on your machine: {code(run_line(with_tests[0].suite))}")
    if len(bad) > _SHOWN:
        parts.append(f"{len(bad) - _SHOWN} more on the page.")
    return "\n\n".join(filter(None, [*parts, f"[Log]({url})"]))


def _table(runs: Sequence[Run], cell_url: Callable[[Run], str], limits_of: LimitsOf) -> str:
    axes = [axis for axis, _ in runs[0].suite.cell]
    has_shards = any(run.suite.shards > 1 for run in runs)
    heads = [*map(escaped, axes), *(["shard"] if has_shards else []), "result", "", "time"]
    rows = [f"| {' | '.join(heads)} |", f"|{' --- |' * (len(heads) - 1)} ---: |"]
    for run in sorted(runs, key=lambda run: conclusion(run) in PASSING):
        cells = [code(text) for _, text in run.suite.cell]
        cells += [f"{run.suite.shard}/{run.suite.shards}"] if has_shards else []
        time = duration(between(run.started_at, run.finished_at)) if run.started_at and run.finished_at else ""
        words = f"[{escaped(title(run, limits_of(run.suite)))}]({cell_url(run)})"
        rows.append(f"| {' | '.join([*cells, f'{SIGNS[run.word]} {_word(run)}', words, time])} |")
    return "\n".join(rows)


def _unfinished(runs: Sequence[Run], outlook: Outlook) -> str:
    if outlook.wait is not None and _status(runs) is CheckStatus.QUEUED:
        return f"Queued: {outlook.wait.words}"
    return f"{sum(run.state.is_final for run in runs)} of {_places(runs)} done{outlook.left_words}"


def _places(runs: Sequence[Run]) -> str:
    """`3 environments`, or shards where nothing else tells them apart."""
    return counted(len(runs), "environment" if runs[0].suite.cell else "shard")


def _word(run: Run) -> str:
    return "not started" if run.is_unstarted else run.word.replace("_", " ")


def _longest(runs: Sequence[Run]) -> float:
    starts = [run.started_at for run in runs if run.started_at]
    ends = [run.finished_at for run in runs if run.finished_at]
    return between(min(starts), max(ends)) if starts and ends else 0.0
