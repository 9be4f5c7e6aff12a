"""Values for the store's tests: defaults for all that a test doesn't care about."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

from bot.domain.refs import ForgeName, Repository, RepositoryId, RepositorySeen, Sha
from bot.domain.runs import Build, BuildId, Cause, Run, RunId, RunState, Trust
from bot.domain.suites import Suite
from bot.ports.store import UnitOfWork

GITHUB = ForgeName("github")
SHA = Sha("a1" * 20)
OTHER_SHA = Sha("b2" * 20)
AT = datetime(2026, 5, 4, 3, 2, 1, 123456, tzinfo=UTC)

_numbers = count(1)


def a_seen(**changes: object) -> RepositorySeen:
    seen = RepositorySeen(
        forge=GITHUB,
        forge_id=7001,
        path="Ada/Engine",
        private=False,
        default_branch="main",
        web_url="https://forge.test/Ada/Engine",
        clone_url="https://forge.test/Ada/Engine.git",
        installation=12,
    )
    return replace(seen, **changes)  # type: ignore[arg-type]  # replace() checks the names


def a_build(repository: RepositoryId, /, **changes: object) -> Build:
    build = Build(
        id=BuildId(0),
        key=f"trigger-{next(_numbers)}",
        repository=repository,
        sha=SHA,
        cause=Cause.PUSH,
        ref="main",
        created_at=AT,
    )
    return replace(build, **changes)  # type: ignore[arg-type]  # replace() checks the names


def a_run(build: Build, suite: Suite | str = "unit", **changes: object) -> Run:
    run = Run(
        id=RunId(f"run-{next(_numbers)}"),
        build=build.id,
        repository=build.repository,
        sha=build.sha,
        suite=Suite(name=suite, image="busybox", commands=("true",)) if isinstance(suite, str) else suite,
        trust=Trust.TRUSTED,
        state=RunState.QUEUED,
        created_at=AT,
    )
    return replace(run, **changes)  # type: ignore[arg-type]  # replace() checks the names


def stored_repository(work: UnitOfWork, **changes: object) -> Repository:
    return work.repositories.see(a_seen(**changes))


def stored_build(work: UnitOfWork, **changes: object) -> Build:
    build = work.builds.add(a_build(stored_repository(work).id, **changes))
    assert build is not None
    return build


def stored_run(work: UnitOfWork, build: Build | None = None, suite: Suite | str = "unit", **changes: object) -> Run:
    run = a_run(build or stored_build(work), suite, **changes)
    work.runs.add(run)
    return run
