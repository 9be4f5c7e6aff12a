"""A repository with a past: 200 builds, the same each time, so that pages have trends, flaky and known failures."""

import random
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.app import comparing
from bot.app.comparing import Began, Comparison
from bot.app.context import App
from bot.bootstrap import build as build_bot
from bot.domain.refs import ForgeName, Repository, RepositorySeen, Sha
from bot.domain.results import Case, Failure, Mark, Outcome, Results
from bot.domain.runs import Build, BuildId, Cause, Reason, Run, RunId, RunState, Trust
from bot.domain.suites import Reports, Suite
from bot.domain.texts import counted
from bot.ports.store import UnitOfWork
from bot.settings import read

PATH: Final = "demo/history"
BUILDS: Final = 200
_DAYS: Final = 13
_TITLES: Final = (
    "Read files with accents",
    "Queue what comes while a sync runs",
    "Tidy up the exporter",
    "Name the column that is wrong",
    "Faster import of large files",
)
_TIMED_OUT: Final = "TimeoutError: no answer after 5 s"
_PEOPLE: Final = ("ada", "ben", "cleo", "dai")
_SUITE: Final = Suite(
    name="unit",
    image="busybox",
    commands=("make test",),
    is_script=False,
    reports=Reports(junit=("out/*.xml",)),
    timeout=150,
)
_NAMES: Final = tuple(
    f"tests/test_{part}.py::test_{what}"
    for part in ("import", "export", "queue", "sync")
    for what in ("empty", "one_row", "many_rows", "wrong_header", "accents", "interrupted")
)
FLAKY: Final = {"tests/test_sync.py::test_interrupted": 0.09, "tests/test_queue.py::test_many_rows": 0.04}
"""How often each fails, whatever the commit."""
_BROKEN: Final = "tests/test_import.py::test_accents"
_BROKEN_AT: Final = frozenset((*range(61, 66), *range(186, BUILDS + 1)))
"""At so many builds: for a while, and until now."""


def seed(app: App, forge: ForgeName, url: str) -> None:
    """`url`: of the pretend forge, which knows nothing of this repository."""
    chance = random.Random(200)  # noqa: S311  # the same past each time
    start = app.now() - timedelta(days=_DAYS)
    pause = timedelta(days=_DAYS) / (BUILDS + 1)
    with app.work() as work:
        repository = work.repositories.see(
            RepositorySeen(
                forge=forge,
                forge_id=999_999,
                path=PATH,
                private=False,
                default_branch="main",
                web_url=f"{url}/{PATH}",
                clone_url=f"{url}/{PATH}.git",
            )
        )
    again: Build | None = None
    for number in range(1, BUILDS + 1):
        made = _again(again, number) if again else _pushed(repository, number, chance)
        made = replace(made, created_at=start + number * pause)
        with app.work() as work:
            stored = work.builds.add(made)
            if stored is None:
                return  # it is all there
            has_failed = _run(app, work, stored, repository, number, chance)
        again = stored if has_failed and not again and not {number, number + 1} & _BROKEN_AT else None


def _pushed(repository: Repository, number: int, chance: random.Random) -> Build:
    """To the default branch; each fourth is a change's."""
    person = chance.randrange(len(_PEOPLE))
    is_change = number % 4 == 0
    return Build(
        id=BuildId(0),
        key=f"history-{number}",
        repository=repository.id,
        sha=Sha(f"{chance.getrandbits(160):040x}"),
        cause=Cause.CHANGE if is_change else Cause.PUSH,
        ref=f"topic-{number}" if is_change else "main",
        base_ref="main" if is_change else "",
        change=number if is_change else None,
        title=_TITLES[number % len(_TITLES)],
        sender_id=person + 1,
        sender=_PEOPLE[person],
        created_at=datetime.fromtimestamp(0, UTC),
    )


def _again(build: Build, number: int) -> Build:
    """The same commit once more, as somebody does who does not believe a failure."""
    return replace(build, key=f"history-{number}")


def _run(
    app: App, work: UnitOfWork, build: Build, repository: Repository, number: int, chance: random.Random
) -> bool:
    """Whether it failed."""
    cases = [_case(name, number, chance) for name in _NAMES]
    begun = build.created_at + timedelta(seconds=chance.uniform(1, 20))
    run = Run(
        id=RunId(app.new_id()),
        build=build.id,
        repository=repository.id,
        sha=build.sha,
        suite=_SUITE,
        trust=Trust.TRUSTED,
        state=RunState.PASSED,
        attempt=1,
        created_at=build.created_at,
        started_at=begun,
        finished_at=begun + timedelta(seconds=20 + sum(case.seconds or 0 for case in cases)),
    )
    failed = [case for case in cases if case.outcome is Outcome.FAILED]
    if failed:
        words = f"{counted(len(failed), 'test')} failed"
        run = replace(run, state=RunState.FAILED, reason=Reason.TESTS, note=words, exit_code=1)
    else:
        run = replace(run, note=f"{len(cases)} passed", exit_code=0)
    work.runs.add(run)
    work.results.begin(run)
    work.results.add(run, cases)
    slow = sorted(cases, key=lambda case: -(case.seconds or 0))[:5]
    comparison = comparing.compare(work, run, build, repository, cases, slow, build.created_at)
    work.results.conclude(run, comparing.branch_of(build), _results(cases, failed, comparison))
    return bool(failed)


def _case(name: str, number: int, chance: random.Random) -> Case:
    """`many_rows` gets slower with time."""
    is_slow = name.endswith("many_rows")
    seconds = chance.uniform(8, 12) * (1 + number / BUILDS) if is_slow else chance.uniform(0.1, 1)
    is_broken = name == _BROKEN and number in _BROKEN_AT
    if not is_broken and chance.random() >= FLAKY.get(name, 0):
        return Case(name=name, outcome=Outcome.PASSED, seconds=seconds)
    message = "AssertionError: 'Zo\N{LATIN SMALL LETTER E WITH DIAERESIS}' != 'Zo?'" if is_broken else _TIMED_OUT
    file = name.partition("::")[0]
    return Case(name=name, outcome=Outcome.FAILED, seconds=seconds, message=message, file=file, line=12)


def _results(cases: list[Case], failed: list[Case], comparison: Comparison) -> Results:
    return Results(
        passed=len(cases) - len(failed),
        failed=len(failed),
        new=comparison.count(Mark.NEW) if comparison.base else 0,
        known=comparison.count(Mark.KNOWN),
        known_flaky=comparison.count(Mark.FLAKY),
        base=comparison.base,
        failures=tuple(_failure(case, comparison) for case in failed),
        slowest=comparison.slowest,
    )


def _failure(case: Case, comparison: Comparison) -> Failure:
    began = comparison.began.get(case.name, Began())
    return Failure(
        name=case.name,
        mark=comparison.marks[case.name],
        message=case.message,
        path=case.file,
        line=case.line,
        since=began.since,
        since_sha=began.sha,
        times=began.times,
    )


def main() -> None:
    """With the settings of the environment, beside a server that runs."""
    forge, url = sys.argv[1:]
    bot = build_bot(read())
    try:
        seed(bot.app, ForgeName(forge), url)
    finally:
        bot.engine.dispose()


if __name__ == "__main__":
    main()
