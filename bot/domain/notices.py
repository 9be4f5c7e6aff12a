"""Notices: what people who don't look at a build are told of it, and where (PRODUCT §2.12)."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.domain.bisecting_words import Told, failing_words
from bot.domain.refs import Repository
from bot.domain.runs import Build, BuildId, Run
from bot.domain.suite_check import has_passed
from bot.domain.suites import Send
from bot.domain.texts import one_line

PAUSES: Final = (60.0, 600.0, 7200.0, 68_000.0)
"""Seconds after each failed try: five tries in a day."""
_NAMED: Final = 5
_TESTS: Final = 100
"""That programs are told of."""


class NoticeState(enum.StrEnum):
    PENDING = "pending"
    SENT = "sent"
    NOTHING = "nothing"
    """The build ended, and there was nothing to say to this channel."""
    DEAD = "dead"
    """Given up."""


class News(enum.StrEnum):
    BROKE = "broke"
    FIXED = "fixed"
    FAILED = "failed"
    PASSED = "passed"
    TEST = "test"
    """Somebody tries the channel."""
    FOUND = "found"
    """The commit that broke it."""
    UNCLEAR = "unclear"
    """It was looked for, and not found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What the suite file wants a channel to hear of a build."""

    id: int = 0
    build: BuildId
    channel: str
    suites: tuple[str, ...]
    """Empty: all."""
    send: Send
    state: NoticeState = NoticeState.PENDING
    attempts: int = 0
    error: str = ""
    bisection: int | None = None
    """The search for the commit that broke the build, whose end is what it tells."""
    at: float = 0.0
    """Of the last change; seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    key: str
    """The same when it is sent again."""
    news: News
    title: str
    text: str
    url: str
    facts: dict[str, object] = field(default_factory=dict)
    """For programs."""


def news_of(send: Send, before: bool | None, now: bool) -> News | None:  # two results in a row
    """`before`, `now`: did it pass; None: there was no finished build before. None: nothing to say."""
    turned = News.FIXED if now else News.BROKE
    match send:
        case Send.CHANGES:
            has_changed = before is False if now else before is not False
            return turned if has_changed else None
        case Send.FAILURES:
            return None if now else News.BROKE if before else News.FAILED
        case Send.ALL:
            if before is not None and before is not now:
                return turned
            return News.PASSED if now else News.FAILED


def message(
    notice: Notice, news: News, repository: Repository, build: Build, runs: Sequence[Run], url: str
) -> Message:
    bad = [run.suite.key for run in runs if not has_passed(run)]
    named = ", ".join(bad[:_NAMED]) + (f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else "")
    title = one_line(f"{repository.path} {build.ref} {news}{f': {named}' if named else ''}", 200)
    text = one_line(f"{title} at {build.sha[:7]} by {build.sender}: {build.title}", 500)
    facts: dict[str, object] = {
        "type": f"build.{news}",
        "forge": repository.forge,
        "repository": repository.path,
        "branch": build.ref,
        "sha": build.sha,
        "build": build.id,
        "failed": bad,
        "by": build.sender,
        "url": url,
    }
    return Message(key=f"notice-{notice.id}", news=news, title=title, text=text, url=url, facts=facts)


def culprit(notice: Notice, told: Told, repository: Repository, build: Build, url: str) -> Message:
    """Of a search that has ended."""
    found = told.search
    sha = found.first_bad or build.sha
    news = News.FOUND if found.first_bad else News.UNCLEAR
    what = f"{sha[:7]} broke" if found.first_bad else "not found what broke"
    title = one_line(f"{repository.path} {found.branch}: {what} {found.suite}", 200)
    facts: dict[str, object] = {
        "type": f"build.{news}",
        "forge": repository.forge,
        "repository": repository.path,
        "branch": found.branch,
        "sha": sha,
        "build": build.id,
        "suite": found.suite,
        "commits": len(found.commits),
        "note": found.note,
        "author": found.author,
        "tests": list(told.tests[:_TESTS]),
        "url": url,
    }
    by = f", by {found.author}" if found.author else ""
    failing = f" ({failing_words(told.tests)})" if found.first_bad and told.tests else ""
    text = one_line(f"{title}: {found.note}{by}{failing}", 500)
    return Message(key=f"notice-{notice.id}", news=news, title=title, text=text, url=url, facts=facts)
