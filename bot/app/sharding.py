"""Shards that take about as long: one plan for all shards of a commit, kept so that a re-run sees the same."""

from dataclasses import replace
from typing import Final

from bot.app import comparing
from bot.app.context import App
from bot.app.jobs import PLAN, Subject
from bot.domain.sharding import seconds_by_group, shard_plan
from bot.domain.suites import Suite

_ROOM: Final = 100_000
"""Bytes: a variable of the environment has at most 128 KiB (execve(2))."""


def planned(app: App, subject: Subject, suite: Suite) -> Suite:
    """The suite with its plan, if it has shards; an empty one where nothing is recorded yet.

    Whichever shard comes first makes it, from the build that its results will be compared with.
    """
    run = subject.run
    if suite.shards == 1:
        return suite
    with app.work() as work:
        if run.bisection is not None:
            # A search looks for tests of one shard, which have to be in it at every commit.
            failed = work.runs.get(work.bisections.get(run.bisection).run)
            return replace(suite, env={**suite.env, PLAN: work.results.shard_plan(failed) or ""})
        plan = work.results.shard_plan(run)
        if plan is None:
            base = comparing.base_of(work, run, subject.build, subject.repository)
            seconds = work.results.seconds_in_base(run, base) if base else {}
            made = shard_plan(seconds_by_group(seconds), run.suite.shards, _ROOM)
            plan = work.results.keep_shard_plan(run, made)
    return replace(suite, env={**suite.env, PLAN: plan})
