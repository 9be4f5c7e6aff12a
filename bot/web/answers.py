"""What the REST API says, as types; the OpenAPI document is made of them."""

from dataclasses import asdict
from datetime import UTC, datetime

from pydantic import BaseModel

from bot.app import registering, ruling
from bot.app.context import App
from bot.app.findings import Search
from bot.app.queries import BuildView, RunView
from bot.app.registering import Registered
from bot.domain.errors import Problem
from bot.domain.refs import Repository
from bot.domain.runs import Build, Group, Run


class GroupAnswer(BaseModel):
    """What one command of a list wrote."""

    command: str
    offset: int
    """The first byte of it in the log."""
    seconds: float | None
    exit_code: int | None


class RunAnswer(BaseModel):
    """One suite at one commit."""

    id: str
    suite: str
    state: str
    reason: str | None
    note: str
    waits: str
    """Of what is queued: why no worker that is there will take it."""
    forge: str
    repository: str
    sha: str
    build: int
    trust: str
    image: str
    attempt: int
    flaky: bool
    """It passed after an attempt that failed by itself."""
    exit_code: int | None
    groups: list[GroupAnswer]
    out_of_memory: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    url: str
    log_url: str


class ProgressAnswer(BaseModel):
    """Tests of which the output of a running suite has told so far."""

    done: int
    failed: int
    total: int | None
    """As its tool says; none: it does not."""
    usual_total: int | None
    """That the suite had before on the branch."""


class OneRunAnswer(RunAnswer):
    """A run, and how long it waits and takes as far as can be told."""

    ahead: int | None
    """Runs that start before it; none: it does not wait for a worker."""
    starts_in: float | None
    """Seconds, about."""
    usual_seconds: float | None
    """That the suite takes when it passes."""
    seconds_left: float | None
    """About; none: nobody knows, or it is late."""
    progress: ProgressAnswer | None
    """None: its output does not tell, or it does not run."""


class RunList(BaseModel):
    runs: list[RunAnswer]
    next: str | None
    """Ask with `before` = this for older ones; a page may have fewer than `limit`."""


class ProblemAnswer(BaseModel):
    code: str
    line: int
    column: int
    message: str


class ChosenAnswer(BaseModel):
    """The registered suite that a build ran, and the environment: exactly these versions."""

    suite: str
    suite_version: int
    environment: str | None
    environment_version: int | None


class StepAnswer(BaseModel):
    """A commit of a search, and what is known of it."""

    sha: str
    finding: str | None
    """good, bad or untestable; none: nothing yet."""
    run: str | None
    """What tells so, or is about to."""


class SearchAnswer(BaseModel):
    """A search for the first commit of a branch at which a suite fails."""

    suite: str
    branch: str
    state: str
    """running, found, unclear or stopped."""
    good: str
    """Where the suite passed last."""
    commits: list[str]
    """Behind that one, oldest first."""
    first_bad: str | None
    note: str
    """The title of the first bad commit, or why there is none."""
    author: str
    """Of the first bad commit, as git names them."""
    tests: list[str]
    """Those that fail from there on; none: the suite itself fails."""
    actor: str
    """Who asked."""
    created_at: datetime
    finished_at: datetime | None
    steps: list[StepAnswer]


class BuildAnswer(BaseModel):
    """All that one trigger started on one commit."""

    number: int
    state: str
    forge: str
    repository: str
    sha: str
    cause: str
    ref: str
    base_ref: str
    change: int | None
    title: str
    sender: str
    trust: str
    note: str
    created_at: datetime
    url: str
    runs: list[RunAnswer]
    problems: list[ProblemAnswer]
    registered: ChosenAnswer | None
    """None: it ran the suites of the commit's suite file."""
    searches: list[SearchAnswer]
    """For the commits that broke it."""


class BuildList(BaseModel):
    builds: list[BuildAnswer]
    next: int | None
    """Ask with `before` = this for older ones; a page may have fewer than `limit`."""


class RepositoryAnswer(BaseModel):
    number: int
    forge: str
    name: str
    private: bool
    default_branch: str
    url: str


class HookAnswer(BaseModel):
    """A repository's webhook; its secret is never shown."""

    url: str
    number: int | None
    """The forge's; none: whether it was made there is not known."""
    created_at: datetime
    heard_at: datetime | None
    """When a proven call came last."""


class RegisteredAnswer(RepositoryAnswer):
    webhook: HookAnswer | None
    """None where a GitHub App's webhook tells of it, or none was made."""
    rules: dict[str, str]
    """What is set for it; all else is as everywhere."""


class RepositoryList(BaseModel):
    repositories: list[RepositoryAnswer]
    next: int | None
    """Ask with `after` = this for more."""


class SuiteAnswer(BaseModel):
    """A suite as it ran at the newest push to the repository's default branch."""

    name: str
    forge: str
    repository: str
    image: str
    build: int
    url: str


class SuiteList(BaseModel):
    suites: list[SuiteAnswer]
    next: int | None
    """Ask with `after` = this for more; a page may have none."""


class EnvironmentAnswer(BaseModel):
    """An image, and the suites that run in it."""

    image: str
    suites: list[SuiteAnswer]


class EnvironmentList(BaseModel):
    environments: list[EnvironmentAnswer]
    next: int | None
    """Ask with `after` = this for more; a page may have none."""


def run_answer(app: App, view: RunView) -> RunAnswer:
    return _run(app, view.run, view.build, view.repository)


def one_run_answer(app: App, view: RunView) -> OneRunAnswer:
    outlook, progress = view.outlook, view.run.progress
    wait = outlook.wait
    return OneRunAnswer(
        **run_answer(app, view).model_dump(),
        ahead=wait.ahead if wait else None,
        starts_in=wait.seconds if wait else None,
        usual_seconds=outlook.usual,
        seconds_left=outlook.left,
        progress=ProgressAnswer(**asdict(progress), usual_total=outlook.tests)
        if progress and view.run.word == "running"
        else None,
    )


def build_answer(app: App, view: BuildView) -> BuildAnswer:
    build = view.build
    return BuildAnswer(
        number=build.id,
        state=view.word,
        forge=view.repository.forge,
        repository=view.repository.path,
        sha=build.sha,
        cause=build.cause,
        ref=build.ref,
        base_ref=build.base_ref,
        change=build.change,
        title=build.title,
        sender=build.sender,
        trust=build.trust,
        note=build.note,
        problems=[_problem(one) for one in build.problems],
        registered=ChosenAnswer(**asdict(build.chosen)) if build.chosen else None,
        created_at=build.created_at,
        url=app.build_url(build.id),
        runs=[_run(app, run, build, view.repository) for run in view.runs],
        searches=[_search(one) for one in view.searches],
    )


def _search(search: Search) -> SearchAnswer:
    one = search.found
    return SearchAnswer(
        suite=one.suite,
        branch=one.branch,
        state=one.state,
        good=one.good,
        commits=list(one.commits),
        first_bad=one.first_bad,
        note=one.note,
        author=one.author,
        tests=list(search.told.tests),
        actor=one.actor,
        created_at=one.created_at,
        finished_at=one.finished_at,
        steps=[
            StepAnswer(sha=step.sha, finding=step.finding, run=step.run.id if step.run else None)
            for step in search.steps
        ],
    )


def repository_answer(repository: Repository) -> RepositoryAnswer:
    return RepositoryAnswer(
        number=repository.id,
        forge=repository.forge,
        name=repository.path,
        private=repository.private,
        default_branch=repository.default_branch,
        url=repository.web_url,
    )


def registered_answer(app: App, one: Registered) -> RegisteredAnswer:
    rules = ruling.written(ruling.of(app, one.repository))
    facts = repository_answer(one.repository).model_dump()
    return RegisteredAnswer(**facts, webhook=_hook_answer(app, one), rules=rules)


def _hook_answer(app: App, one: Registered) -> HookAnswer | None:
    if one.hook is None:
        return None
    return HookAnswer(
        url=registering.hook_url(app, one),
        number=one.hook.number,
        created_at=datetime.fromtimestamp(one.hook.created_at, UTC),
        heard_at=None if one.hook.heard_at is None else datetime.fromtimestamp(one.hook.heard_at, UTC),
    )


def suite_answer(app: App, view: RunView) -> SuiteAnswer:
    return SuiteAnswer(
        name=view.run.suite.name,
        forge=view.repository.forge,
        repository=view.repository.path,
        image=view.run.suite.image,
        build=view.build.id,
        url=app.suite_url(view.build.id, view.run.suite.name),
    )


def _run(app: App, run: Run, build: Build, repository: Repository) -> RunAnswer:
    return RunAnswer(
        id=run.id,
        suite=run.suite.name,
        state=run.word,
        reason=run.reason,
        note=run.note,
        waits=run.waits,
        forge=repository.forge,
        repository=repository.path,
        sha=run.sha,
        build=build.id,
        trust=run.trust,
        image=run.suite.image,
        attempt=run.attempt,
        flaky=run.is_flaky,
        exit_code=run.exit_code,
        groups=[_group(run, one) for one in run.groups],
        out_of_memory=run.out_of_memory,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        url=app.suite_url(build.id, run.suite.name),
        log_url=f"{app.url}/runs/{run.id}/log",
    )


def _group(run: Run, group: Group) -> GroupAnswer:
    command = run.suite.commands[group.number - 1]
    return GroupAnswer(command=command, offset=group.offset, seconds=group.seconds, exit_code=group.code)


def _problem(problem: Problem) -> ProblemAnswer:
    return ProblemAnswer(code=problem.code, line=problem.line, column=problem.column, message=problem.message)
