"""How a change stands: answers to `/assay status`, `/assay explain` and `/assay help`."""

from collections.abc import Sequence

from bot.app import announcing, presence, steering, suite_files, trusting
from bot.app.context import App
from bot.domain.commands import USAGE, Explain, Help, Status
from bot.domain.dialect import ALWAYS
from bot.domain.errors import InvalidSuiteFile
from bot.domain.refs import Repository
from bot.domain.runs import Run, RunState
from bot.domain.suite_check import SIGNS, title
from bot.domain.suites import Suite
from bot.domain.texts import code, escaped
from bot.ports.forge import Change

_QUEUE_LOOK = 1000


def answer(app: App, repository: Repository, change: Change, question: Status | Explain | Help) -> str:
    """One reply, edited when it is asked for again."""
    match question:
        case Help():
            return _help(app, repository, change)
        case Status():
            return _status(app, repository, change)
        case Explain(suite):
            return _explain(app, repository, change, suite)


def _suites(app: App, repository: Repository, change: Change) -> Sequence[Suite]:
    file = suite_files.at(app, repository, change.head)
    return () if file is None or isinstance(file, InvalidSuiteFile) else file.suites


def _runs(app: App, repository: Repository, change: Change) -> Sequence[Run]:
    with app.work() as work:
        return presence.with_waits(app, work, announcing.runs_at(work, repository.id, change.head))


def _help(app: App, repository: Repository, change: Change) -> str:
    dialect = app.dialect_of(repository)
    rows = [f"| {dialect.command(form)} | {what} | {who} |" for form, who, what in USAGE]
    names = ", ".join(code(suite.name) for suite in _suites(app, repository, change)[:20])
    suites = f"Suites here: {names}." if names else "There is no suite file on this commit."
    table = "\n".join(["| command | does | who may |", "| --- | --- | --- |", *rows])
    also = "" if dialect.prefix == ALWAYS else " Each also works as `/assay COMMAND`."
    return f"{table}\n\n{suites}{also}"


def _status(app: App, repository: Repository, change: Change) -> str:
    runs = _runs(app, repository, change)
    head = code(change.head[:7])
    if not runs:
        return f"Nothing has run on {head}."
    rows = [
        f"| {SIGNS[run.word]} | [{escaped(run.suite.key)}]({app.suite_url(run.build, run.suite.name)}) "
        f"| {escaped(title(run, app.limits_of(run.suite)))} |"
        for run in runs
    ]
    return "\n".join([f"How {head} stands:", "", "| | suite | |", "| --- | --- | --- |", *rows])


def _explain(app: App, repository: Repository, change: Change, suite: str) -> str:
    origin = steering.origin_of(app, repository, change)
    with app.work() as work:
        approved = trusting.is_approved(work, origin)
        queue = list(work.runs.queued(_QUEUE_LOOK))
    runs = {run.suite.key: run for run in _runs(app, repository, change)}
    head = f"{code(origin.suite_file or 'the suite file')} at {code(change.head)}"
    trust = f"{origin.trust.value}{'' if approved else ', waits for an approval'}"
    lines = [f"Event: {origin.cause.value} onto {code(origin.base_ref)} · read: {head} · change: {trust}", ""]
    if origin.note:
        lines.append(f"{escaped(origin.note)}\n")
    asked = [one for one in _suites(app, repository, change) if not suite or one.name == suite]
    lines += [f"- {code(one.key)}: {_why(runs.get(one.key), one, queue)}" for one in asked]
    return "\n".join(lines)


def _why(run: Run | None, suite: Suite, queue: Sequence[str]) -> str:
    if run is None:
        events = ", ".join(event.value for event in suite.when.events)
        return f"has not run; it is for {events}"
    if run.state is RunState.QUEUED and run.id in queue:
        why = f", but {run.waits}" if run.waits else ""
        return f"queued, place {queue.index(run.id) + 1} in the queue{why}"
    note = f": {escaped(run.note)}" if run.note else ""
    return f"{run.word.replace('_', ' ')}{note}"
