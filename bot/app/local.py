"""Suites of a work tree, here and now: what the server runs, without a store or a forge (PRODUCT §2.10)."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from bot.app import verdicts
from bot.app.caching import OF_TRUSTED, RunCache
from bot.app.context import Rules
from bot.app.jobs import Subject, job_of, marks
from bot.app.output import Output
from bot.domain.checks import PASSING
from bot.domain.errors import Refused, Unavailable
from bot.domain.refs import ForgeName, Repository, RepositoryId, Sha
from bot.domain.runs import Build, BuildId, Cause, Reason, Run, RunId, RunState, Trust
from bot.domain.suite_check import conclusion
from bot.domain.suites import Limits, Suite, limits_for
from bot.ports.caches import Caches
from bot.ports.sandbox import Exit, Job, Sandbox, Stop
from bot.ports.shells import Shells

Write = Callable[[bytes], None]
Wish = Callable[[], Stop | None]
"""Why everything shall end now, or None."""
Linger = Callable[[Job, Run], bool]
"""What a person does with an attempt after its end; True: what it left shall stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """What running on this machine needs."""

    sandbox: Sandbox
    caches: Caches
    shells: Shells
    copy: Callable[[Path, Callable[[], bool]], None]
    """Puts the sources into an empty folder; given up when the second says so."""
    commit: str
    """What the variables tell of the work tree; empty where there is no git."""
    branch: str
    path: str
    """`owner/name`, or the folder's name."""
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    new_id: Callable[[], str]
    rules: Rules = field(default_factory=Rules)
    keep: Callable[[], None] = lambda: None
    """Something of these runs shall stay after all of them."""

    def limits_of(self, suite: Suite) -> Limits:
        return limits_for(suite, self.rules.limits, self.rules.ceiling)

    def suite_url(self, build: BuildId, suite: str) -> str:  # noqa: ARG002 - nobody serves a page here
        return ""


def run_suites(
    local: Local,
    suites: Sequence[Suite],
    secrets: Mapping[str, str],
    open_output: Callable[[Suite], Write],
    on_end: Callable[[Run], None],
    wish: Wish,
    linger: Linger = lambda _, __: False,
) -> list[Run]:
    """Run one after the other, those that are needed first; what needs one that did not pass is skipped.

    Needs that are not among `suites` count as met. `secrets`: all that are known
    here; each suite gets those it names.
    """
    ended: list[Run] = []
    for suite in in_order(suites):
        run = _new_run(local, suite)
        if bad := next((one for one in ended if one.suite.name in suite.needs and not _has_passed(one)), None):
            words = f"needs {bad.suite.key}, which did not pass"
            run = run.ended(RunState.SKIPPED, Reason.NEEDS_FAILED, local.now(), words)
        elif wish():
            run = run.ended(RunState.CANCELLED, None, local.now())
        else:
            run = _run_suite(local, run, secrets, open_output(suite), wish, linger)
        on_end(run)
        ended.append(run)
    return ended


def in_order(suites: Iterable[Suite]) -> list[Suite]:
    """Every suite behind those it needs; the loader has refused circles."""
    ordered, waiting = list[Suite](), list(suites)
    while waiting:
        names = {one.name for one in waiting}
        ordered += [one for one in waiting if names.isdisjoint(one.needs)]
        waiting = [one for one in waiting if not names.isdisjoint(one.needs)]
    return ordered


def _has_passed(run: Run) -> bool:
    return conclusion(run) in PASSING and run.reason is not Reason.NEEDS_FAILED


def _run_suite(local: Local, run: Run, secrets: Mapping[str, str], write: Write, wish: Wish, linger: Linger) -> Run:
    given = {name: secrets[name] for name in run.suite.secrets if name in secrets}
    output = Output(write, local.monotonic, limit=local.limits_of(run.suite).log)
    if missing := [name for name in run.suite.secrets if name not in given]:
        output.note(f"Not given here, so left unset: {', '.join(missing)}")
    while True:
        run = replace(run, state=RunState.PREPARING, attempt=run.attempt + 1, fence=1)
        word = local.new_id()
        output.expect(given.values(), marks(run.suite, word))
        attempt, stays = _Attempt(local, run, output, wish), False
        try:
            ended, verdict = attempt.carry_out(given, word)
            is_last = bool(wish()) or not verdicts.is_tried_again(run, verdict)
            output.end()
            stays = is_last and attempt.job is not None and linger(attempt.job, ended)
        finally:
            output.end()
            with contextlib.suppress(Unavailable):  # whoever made the sandbox looks for leftovers
                if not stays:
                    local.sandbox.remove(run.id, run.attempt)
        if is_last:
            return ended
        run = replace(run, failures=run.failures + 1)
        output.begin_again(f"Attempt {run.attempt + 1}: {verdicts.why_again(verdict, ended.exit_code)}.")


class _Attempt:
    """A run on its way, and the reasons to end it early."""

    def __init__(self, local: Local, run: Run, output: Output, wish: Wish) -> None:
        self._local, self._run, self._output, self._wish = local, run, output, wish
        self._deadline: float | None = None
        self.job: Job | None = None
        """Once its container was there."""
        self._heard_at = local.monotonic()

    def carry_out(self, secrets: Mapping[str, str], word: str) -> tuple[Run, verdicts.Verdict]:
        """Never raises what the world or the suite is at fault for: it is the run's end."""
        wish = self._wish
        cache = RunCache(self._local, self._run, OF_TRUSTED, self._output.note, lambda: wish() is not None)
        try:
            job = job_of(self._local, _subject(self._local, self._run), secrets, word)
            self._prepare(job)
            cache.restore()
            end = self._local.sandbox.run(
                job, write=self._hear, should_stop=self._should_stop, on_start=lambda: self._start(job)
            )
            self.job = job
            self._tell_of_service(end)
            verdict = verdicts.of_exit(end)
            if verdict.state is RunState.PASSED:
                cache.keep()
            return self._ended(verdict, end)
        except (Refused, Unavailable) as error:
            stopped = self._should_stop()
            if stopped:
                return self._ended(verdicts.of_exit(Exit(code=None, stopped=stopped)), None)
            self._output.note(f"Could not run: {error}")
            return self._ended(verdicts.of_error(error), None)

    def _prepare(self, job: Job) -> None:
        folder = self._local.sandbox.workspace(job)
        for image in dict.fromkeys((job.image, *(service.image for service in job.services))):
            self._local.sandbox.prepare(image, self._should_stop)
        self._local.copy(folder, lambda: self._should_stop() is not None)

    def _start(self, job: Job) -> None:
        self._run = self._run.running(self._local.now())
        self._heard_at = self._local.monotonic()
        self._deadline = self._heard_at + job.deadline

    def _hear(self, data: bytes) -> None:
        self._heard_at = self._local.monotonic()
        self._output.write(data)

    def _should_stop(self) -> Stop | None:
        now, silence = self._local.monotonic(), self._run.suite.no_output_timeout
        if wished := self._wish():
            return wished
        if self._output.is_full:
            return Stop.LOG_LIMIT
        if self._deadline is None:
            return None
        if now > self._deadline:
            return Stop.TIMEOUT
        return Stop.NO_OUTPUT if silence is not None and now - self._heard_at > silence else None

    def _tell_of_service(self, end: Exit) -> None:
        if end.service:
            self._output.note(f"{end.error}. The last that {end.service} printed:")
            self._output.write(self._local.sandbox.service_log(self._run.id, self._run.attempt, end.service))

    def _ended(self, verdict: verdicts.Verdict, end: Exit | None) -> tuple[Run, verdicts.Verdict]:
        """A fault of ours ends the run: nobody waits here for a second try."""
        facts: dict[str, object] = {}
        if end:
            self._output.end(end.code if end.by_itself else None)
            facts = {"exit_code": end.code, "out_of_memory": end.out_of_memory, "groups": self._output.groups}
        state = verdict.state or RunState.ERRORED
        return self._run.ended(state, verdict.reason, self._local.now(), verdict.note, **facts), verdict


def _new_run(local: Local, suite: Suite) -> Run:
    return Run(
        id=RunId(local.new_id()),
        build=BuildId(0),
        repository=RepositoryId(0),
        sha=Sha(local.commit),
        suite=suite,
        trust=Trust.TRUSTED,
        state=RunState.QUEUED,
        created_at=local.now(),
    )


def _subject(local: Local, run: Run) -> Subject:
    build = Build(
        id=run.build,
        key="local",
        repository=run.repository,
        sha=run.sha,
        cause=Cause.PUSH,
        ref=local.branch,
        created_at=run.created_at,
    )
    repository = Repository(
        id=run.repository,
        forge=ForgeName("local"),
        forge_id=0,
        path=local.path,
        private=True,
        default_branch="",
        web_url="",
        clone_url="",
    )
    return Subject(run, build, repository)
