"""The aggregate check `assay`: what a whole build comes to (BEHAVIOUR §1, PRODUCT §2.3)."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from bot.domain.cells_check import LimitsOf
from bot.domain.checks import AGGREGATE, Action, Annotation, Check, CheckStatus, Conclusion
from bot.domain.dialect import Dialect
from bot.domain.errors import Problem
from bot.domain.runs import Build, Merge, Reason, Run, RunState
from bot.domain.suite_check import (
    RERUN_ALL,
    RERUN_FAILED,
    SIGNS,
    conclusion,
    flaky_words,
    has_passed,
    none_could_run,
    title,
)
from bot.domain.texts import between, code, duration, escaped, one_line
from bot.domain.waiting import NOTHING_KNOWN, Outlook

APPROVE: Final = (
    Action("Approve and run", "Run the checks for this commit", "approve"),
    Action("Trust this PR", "Also run its later commits", "approve_pr"),
)


_CONFLICTS_SHOWN: Final = 50


def build_check(
    build: Build,
    runs: Sequence[Run],
    url: str,
    suite_url: Callable[[str], str],
    limits_of: LimitsOf,
    dialect: Dialect,
    outlook: Outlook = NOTHING_KNOWN,
) -> Check:
    """`url`: the build's page; `suite_url`: the page of a suite by its name. `outlook`: of all runs together."""
    if build.problems:
        return _invalid(build, url)
    if build.merge and build.conflicts:
        return _conflicting(build, build.merge, url)
    if any(run.state is RunState.AWAITING_APPROVAL for run in runs):
        return _waiting(build, url, dialect)
    counted = [run for run in runs if counts(run)]
    done = all(run.state.is_final for run in counted)
    begun = any(run.attempt or run.state.is_final for run in counted)
    ended = max((run.finished_at for run in counted if run.finished_at), default=build.created_at) if done else None
    running = CheckStatus.IN_PROGRESS if begun else CheckStatus.QUEUED
    return _check(
        build,
        url,
        status=CheckStatus.COMPLETED if done else running,
        conclusion=_conclusion(counted) if done else None,
        title=_title(build, counted, ended, outlook) if counted or not runs else "Nothing has to run here",
        summary=_table(build, runs, suite_url, limits_of) + _remarks(build),
        annotations=_warnings(build) if done else (),
        actions=(RERUN_FAILED, RERUN_ALL) if done and _conclusion(counted) is not Conclusion.SUCCESS else (),
        completed_at=ended,
        could_not_run=done and none_could_run([run for run in counted if not has_passed(run)]),
    )


def counts(run: Run) -> bool:
    """A suite that only a person starts is optional, and what waits with it has not been asked for."""
    return not run.is_unstarted and not run.suite.is_manual


def newest_of_each_cell(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Of all runs of a commit, the oldest first, those that count, one for each cell.

    Which is newer is the store's to know: the clocks of the processes that made them may differ. What a filter
    skipped counts only if there is no other; what a person skipped counts like what has run.
    """
    found: dict[str, Run] = {}
    for run in runs:
        known = found.get(run.suite.key)
        if known is None or _is_filtered(known) or not _is_filtered(run):
            found[run.suite.key] = run
    return tuple(found.values())


def _is_filtered(run: Run) -> bool:
    return run.state is RunState.SKIPPED and run.reason is not Reason.COMMAND_SKIP


def verdict(build: Build, runs: Sequence[Run]) -> str:
    """The build's state in one of the words of BEHAVIOUR §3."""
    if build.problems or build.conflicts:
        return "failed"
    runs = [run for run in runs if counts(run)] or [run for run in runs if not run.is_unstarted]
    words = {run.word for run in runs}
    for word in ("waiting", "running"):
        if word in words:
            return word
    if "queued" in words:
        return "queued" if words == {"queued"} else "running"
    return _WORDS[_conclusion(runs)]


_WORDS: Final = {Conclusion.SUCCESS: "passed", Conclusion.FAILURE: "failed", Conclusion.CANCELLED: "cancelled"}


def conclusion_of_build(build: Build, runs: Sequence[Run]) -> Conclusion:
    """Of one that has ended."""
    return Conclusion.FAILURE if build.problems or build.conflicts else _conclusion(runs)


def _conclusion(runs: Sequence[Run]) -> Conclusion:
    """Success: every suite passed, was skipped by a filter or may fail."""
    found = {conclusion(run) for run in runs if not has_passed(run)}
    if not found:
        return Conclusion.SUCCESS
    # What was skipped because of its needs is no better than they are.
    return Conclusion.CANCELLED if found - {Conclusion.SKIPPED} == {Conclusion.CANCELLED} else Conclusion.FAILURE


def _title(build: Build, runs: Sequence[Run], ended: datetime | None, outlook: Outlook) -> str:
    if not runs:
        return "Nothing to run for this event"
    if ended is None:
        return f"{sum(run.state.is_final for run in runs)} of {len(runs)} done{outlook.left_words}"
    bad = [run for run in runs if not has_passed(run)]
    good = Counter(run.word.replace("_", " ") for run in runs if has_passed(run))
    counts = ", ".join(f"{count} {word}" for word, count in sorted(good.items()))
    if bad:
        words = ", ".join(f"{run.suite.key} {run.word.replace('_', ' ')}" for run in bad)
        return one_line(f"{words}; {counts}" if counts else words, 120)
    if all(run.state is RunState.SKIPPED for run in runs):
        return "Nothing to run: every suite was skipped"
    return f"{counts} in {duration(between(build.created_at, ended))}{flaky_words(runs)}"


def _table(build: Build, runs: Sequence[Run], suite_url: Callable[[str], str], limits_of: LimitsOf) -> str:
    if not runs:
        return "No suite of the suite file is for this event."
    rows = ["| suite | result | | time |", "| --- | --- | --- | ---: |"]
    for run in sorted(runs, key=has_passed):
        word = run.word
        time = duration(between(run.started_at, run.finished_at)) if run.started_at and run.finished_at else ""
        link = f"[{escaped(run.suite.key)}]({suite_url(run.suite.name)})"
        rows.append(
            f"| {link} | {SIGNS[word]} {word.replace('_', ' ')} "
            f"| {escaped(title(run, limits_of(run.suite)))} | {time} |"
        )
    note = f"\n\n{escaped(build.note)}" if build.note else ""
    return "\n".join(rows) + note


def _remarks(build: Build) -> str:
    count = len(build.warnings)
    return (
        f"\n\n{code(build.suite_file)} has {count} warning{'s' if count > 1 else ''}: `assay lint`" if count else ""
    )


def _warnings(build: Build) -> tuple[Annotation, ...]:
    """They fail nothing."""
    return tuple(
        replace(_annotation(build, one), level="warning") for one in build.warnings[: build.pull_requests.annotations]
    )


def _annotation(build: Build, problem: Problem) -> Annotation:
    return Annotation(
        path=build.suite_file,
        line=problem.line,
        column=problem.column,
        end_column=problem.end_column,
        message=f"{problem.message}{f'; {problem.help}' if problem.help else ''}",
        title=f"{problem.code} in the suite file",
    )


def _waiting(build: Build, url: str, dialect: Dialect) -> Check:
    touched = "\n".join(f"- {code(path)}" for path in build.risky_paths)
    looks = (
        f"This change by {code(build.sender)} touches files that decide what is run:\n{touched}"
        if touched
        else (f"This change by {code(build.sender)} touches no file that is known to decide what is run.")
    )
    remark = f" {escaped(build.note)}" if build.note else ""
    button = "with the button, " if dialect.has_buttons else ""
    summary = (
        f"**Nothing is wrong with this {dialect.change}.** The checks have not run yet.\n\n"
        "Changes by people without write access wait until someone with write access has looked at them, because "
        "they run code on the project's machines. There is nothing to do for you; if it takes more than a few days, "
        "a friendly comment is fine.\n\n"
        f"**For maintainers.** {looks}{remark}\n\n"
        f"Approve this commit {button}with {dialect.command('ok-to-test')}, or on the server with "
        f"`assay approve {build.id}`. Approving covers this commit only. Secrets are never given to it."
    )
    return _check(
        build,
        url,
        status=CheckStatus.COMPLETED,
        conclusion=Conclusion.ACTION_REQUIRED,
        title="Not started: a maintainer must approve first",
        summary=summary,
        actions=APPROVE,
        completed_at=build.created_at,
    )


def _invalid(build: Build, url: str) -> Check:
    count = len(build.problems)
    errors = f"{count} error{'s' if count > 1 else ''}"
    rows = [
        f"| {one.line} | {escaped(one.message)}{f'; {escaped(one.help)}' if one.help else ''} ({one.code}) |"
        for one in build.problems[:100]
    ]
    annotations = tuple(_annotation(build, one) for one in build.problems[:50])
    table = "\n".join(["| line | error |", "| ---: | --- |", *rows])
    return _check(
        build,
        url,
        status=CheckStatus.COMPLETED,
        conclusion=Conclusion.FAILURE,
        title=f"{build.suite_file} has {errors}",
        summary=f"No suite could start because {code(build.suite_file)} is not valid.\n\n{table}\n\n"
        "Check it before pushing: `assay lint`",
        annotations=annotations,
        completed_at=build.created_at,
        could_not_run=True,
    )


def _conflicting(build: Build, merge: Merge, url: str) -> Check:
    count = len(merge.conflicts)
    files = "\n".join(f"- {code(path)}" for path in merge.conflicts[:_CONFLICTS_SHOWN])
    more = f"\n- {count - _CONFLICTS_SHOWN} more" if count > _CONFLICTS_SHOWN else ""
    return _check(
        build,
        url,
        status=CheckStatus.COMPLETED,
        conclusion=Conclusion.FAILURE,
        title=one_line(f"Conflicts with {build.base_ref} in {', '.join(merge.conflicts)}", 120),
        summary=f"Nothing was run: {code(build.sha[:7])} can't be merged onto {code(build.base_ref)} at "
        f"{code(merge.base[:7])}. Both have changed:\n\n{files}{more}\n\n"
        f"Merge {code(build.base_ref)} into the branch or rebase it, and push.",
        actions=(RERUN_ALL,),
        completed_at=build.created_at,
    )


def _check(
    build: Build,
    url: str,
    *,
    status: CheckStatus,
    conclusion: Conclusion | None,
    title: str,
    summary: str,
    annotations: tuple[Annotation, ...] = (),
    actions: tuple[Action, ...] = (),
    completed_at: datetime | None,
    could_not_run: bool = False,
) -> Check:
    return Check(
        name=AGGREGATE,
        sha=build.sha,
        external_id=f"build-{build.id}",
        ref=build.ref,
        change=build.change,
        details_url=url,
        status=status,
        conclusion=conclusion,
        title=title,
        summary=summary,
        annotations=annotations,
        actions=actions,
        started_at=build.created_at,
        completed_at=completed_at,
        could_not_run=could_not_run,
    )
