"""Builds and runs, and the moves that a run may make (RELIABILITY §6.3)."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, NewType

from bot.domain.catalog import Chosen
from bot.domain.errors import IllegalMove, Problem
from bot.domain.refs import RepositoryId, Sha
from bot.domain.suites import PullRequests, Suite

RunId = NewType("RunId", str)
BuildId = NewType("BuildId", int)

MAX_ATTEMPTS: Final = 3


class Cause(enum.StrEnum):
    """Why a build exists."""

    PUSH = "push"
    TAG = "tag"
    CHANGE = "change"
    COMMENT = "comment"
    RERUN = "rerun"
    """The forge's re-run button, or one of ours."""
    MERGE_QUEUE = "merge_queue"
    SCHEDULE = "schedule"
    API = "api"
    BISECT = "bisect"
    """A step of a search for the commit that broke a branch."""


class Trust(enum.StrEnum):
    """Decided once per trigger, stored, immutable (DESIGN §2.10)."""

    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"


class RunState(enum.StrEnum):
    AWAITING_APPROVAL = "awaiting_approval"
    QUEUED = "queued"
    PREPARING = "preparing"
    RUNNING = "running"
    FINALIZING = "finalizing"
    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    ERRORED = "errored"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    SKIPPED = "skipped"

    @property
    def is_final(self) -> bool:
        return self not in MOVES

    @property
    def is_claimed(self) -> bool:
        return self in (RunState.PREPARING, RunState.RUNNING, RunState.FINALIZING)

    @property
    def word(self) -> str:
        """What people read and the API says (BEHAVIOUR §3)."""
        return _WORDS.get(self, self.value)


_WORDS: Final = {
    RunState.AWAITING_APPROVAL: "waiting",
    RunState.PREPARING: "running",
    RunState.FINALIZING: "running",
    RunState.SUPERSEDED: "cancelled",
    RunState.REJECTED: "cancelled",
}

_ENDS_OF_A_CLAIM: Final = frozenset(
    {
        RunState.QUEUED,
        RunState.PASSED,
        RunState.FAILED,
        RunState.TIMED_OUT,
        RunState.CANCELLED,
        RunState.ERRORED,
        RunState.SUPERSEDED,
    }
)
MOVES: Final[Mapping[RunState, frozenset[RunState]]] = {
    RunState.AWAITING_APPROVAL: frozenset(
        {RunState.QUEUED, RunState.REJECTED, RunState.SUPERSEDED, RunState.CANCELLED, RunState.ERRORED}
    ),
    RunState.QUEUED: frozenset(
        {RunState.PREPARING, RunState.CANCELLED, RunState.SUPERSEDED, RunState.ERRORED, RunState.SKIPPED}
    ),
    RunState.PREPARING: frozenset({RunState.RUNNING}) | _ENDS_OF_A_CLAIM,
    RunState.RUNNING: frozenset({RunState.FINALIZING}) | _ENDS_OF_A_CLAIM,
    RunState.FINALIZING: _ENDS_OF_A_CLAIM,
}


class Reason(enum.StrEnum):
    """Why a run ended as it did, or is asked to end."""

    COMMAND = "command"
    TESTS = "tests"
    """The reports tell of failed tests."""
    REPORT = "report"
    """A promised report is missing, empty or unreadable."""
    COMMAND_NOT_RUNNABLE = "command_not_runnable"
    OUT_OF_MEMORY = "out_of_memory"
    LOG_LIMIT = "log_limit"
    DISK_LIMIT = "disk_limit"
    FILE_SIZE_LIMIT = "file_size_limit"
    PIDS_LIMIT = "pids_limit"
    BLOCKED_SYSTEM_CALL = "blocked_system_call"
    TIMEOUT = "timeout"
    NO_OUTPUT = "no_output"
    SERVICE = "service"
    """A service did not become ready."""
    USER = "user"
    CLOSED = "closed"
    SUPERSEDED = "superseded"
    BRANCH_DELETED = "branch_deleted"
    IMAGE_MISSING = "image_missing"
    SOURCE = "source"
    SELECTION = "selection"
    """Not all of the selected tests ran."""
    SANDBOX = "sandbox"
    FORGE = "forge"
    WORKER_LOST = "worker_lost"
    KILLED_EXTERNALLY = "killed_externally"
    DEADLINE = "deadline_exceeded_hard"
    INTERNAL = "internal"
    QUOTA = "quota"
    """Too many wait already."""
    PATHS = "paths"
    BRANCH = "branch"
    SKIP_CI = "skip_ci"
    DRAFT = "draft"
    LABEL = "label"
    MANUAL = "manual"
    """Nobody has started it, or what it needs."""
    NEEDS_FAILED = "needs_failed"
    COMMAND_SKIP = "command_skip"
    """Somebody with write access said so."""
    OVERRIDE = "override"
    """Somebody with admin rights let it count as passed."""


RETRIED: Final = frozenset({Reason.COMMAND, Reason.TESTS, Reason.OUT_OF_MEMORY, Reason.SERVICE})
"""Failures that a suite's `retries` are for: not what costs as much again (time) or is the same again (limits)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """A change's head merged onto its target's tip, which is tested instead of the head."""

    base: Sha
    tree: str = ""
    """Id of the merged tree; empty when the two could not be merged."""
    conflicts: tuple[str, ...] = ()
    """Files that both have changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """All that one trigger started on one commit; people see its number."""

    id: BuildId
    key: str
    """Names the trigger: the same key is the same build."""
    repository: RepositoryId
    sha: Sha
    cause: Cause
    ref: str
    """Branch or tag; for a change its source branch."""
    base_ref: str = ""
    base_sha: Sha | None = None
    merge: Merge | None = None
    """What is tested, if it is not the commit itself."""
    change: int | None = None
    title: str = ""
    sender_id: int = 0
    sender: str = ""
    author_id: int = 0
    """Of a change: who opened it."""
    trust: Trust = Trust.TRUSTED
    approved: bool = False
    """Of a stranger's change: it was let in when the build was made, by a policy or a person."""
    suite_file: str = ""
    """Path of the suite file that was read."""
    chosen: Chosen | None = None
    """The registered suite that was run instead of it."""
    problems: tuple[Problem, ...] = ()
    """Errors of the suite file; then the build has no runs."""
    warnings: tuple[Problem, ...] = ()
    """What the suite file says without effect."""
    pull_requests: PullRequests = field(default_factory=PullRequests)
    """How the suite file wants people to be told."""
    note: str = ""
    """One remark for people, e.g. why path filters were not used."""
    risky_paths: tuple[str, ...] = ()
    """Of a build that waits for approval: changed files that decide what is run."""
    head_at: datetime | None = None
    """When the commit became the change's head, by the forge's clock; an approval has to be younger."""
    trace: str = ""
    """The span that it began in, as a `traceparent` (W3C Trace Context)."""
    created_at: datetime

    @property
    def conflicts(self) -> tuple[str, ...]:
        """Files that keep the change from being merged; then the build has no runs."""
        return self.merge.conflicts if self.merge else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The part of a log that one command of a list wrote."""

    number: int
    """Of the command, from 1."""
    offset: int
    """Where it begins: at the first byte of a line."""
    seconds: float | None = None
    """None: it is not over, as far as anybody knows."""
    code: int | None = None
    """How it exited; None: not by itself, or not yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Tests of which the output has told so far."""

    done: int
    failed: int
    total: int | None = None
    """Of which the tool has told that there are so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One suite at one commit: the unit that is queued, leased and executed."""

    id: RunId
    build: BuildId
    """The build that made it; later builds of the same commit may share it."""
    repository: RepositoryId
    sha: Sha
    suite: Suite
    trust: Trust
    state: RunState
    blocked: bool = False
    """Queued, but the suites that it needs have not passed yet."""
    reason: Reason | None = None
    note: str = ""
    """What people are told beside the reason: a filter, a person, an error text."""
    fence: int = 0
    attempt: int = 0
    failures: int = 0
    """Attempts that failed by themselves and were followed by another, as the suite's `retries` ask."""
    repeats: RunId | None = None
    """The run whose failed tests alone are run, while all its other results stand; itself after a failed attempt."""
    bisection: int | None = None
    """The search that it is a step of; then it speaks for nothing else."""
    cancel: Reason | None = None
    """Somebody wants it to end; its worker looks here."""
    cancel_note: str = ""
    exit_code: int | None = None
    out_of_memory: bool = False
    """The engine killed a process of it for memory; also true when the suite passed all the same."""
    peak_memory: int | None = None
    """Bytes; None: unknown."""
    cpu_seconds: float | None = None
    tail: str = ""
    """The last lines of its log, ANSI removed."""
    output_at: int | None = None
    """Where in its log the output of its present script begins; None before that was started."""
    groups: tuple[Group, ...] = ()
    """Of the present attempt, in order; none where the suite is one script."""
    progress: Progress | None = None
    """While it runs; None: its output does not tell."""
    waits: str = ""
    """Why no worker that is there will take it; not stored, but put in by who shows it."""
    free_at: datetime | None = field(default=None, compare=False)
    """When it can or could be claimed, by the database's clock, which sets it."""
    created_at: datetime
    started_at: datetime | None = None
    """When its container started (of the last attempt)."""
    finished_at: datetime | None = None

    @property
    def is_flaky(self) -> bool:
        """It has failed and passed on the same commit."""
        return self.state is RunState.PASSED and self.failures > 0 and self.reason is not Reason.OVERRIDE

    @property
    def last_command(self) -> str:
        """What ran last: the one command there is, or that of the last group; empty where nobody knows."""
        commands = self.suite.commands
        if len(commands) > 1:
            return commands[self.groups[-1].number - 1] if self.groups else ""
        return commands[0] if commands else ""

    @property
    def is_unstarted(self) -> bool:
        """It waits for a person; starting it makes a new run."""
        return self.reason is Reason.MANUAL

    @property
    def is_startable(self) -> bool:
        """A person may start it by itself; what waits only with one that it needs is started by that one."""
        return self.is_unstarted and self.suite.is_manual

    @property
    def word(self) -> str:
        """What people read and the API says (BEHAVIOUR §3)."""
        return "waiting" if self.is_unstarted else self.state.word

    def moved(self, state: RunState, **changes: object) -> "Run":
        """Raises: IllegalMove."""
        if state not in MOVES.get(self.state, frozenset()):
            raise IllegalMove(f"run {self.id}: {self.state} → {state}")
        return replace(self, state=state, **changes)  # type: ignore[arg-type]  # replace() checks the names

    def approved(self) -> "Run":
        return self.moved(RunState.QUEUED)

    def running(self, at: datetime, output_at: int | None = None) -> "Run":
        return self.moved(RunState.RUNNING, started_at=at, output_at=output_at, groups=())

    def ended(self, state: RunState, reason: Reason | None, at: datetime, note: str = "", **facts: object) -> "Run":
        return self.moved(state, reason=reason, finished_at=at, note=note, **facts)

    def given_back(self, reason: Reason, at: datetime, note: str, **facts: object) -> "Run":
        """After a fault of ours: queued again, or errored when the attempts are used up."""
        if self.cancel:
            return self.stopped(self.cancel, at, self.cancel_note)
        if self.attempt - self.failures < MAX_ATTEMPTS:
            return self.moved(RunState.QUEUED, reason=reason, note=note, **facts)
        return self.ended(RunState.ERRORED, reason, at, note)

    def tried_again(self, reason: Reason, note: str, **facts: object) -> "Run":
        """After a failure of its own: queued again, and everything of the next attempt is fresh."""
        return self.moved(RunState.QUEUED, reason=reason, note=note, failures=self.failures + 1, **facts)

    def stopped(self, reason: Reason, at: datetime, note: str = "", **facts: object) -> "Run":
        """Ended because somebody or something newer wants it so."""
        state = RunState.SUPERSEDED if reason is Reason.SUPERSEDED else RunState.CANCELLED
        if self.state is RunState.AWAITING_APPROVAL and state is RunState.CANCELLED:
            state = RunState.REJECTED
        return self.ended(state, reason, at, note, **facts)
