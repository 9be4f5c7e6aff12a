"""The web application over the real store in memory, and hands that put builds, runs and logs into it."""

import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from bot.adapters.artifacts_fs import FileArtifacts
from bot.adapters.signer_jwt import JwtSigner
from bot.adapters.store_sql import SqlLogs, SqlWork
from bot.adapters.telemetry_prometheus import PrometheusTelemetry
from bot.adapters.vault_fernet import FernetVault, new_key
from bot.app import access
from bot.app.context import App
from bot.domain.refs import ForgeName, Repository
from bot.domain.runs import Build, Group, Run, RunId, RunState
from bot.domain.tokens import Scope
from bot.ports.artifacts import ArtifactFound, ArtifactKind
from bot.ports.queue import Task
from bot.ports.sandbox import Sandbox
from bot.ports.source import Source
from bot.web.asgi import make_asgi
from bot.web.health import Watch
from tests.builders import NOON, a_build, a_run, a_suite
from tests.fakes.caches import FakeCaches
from tests.fakes.forge import HELLO, FakeForge
from tests.memory import open_copy

GITHUB = ForgeName("github")


@dataclass
class World:
    """What the web shows, and what may be done to it."""

    app: App
    forge: FakeForge
    telemetry: PrometheusTelemetry
    hints: list[Task]
    now: datetime = NOON
    passed: list[timedelta] = field(default_factory=lambda: [timedelta()])
    """Since the clock of the application began."""

    @property
    def watch(self) -> Watch:
        return Watch(metrics=self.telemetry.render, work=self.app.work)

    def repository(self, *, private: bool = False) -> Repository:
        seen = replace(
            HELLO, private=private, forge_id=101 if private else 100, path="acme/secret" if private else HELLO.path
        )
        with self.app.work() as work:
            return work.repositories.see(seen)

    def build(self, *, private: bool = False, **more: object) -> Build:
        repository = self.repository(private=private)
        with self.app.work() as work:
            key = f"key-{self.app.new_id()}"
            made = work.builds.add(a_build(**{"repository": repository.id, "key": key, **more}))
        assert made
        return made

    def run(self, build: Build, suite: str = "unit", image: str = "busybox:1", **more: object) -> Run:
        """A queued one."""
        commands = more.pop("commands", None)
        made = a_suite(suite, image=image, **({"commands": commands, "is_script": False} if commands else {}))
        facts = {"build": build.id, "repository": build.repository, "sha": build.sha, "suite": made, **more}
        run = replace(a_run(), id=RunId(self.app.new_id()), **facts)  # type: ignore[arg-type]  # replace() checks the names
        with self.app.work() as work:
            work.runs.add(run)
        return run

    def running(self, build: Build, suite: str = "unit", **more: object) -> Run:
        run = self.run(build, suite, **more)  # type: ignore[arg-type]  # as there
        with self.app.work() as work:
            claimed = work.runs.claim(run.id, "worker", 60)
            assert claimed
            begun = claimed.running(self.now + timedelta(seconds=2))
            assert work.runs.save(claimed, begun, "worker")
            return work.runs.get(run.id)

    def write(self, run: Run, data: bytes) -> None:
        assert self.app.logs.append(run.id, run.fence, data)

    def group(self, run: Run, *groups: Group) -> None:
        with self.app.work() as work:
            assert work.runs.keep_groups(run.id, run.fence, groups)

    def end(self, run: Run, state: RunState = RunState.PASSED, **more: object) -> None:
        ended = run.ended(state, None, self.now + timedelta(seconds=62), **more)  # type: ignore[arg-type]  # replace()'s
        with self.app.work() as work:
            assert work.runs.save(run, ended, "worker")
        self.app.logs.close(run.id)

    def finished(self, log: bytes = b"hello\n", suite: str = "unit", *, private: bool = False) -> Run:
        """A run that passed, in a build of its own."""
        run = self.running(self.build(private=private), suite)
        self.write(run, log)
        self.end(run, exit_code=0)
        with self.app.work() as work:
            return work.runs.get(run.id)

    def leave(self, run: Run, files: Mapping[str, bytes]) -> None:
        """Artifacts of the run, and one that was not kept."""
        found = [ArtifactFound(path="out/pipe", skipped="not a regular file")]
        for path, content in files.items():
            stored = self.app.artifacts.put(io.BytesIO(content), 1 << 20)
            found.append(ArtifactFound(path=path, sha256=stored.sha256, size=stored.size))
        with self.app.work() as work:
            work.artifacts.replace(run.id, ArtifactKind.ARTIFACT, found, 3600)

    def token(self, *scopes: Scope, name: str = "robot", expires_at: datetime | None = None) -> dict[str, str]:
        """The header that a program with a token of these scopes sends."""
        text = access.create(self.app, name, scopes, secret=f"secret-of-{name}", expires_at=expires_at, actor="root")
        return {"authorization": f"Bearer {text}"}

    def audited(self) -> list[tuple[str, str, str, str]]:
        """Actor, action, subject and detail of what was done to repositories; oldest first."""
        with self.app.work() as work:
            entries = work.audit.recent(100, public_only=False)
        kept = [one for one in reversed(entries) if one.repository is not None]
        return [(one.actor, one.action, one.subject, one.detail) for one in kept]

    def page_of(self, run: Run) -> str:
        return f"/b/{run.build}/{run.suite.name}"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Tracebacks drawn for people take seconds."""
    with capture_logs():
        yield


@pytest.fixture
def engine() -> Iterator[sa.Engine]:
    engine = open_copy()
    yield engine
    engine.dispose()


@pytest.fixture
def world(engine: sa.Engine, tmp_path: Path) -> World:
    hints: list[Task] = []

    def send(task: Task, *, delay: float = 0) -> None:
        hints.append(task)

    passed = [timedelta()]
    ids, forge, telemetry = itertools.count(1), FakeForge(), PrometheusTelemetry()
    app = App(
        forges={GITHUB: forge},
        work=lambda: SqlWork(engine, send),
        sandbox=cast("Sandbox", None),
        source=cast("Source", None),
        logs=SqlLogs(engine, tmp_path / "logs"),
        artifacts=FileArtifacts(tmp_path / "artifacts"),
        caches=FakeCaches(),
        signer=JwtSigner(),
        vault=FernetVault([new_key()]),
        telemetry=telemetry,
        now=lambda: NOON + timedelta(minutes=5) + passed[0],
        monotonic=lambda: 0.0,
        sleep=lambda _: None,
        new_id=lambda: f"id{next(ids)}",
        url="https://ci.example.org",
        owner="web",
    )
    return World(app, forge, telemetry, hints, passed=passed)


MakeClient = Callable[..., TestClient]


@pytest.fixture
def make_client(world: World) -> Iterator[MakeClient]:
    """A client of a server with these settings, at this address."""
    opened: list[TestClient] = []

    def make(address: str = "127.0.0.1", **settings: object) -> TestClient:
        of_watch = {name: settings.pop(name) for name in ("metrics_token", "ready", "degraded") if name in settings}
        watch = replace(world.watch, **of_watch, work=settings.get("look", world.app.work))  # type: ignore[arg-type]  # any of them
        asgi = make_asgi(world.app, watch, **settings)  # type: ignore[arg-type]  # any of them
        client = TestClient(asgi, client=(address, 50000), follow_redirects=False, base_url="http://anything.test")
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    return make_client()
