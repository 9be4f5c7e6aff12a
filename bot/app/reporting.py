"""The outbox: showing on the forge what is stored here (RELIABILITY §6.7)."""

import hashlib
import json
import random
from dataclasses import asdict, replace
from typing import Final

import structlog

from bot.app import announcing, commenting, presence
from bot.app.commenting import Comment
from bot.app.context import App
from bot.app.durations import outlook_of, outlook_of_all
from bot.app.tracing import nearest
from bot.domain.build_check import build_check, counts
from bot.domain.cells_check import cells_check
from bot.domain.checks import AGGREGATE, Check, CheckStatus, check_name, commented_change, searched_change
from bot.domain.errors import Ambiguous, Refused, Unavailable
from bot.domain.refs import Repository
from bot.domain.suite_check import suite_check
from bot.domain.suites import CommentWhen
from bot.faultpoints import faultpoint
from bot.ports.queue import SendReport
from bot.ports.reports import Report
from bot.ports.store import UnitOfWork
from bot.ports.telemetry import Fact, Metric, SpanName

log = structlog.get_logger()

_LONGEST_PAUSE: Final = 45.0
"""Seconds: within a minute of a forge's recovery what ended meanwhile is shown; its breaker spares it until then."""


def send(app: App, task: SendReport) -> None:
    """Show the newest state. Safe to repeat: versions never go back, and a check is never made twice."""
    with app.work() as work:
        report = work.reports.claim(task.report, app.rules.lease)
        if report is None:
            return
        repository = work.repositories.get(report.repository)
        app = app.under(work.repositories.own_rules(report.repository))
        trace = work.builds.get(report.build).trace
        shown = _shown(app, work, report)
    about: dict[str, Fact] = {"build": report.build, "run": report.run or "", "check": report.name}
    with (
        structlog.contextvars.bound_contextvars(build=report.build, run=report.run, check=report.name),
        app.traces.span(SpanName.REPORT, nearest(trace, task.trace), **about, version=report.version),
    ):
        _send(app, report, repository, shown)


def _shown(app: App, work: UnitOfWork, report: Report) -> Check | Comment | None:
    if (change := commented_change(report.name)) is not None:
        return commenting.render(app, work, report, change)
    if (change := searched_change(report.name)) is not None:
        return commenting.render_search(app, work, report, change)
    return _render(app, work, report)


def _render(app: App, work: UnitOfWork, report: Report) -> Check:
    """The state of all runs of the commit as it is now.

    Several builds may speak for one commit (a push and a change): the aggregate takes in the suites of all, or one
    that only one of them has could fail unseen.
    """
    build = work.builds.get(report.build)
    repository = work.repositories.get(report.repository)
    dialect = app.dialect_of(repository)
    runs = presence.with_waits(app, work, announcing.runs_at(work, report.repository, report.sha))

    def url_of(suite: str) -> str:
        return app.suite_url(build.id, suite)

    if report.run is None:
        quiet = not app.rules.comments or build.pull_requests.comment is CommentWhen.NEVER
        outlook = outlook_of_all(app, work, [run for run in runs if counts(run)], build, repository)
        url = app.build_url(build.id)
        return replace(build_check(build, runs, url, url_of, app.limits_of, dialect, outlook), quiet=quiet)
    shown = report.name.removeprefix(check_name(""))
    cells = [run for run in runs if shown in (run.suite.name, run.suite.key)]
    url = url_of(cells[0].suite.name)
    if len(cells) == 1:
        (run,) = cells
        url = url if shown == run.suite.name else f"{url}?run={run.id}"
        results = work.results.of_run(run.id)
        outlook = outlook_of(app, work, run, build, repository)
        return suite_check(run, build, url, app.limits_of(run.suite), results, report.name, outlook)
    told = [(run, results) for run in cells if (results := work.results.of_run(run.id)) is not None]
    outlook = outlook_of_all(app, work, cells, build, repository)
    return cells_check(cells, build, url, lambda run: f"{url}?run={run.id}", app.limits_of, report.run, told, outlook)


def _send(app: App, report: Report, repository: Repository, shown: Check | Comment | None) -> None:
    digest = _digest(shown) if shown else report.digest
    ended = isinstance(shown, Check) and shown.status is CheckStatus.COMPLETED
    if shown is None or (digest == report.digest and report.ref is not None):
        _note_sent(app, report, repository, report.ref or "", digest, ended=ended, outcome="unchanged")
        return
    # A completed check can't go back (FORGES §1.4): what follows it is a new one of the same name.
    ref = None if report.ended else report.ref
    try:
        if isinstance(shown, Comment):
            ref = commenting.write(app, repository, shown)
        else:
            ref = app.forge_of(repository).publish(repository, shown, ref, again=report.ambiguous)
    except Unavailable as error:
        _postpone(app, report, repository, error)
    except Refused as error:
        _bury(app, report, repository, error)
    else:
        faultpoint("reporter.after_publish")
        _note_sent(app, report, repository, ref, digest, ended=ended, outcome="sent")
        faultpoint("reporter.after_sent")


def _digest(shown: Check | Comment) -> str:
    text = json.dumps(asdict(shown), default=str, sort_keys=True)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _note_sent(
    app: App, report: Report, repository: Repository, ref: str, digest: str, *, ended: bool, outcome: str
) -> None:
    with app.work() as work:
        if work.reports.sent(report, ref=ref, ended=ended, digest=digest):
            work.send(SendReport(report.id))
        if ended and report.name == AGGREGATE:
            commenting.follow(app, work, report)
    app.telemetry.count(Metric.REPORTS, forge=repository.forge, outcome=outcome)
    log.info("report.sent", version=report.version, outcome=outcome, ended=ended)


def _postpone(app: App, report: Report, repository: Repository, error: Unavailable) -> None:
    """Ever longer, with jitter, or what the forge asked for."""
    pause = min(2.0 ** min(report.attempts, 12), _LONGEST_PAUSE)
    seconds = error.retry_after if error.retry_after is not None else random.uniform(pause / 2, pause)  # noqa: S311  # spreads calls, guards nothing
    with app.work() as work:
        work.reports.postpone(report, seconds, str(error), ambiguous=isinstance(error, Ambiguous))
    app.telemetry.count(Metric.REPORTS, forge=repository.forge, outcome="postponed")
    log.warning("report.postponed", seconds=round(seconds, 1), error=str(error), repository=repository.id)


def _bury(app: App, report: Report, repository: Repository, error: Refused) -> None:
    with app.work() as work:
        work.reports.bury(report, str(error))
    app.telemetry.count(Metric.REPORTS, forge=repository.forge, outcome="dead")
    log.error("report.dead", error=str(error), repository=repository.id)
