"""What a run becomes in the sandbox: script, variables, limits, network, services (PRODUCT §2.7)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from bot.app.context import Rules
from bot.app.grouping import Marks, announcement, marking
from bot.domain.own_rules import AS_EVERYWHERE, OwnRules
from bot.domain.refs import Repository
from bot.domain.runs import Build, BuildId, Run, Trust
from bot.domain.suites import Limits, Ready, Service, Suite
from bot.ports.sandbox import Answers, Job, JobService, Listens, Succeeds
from bot.ports.sandbox import Ready as JobReady

PLAN: Final = "ASSAY_SHARD_PLAN"
"""Which shard runs what (`app/sharding`); there is always one, since scripts end with a variable that is not."""
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9]")


class Terms(Protocol):
    """What a job needs of the App."""

    @property
    def rules(self) -> Rules: ...

    def limits_of(self, suite: Suite) -> Limits: ...

    def suite_url(self, build: BuildId, suite: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Subject:
    """What a run is about, read once at its claim."""

    run: Run
    build: Build
    repository: Repository
    own_rules: OwnRules = AS_EVERYWHERE
    """Of the repository."""


def job_of(app: Terms, subject: Subject, secrets: Mapping[str, str], word: str) -> Job:
    """`secrets`: values that this run may have, by the names of their variables. `word`: of the marks in its log."""
    run, build, suite = subject.run, subject.build, subject.run.suite
    rules = app.rules
    ceiling = rules.network_trusted if run.trust is Trust.TRUSTED else rules.network_forks
    return Job(
        run=run.id,
        attempt=run.attempt,
        fence=run.fence,
        image=suite.image,
        script=script(suite, word),
        env={PLAN: "", **suite.env, **secrets, **_variables(app, subject, build)},
        network=ceiling if suite.network is None else suite.network.at_most(ceiling),
        limits=app.limits_of(suite),
        deadline=min(suite.timeout, rules.timeout_max),
        services=tuple(_service(app, one) for one in suite.services),
        user=_user(suite.user) if suite.user else None,
    )


def _user(numbers: str) -> tuple[int, int]:
    """Without a group it is the one of the same number: the engine would take root's."""
    user, _, group = numbers.partition(":")
    return int(user), int(group or user)


def _service(app: Terms, service: Service) -> JobService:
    limits, ceiling = app.rules.limits, app.rules.ceiling
    return JobService(
        name=service.name,
        image=service.image,
        env=service.env,
        command=service.command,
        memory=min(service.memory or limits.memory, ceiling.memory),
        ready=_ready(service.ready) if service.ready else None,
        within=service.ready.within if service.ready else 30.0,
    )


def _ready(ready: Ready) -> JobReady | None:
    if ready.tcp is not None:
        return Listens(ready.tcp)
    if ready.http is not None:
        port, _, path = ready.http.partition("/")
        return Answers(int(port), f"/{path}")
    return Succeeds(ready.command) if ready.command is not None else None


def script(suite: Suite, word: str) -> str:
    """What `sh -eu` runs: a script as it is written, or commands with a line before each that shows it."""
    place = [f"cd -- {_quoted(suite.workdir)}"] if suite.workdir else []
    if suite.is_script:
        return "\n".join([*place, *suite.commands])
    shown = [
        f"{announcement(number, _quoted(command))}\n{command}" for number, command in enumerate(suite.commands, 1)
    ]
    return "\n".join([marking(word), *place, *shown])


def word_of(run: Run) -> str:
    """Of the marks in its log; whoever takes the run over from a dead worker looks for the same."""
    return f"{run.id}x{run.attempt}"


def marks(suite: Suite, word: str) -> Marks | None:
    """Those that the suite's script makes."""
    return None if suite.is_script else Marks(word, len(suite.commands))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _variables(app: Terms, subject: Subject, build: Build) -> dict[str, str]:
    """Promised to every suite (PRODUCT §2.7); names of branches arrive as data only (cases C49)."""
    run = subject.run
    return {
        "CI": "true",
        "ASSAY": "true",
        "ASSAY_RUN_ID": run.id,
        "ASSAY_RUN_URL": app.suite_url(build.id, run.suite.name),
        "ASSAY_SUITE": run.suite.name,
        "ASSAY_COMMIT": run.sha,
        "ASSAY_BASE": build.base_sha or "",
        "ASSAY_BRANCH": build.ref,
        "ASSAY_PR": str(build.change or ""),
        "ASSAY_REPO": subject.repository.path,
        "ASSAY_ATTEMPT": str(run.attempt),
        "ASSAY_SHARD": str(run.suite.shard),
        "ASSAY_SHARDS": str(run.suite.shards),
        **{f"MATRIX_{_NOT_IN_NAMES.sub('_', axis).upper()}": text for axis, text in run.suite.cell},
        "FORCE_COLOR": "1",
        "TERM": "xterm-256color",
    }
