"""From a trigger to a decision, with its reason, for every suite (BEHAVIOUR §1)."""

import enum
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.domain.catalog import Chosen
from bot.domain.refs import Person, Repository, Sha
from bot.domain.runs import Cause, Reason, RunId, Trust
from bot.domain.suites import Occasion, Suite, SuiteFile

_CHANGE: Final = frozenset({Occasion.PULL_REQUEST})
_OCCASIONS: Final = {
    Cause.PUSH: frozenset({Occasion.PUSH}),
    Cause.TAG: frozenset({Occasion.TAG}),
    Cause.CHANGE: _CHANGE,
    Cause.COMMENT: _CHANGE,
    Cause.RERUN: _CHANGE,
    Cause.MERGE_QUEUE: frozenset({Occasion.PULL_REQUEST, Occasion.PUSH}),
    Cause.SCHEDULE: frozenset({Occasion.SCHEDULE}),
    Cause.API: frozenset({Occasion.PUSH}),
    Cause.BISECT: frozenset({Occasion.PUSH}),
}
_SKIP_CI: Final = re.compile(r"\[(?:skip ci|ci skip)\]", re.IGNORECASE)

MatchGlobs = Callable[[Sequence[str], str], bool]
"""(globs, path or branch) → do they match."""


class Sharing(enum.Enum):
    """Which earlier runs of the commit may stand instead of new ones."""

    ALL = "all"
    """Whatever has run or is running: the trigger says nothing new about the commit."""
    GOOD = "good"
    """What passed or is unfinished; the rest is run again."""
    UNFINISHED = "unfinished"
    """What is unfinished; the rest is run again."""
    NONE = "none"
    KNOWN = "known"
    """Whatever there is, however it ended; only what was left out for a label is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Someone or something wants suites run at a commit; every trigger ends as one of these.

    The key names it: the same key again is the same trigger and starts nothing new.
    """

    key: str
    repository: Repository
    sha: Sha
    cause: Cause
    ref: str
    base_ref: str = ""
    base_sha: Sha | None = None
    """What the changed files are counted from; None: unknown."""
    change: int | None = None
    title: str = ""
    message: str = ""
    """The head commit's message, where `[skip ci]` counts."""
    own_branch: str = ""
    """Of a change from a branch of the repository itself: that branch."""
    draft: bool = False
    author: int = 0
    """Of a change: its author's number on the forge."""
    sender: Person
    trust: Trust
    approved: bool = False
    """Of a stranger's change: somebody with write access lets this commit run."""
    head_at: datetime | None = None
    """When the commit became the change's head, by the forge's clock."""
    sharing: Sharing = Sharing.ALL
    only: tuple[str, ...] = ()
    """Just these suites, by name, or cells of them, by key; their filters don't count. Empty: all, with filters."""
    failed_tests: bool = False
    """Of what runs again just the failed tests, where the suite says how."""
    chosen: Chosen | None = None
    """Of the registered suite that shall run; the commit's own suite file does not count then."""
    bisection: int | None = None
    """The search that wants it: the run speaks for nothing else."""
    repeats: RunId | None = None
    """Of a search: the run whose failed tests are looked for."""
    may_start: bool = False
    """Whoever asks has write access: a suite that waits for a person to start it is started when it is named."""

    @property
    def is_asked_for(self) -> bool:
        """Somebody wants it now, or the time has come: `[skip ci]` does not count."""
        return self.cause in (Cause.COMMENT, Cause.RERUN, Cause.API, Cause.SCHEDULE, Cause.BISECT)

    def names(self, suite: Suite) -> bool:
        return suite.name in self.only or suite.key in self.only


@dataclass(frozen=True, slots=True)
class ChangedFiles:
    """Paths that differ from the base, old names of renamed files included."""

    paths: tuple[str, ...]
    complete: bool
    """False when the list is cut or may be: then nothing may be skipped because of it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    suite: Suite


@dataclass(frozen=True, slots=True)
class Skipped:
    suite: Suite
    reason: Reason
    note: str
    """The title's words: `no changed file matches web/**`."""


@dataclass(frozen=True, slots=True)
class Unstarted:
    """The suite waits until a person starts it, or one that it needs."""

    suite: Suite
    note: str = ""
    """The one that it needs, in words."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The suite is for other events than this one; nothing is shown for it."""

    suite: Suite


Decision = Wanted | Skipped | Unstarted | Elsewhere


@dataclass(frozen=True, slots=True)
class Plan:
    decisions: tuple[Decision, ...]
    note: str = ""

    @property
    def concerns_anybody(self) -> bool:
        return any(not isinstance(one, Elsewhere) for one in self.decisions)


def needs_paths(trigger: Trigger, file: SuiteFile) -> bool:
    if trigger.cause is Cause.SCHEDULE:
        return False
    filtered = (suite for suite in file.suites if suite.when.paths or suite.when.paths_ignore)
    return not trigger.only and any(_is_for(trigger, suite) for suite in filtered)


def needs_labels(trigger: Trigger, file: SuiteFile) -> bool:
    filtered = (suite for suite in file.suites if suite.when.labels)
    return trigger.change is not None and not trigger.only and any(_is_for(trigger, suite) for suite in filtered)


def plan(
    trigger: Trigger,
    file: SuiteFile,
    changed: ChangedFiles | None,
    match_path: MatchGlobs,
    match_name: MatchGlobs,
    labels: Sequence[str] | None = None,
) -> Plan:
    """Decide for each suite.

    `changed` is None when the base is unknown or nobody filters by path. `match_name` is for branches and labels.
    `labels`: those of the change; None when it is none or nobody filters by them.
    """
    note = ""
    if needs_paths(trigger, file) and (changed is None or not changed.complete):
        note = "The list of changed files is not known whole, so path filters were not used."
        changed = None
    if trigger.only:
        return Plan(tuple(_named(trigger, suite) for suite in file.suites), note)
    decisions: list[Decision] = []
    for suite in file.suites:
        if not _is_for(trigger, suite):
            decisions.append(Elsewhere(suite))
            continue
        skipped = (
            _unwanted(trigger, file, suite)
            or _filtered(trigger, suite, changed, match_path, match_name)
            or _unlabelled(suite, labels, match_name)
        )
        decisions.append(skipped or (Unstarted(suite) if suite.is_manual else Wanted(suite)))
    return Plan(_with_needs(decisions), note)


def _named(trigger: Trigger, suite: Suite) -> Decision:
    if not trigger.names(suite):
        return Elsewhere(suite)
    return Wanted(suite) if trigger.may_start or not suite.is_manual else Unstarted(suite)


def _with_needs(decisions: Sequence[Decision]) -> tuple[Decision, ...]:
    """What needs a suite that nobody has started waits with it."""
    held = {one.suite.name for one in decisions if _holds(one)}
    found = tuple(decisions)
    while True:
        found = tuple(_held(one, held) for one in found)
        now = held | {one.suite.name for one in found if isinstance(one, Unstarted)}
        if now == held:
            return found
        held = now


def _holds(decision: Decision) -> bool:
    return isinstance(decision, Unstarted) or set(decision.suite.when.events) == {Occasion.MANUAL}


def _held(decision: Decision, held: Collection[str]) -> Decision:
    need = next((need for need in decision.suite.needs if need in held), None)
    if need is None or not isinstance(decision, Wanted):
        return decision
    return Unstarted(decision.suite, f"needs {need}, which nobody has started")


def _unwanted(trigger: Trigger, file: SuiteFile, suite: Suite) -> Skipped | None:
    """What holds for all suites of a trigger, unless somebody asks for them now."""
    if trigger.is_asked_for:
        return None
    if trigger.draft and not file.drafts:
        return Skipped(suite, Reason.DRAFT, "it is a draft")
    if _SKIP_CI.search(trigger.message):
        return Skipped(suite, Reason.SKIP_CI, "the commit message says [skip ci]")
    return None


def _filtered(
    trigger: Trigger, suite: Suite, changed: ChangedFiles | None, match_path: MatchGlobs, match_name: MatchGlobs
) -> Skipped | None:
    """`changed` None: path filters don't count."""
    when = suite.when
    branch = trigger.base_ref or trigger.ref
    if when.branches and trigger.cause is not Cause.TAG and not match_name(when.branches, branch):
        return Skipped(suite, Reason.BRANCH, f"branch {branch} does not match {_list(when.branches)}")
    if changed is None:
        return None
    if when.paths and not any(match_path(when.paths, path) for path in changed.paths):
        return Skipped(suite, Reason.PATHS, f"no changed file matches {_list(when.paths)}")
    if when.paths_ignore and all(match_path(when.paths_ignore, path) for path in changed.paths):
        return Skipped(suite, Reason.PATHS, f"all changed files match {_list(when.paths_ignore)}")
    return None


def _unlabelled(suite: Suite, labels: Sequence[str] | None, match_name: MatchGlobs) -> Skipped | None:
    wanted = suite.when.labels
    if labels is None or not wanted or any(match_name(wanted, label) for label in labels):
        return None
    return Skipped(suite, Reason.LABEL, f"no label matches {_list(wanted)}")


def _is_for(trigger: Trigger, suite: Suite) -> bool:
    return not _OCCASIONS[trigger.cause].isdisjoint(suite.when.events)


def _list(globs: Sequence[str]) -> str:
    shown = ", ".join(globs[:3])
    return f"{shown} …" if len(globs) > 3 else shown  # noqa: PLR2004  # as many as stand in one line
