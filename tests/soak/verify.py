"""What must be true once all is quiet, beside the quiet check: nothing lost, nothing twice, nothing wrong."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.results_comment import MARK
from tests.soak.people import LINES, Commit

OUR_FAULTS: Final = ("worker_lost", "killed_externally", "sandbox", "source", "forge")
"""Reasons for which an attempt says nothing."""
ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    id: str
    sha: str
    state: str
    outcomes: Sequence[tuple[str, str | None]]
    log: bytes = b""

    @property
    def given_up(self) -> bool:
        """After as many attempts as there may be, none of which could say anything."""
        return self.state == "errored" and sum(reason in OUR_FAULTS for _, reason in self.outcomes) >= ATTEMPTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    commits: Mapping[str, Commit]
    runs: Sequence[Ran]
    slowed: frozenset[str] = frozenset()
    """Runs that may have come to their deadline by an accident."""
    comments: Sequence[tuple[str, str]] = ()
    """Ours: the change and the text."""
    said: int = 0
    """Commands that people gave."""


def wrongs(ended: Ended) -> list[str]:
    """Empty when all is right."""
    of = {sha: [run for run in ended.runs if run.sha == sha] for sha in ended.commits}
    return [
        *(f"commit {sha}: {what}" for sha, commit in ended.commits.items() for what in _of_commit(commit, of[sha])),
        *(f"run {run.id}: {what}" for run in ended.runs for what in _of_run(run, ended)),
        *_of_comments(ended),
    ]


def _of_commit(commit: Commit, runs: Sequence[Ran]) -> Iterator[str]:
    if not runs and not commit.stoppable:
        yield f"has no run ({commit})"
    if len(runs) > 1 and not commit.changed and not commit.stoppable:
        yield f"has {len(runs)} runs, and nobody asked for more than one"


def _of_run(run: Ran, ended: Ended) -> Iterator[str]:
    commit = ended.commits.get(run.sha)
    if commit is None or run.given_up:
        return
    if commit.stranger and not commit.approved and run.outcomes:
        yield "a stranger's code ran, and nobody approved it"
    stopped = commit.stoppable and run.state in ("cancelled", "superseded", "rejected")
    slowed = run.id in ended.slowed and run.state == "timed_out"
    if run.state != commit.state and not stopped and not slowed:
        yield f"ended as {run.state} after {list(run.outcomes)}, but its suite is {commit.kind}"
    if run.state in ("passed", "failed") and commit.state == run.state:
        yield from _of_log(run, commit)


def _of_log(run: Ran, commit: Commit) -> Iterator[str]:
    """Of its last attempt, which may have had several workers: each line once."""
    attempt, wanted = len(run.outcomes), LINES.get(commit.kind, 0)
    begins = run.log.count(b"begin %d\n" % attempt)
    lines = run.log.rpartition(b"begin %d\n" % attempt)[2].splitlines()
    if begins != 1:
        yield f"its log has the begin of attempt {attempt} {begins} times"
    elif lines[:wanted] != [b"%d" % number for number in range(1, wanted + 1)]:
        yield "lines of its log are missing, or there twice"
    elif commit.state == "passed" and lines.count(b"end") != 1:
        yield f"its log has its end {lines.count(b'end')} times"


def _of_comments(ended: Ended) -> Iterator[str]:
    results = Counter(change for change, text in ended.comments if MARK in text)
    yield from (
        f"change {change} has {count} comments with results" for change, count in results.items() if count > 1
    )
    others = len(ended.comments) - results.total()
    if others > ended.said:
        yield f"{others} replies to {ended.said} commands"
