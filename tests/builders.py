"""Values with defaults for what a test doesn't care about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.refs import Repository, RepositoryId, Sha
from bot.domain.runs import Build, BuildId, Cause, Run, RunId, RunState, Trust
from bot.domain.suites import Suite
from tests.fakes.forge import HELLO

NOON = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
SHA = Sha("a1b2c3d" + "0" * 33)
OLDER = Sha("0d1e2f3" + "a" * 33)


def a_suite(name: str = "unit", **more: object) -> Suite:
    suite = Suite(name=name, image="busybox:1", commands=("sh tests/run.sh",))
    return replace(suite, **more)  # type: ignore[arg-type]  # replace() checks the names


def a_run(state: RunState = RunState.QUEUED, **more: object) -> Run:
    """Ended ones took 108 seconds."""
    started = NOON + timedelta(seconds=4)
    run = Run(
        id=RunId("run1"),
        build=BuildId(12),
        repository=RepositoryId(1),
        sha=SHA,
        suite=a_suite(),
        trust=Trust.TRUSTED,
        state=state,
        created_at=NOON,
        attempt=0 if state in (RunState.QUEUED, RunState.SKIPPED, RunState.AWAITING_APPROVAL) else 1,
        started_at=started if state.is_final and state is not RunState.SKIPPED else None,
        finished_at=started + timedelta(seconds=108) if state.is_final else None,
    )
    return replace(run, **more)  # type: ignore[arg-type]  # replace() checks the names


def a_build(**more: object) -> Build:
    build = Build(
        id=BuildId(12),
        key="push:1:main:a1b2c3d#0",
        repository=RepositoryId(1),
        sha=SHA,
        cause=Cause.PUSH,
        ref="main",
        title="Correct a letter",
        sender_id=1,
        sender="ana",
        suite_file=".assay.yml",
        created_at=NOON,
    )
    return replace(build, **more)  # type: ignore[arg-type]  # replace() checks the names


def a_repository(**more: object) -> Repository:
    fields = {name: getattr(HELLO, name) for name in HELLO.__dataclass_fields__}
    return Repository(**{**fields, "id": RepositoryId(1), **more})
