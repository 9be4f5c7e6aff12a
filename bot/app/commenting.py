"""The comments that are edited: a change's results, silent while green (PRODUCT §2.5); what a search has found.

They go through the outbox like checks, under names of their own. Results become due with the end of the aggregate, a
search when it is asked for and when it ends.
"""

from dataclasses import dataclass
from typing import Final

from bot.app import announcing, findings
from bot.app.context import App
from bot.app.turns import one_at_a_time
from bot.domain.bisecting_words import answer, mark
from bot.domain.build_check import conclusion_of_build, counts
from bot.domain.checks import Conclusion, comment_name
from bot.domain.errors import Gone
from bot.domain.refs import Repository
from bot.domain.results_comment import MARK, results_comment
from bot.domain.runs import Build, Run, RunState
from bot.domain.suites import CommentWhen
from bot.ports.reports import Report
from bot.ports.store import UnitOfWork

_TOPIC: Final = "results"
_SEARCH: Final = "search:"
_FOREVER: Final = 10 * 365 * 86400.0
_DELETED: Final = ""
"""In place of the comment's id: somebody did not want it, so it is not written again."""


@dataclass(frozen=True, slots=True)
class Comment:
    """What it shall say."""

    change: int
    text: str
    topic: str = _TOPIC
    """There is one comment of each on a change."""
    mark: str = MARK
    """What it is found by."""


def follow(app: App, work: UnitOfWork, aggregate: Report) -> None:
    """The aggregate has ended: the comments of the commit's changes may have news."""
    if not app.rules.comments:
        return
    for build in {one.change: one for one in reversed(work.builds.at(aggregate.repository, aggregate.sha))}.values():
        if build.change is not None and build.pull_requests.comment is not CommentWhen.NEVER:
            announcing.own(work, build, comment_name(build.change))


def render(app: App, work: UnitOfWork, report: Report, change: int) -> Comment | None:
    """None: nothing is to be said; an older head, not ended, or green as it always was."""
    build = work.builds.get(report.build)
    runs = [run for run in announcing.runs_at(work, report.repository, report.sha) if counts(run)]
    newest = work.builds.of_change(report.repository, change)[0]
    waits = any(not run.state.is_final or run.state is RunState.REJECTED for run in runs)
    if newest.sha != report.sha or waits:
        return None

    def url_of(run: Run) -> str:
        return f"{app.suite_url(build.id, run.suite.name)}?run={run.id}"

    known = work.conversations.reply(report.repository, change, _TOPIC, _FOREVER)
    match conclusion_of_build(build, runs):
        case Conclusion.SUCCESS if known is None and build.pull_requests.comment is CommentWhen.FAILURES:
            return None
        case Conclusion.SUCCESS | Conclusion.FAILURE:
            retest = app.dialect_of(work.repositories.get(report.repository)).command("retest")
            url = app.build_url(build.id)
            return Comment(change, results_comment(build, runs, url, url_of, app.limits_of, retest))
        case _:
            return None


def render_search(app: App, work: UnitOfWork, report: Report, change: int) -> Comment | None:
    """What was found of the commit that broke the change's target, as it is now; None: it is forgotten."""
    builds = work.builds.at(report.repository, report.sha)
    told = [one.told for build in reversed(builds) for one in findings.of_build(work, build.id)]
    if not told:
        return None
    repository = work.repositories.get(report.repository)
    commits = app.dialect_of(repository).page(repository, "commit/")
    text = answer(told, report.sha, app.build_url(told[0].search.build), commits)
    return Comment(change, text, f"{_SEARCH}{report.sha}", mark(report.sha))


def knows_search(work: UnitOfWork, build: Build, change: int) -> bool:
    """Was an answer about that build's commit written on the change."""
    return bool(work.conversations.reply(build.repository, change, f"{_SEARCH}{build.sha}", _FOREVER))


def write(app: App, repository: Repository, comment: Comment) -> str:
    """Raises: what Forge.reply does, but for a comment that is gone; Busy."""
    with one_at_a_time(app, f"comment:{repository.id}:{comment.change}"):
        with app.work() as work:
            ref = work.conversations.reply(repository.id, comment.change, comment.topic, _FOREVER)
        if ref == _DELETED:
            return _DELETED
        try:
            ref = app.forge_of(repository).reply(repository, comment.change, comment.text, ref, unique=comment.mark)
        except Gone:
            ref = _DELETED
        with app.work() as work:
            work.conversations.keep_reply(repository.id, comment.change, comment.topic, ref)
    return ref
