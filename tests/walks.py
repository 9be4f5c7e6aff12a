"""The bot's use cases over a pretend world: real store in memory, everything else fakes with a state."""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from bot.adapters.signer_jwt import JwtSigner
from bot.adapters.store_sql import SqlLogs, SqlWork
from bot.adapters.vault_fernet import FernetVault, new_key
from bot.app import dispatch, intake, presence, upkeep
from bot.app.context import App, Rules
from bot.app.tracing import Hints
from bot.domain.events import ChangeUpdated, Commented, CommentKind, ForgeEvent, Ignored, Pushed
from bot.domain.refs import ForgeName, Person, Sha
from bot.domain.runs import Build, BuildId, Run
from bot.domain.workers import Offer
from bot.ports.forge import Change
from bot.ports.queue import Task
from bot.ports.telemetry import Metric
from tests.builders import NOON
from tests.fakes.artifacts import FakeArtifacts
from tests.fakes.caches import FakeCaches
from tests.fakes.forge import ANA, HELLO, FakeForge
from tests.fakes.sandbox import FakeSandbox
from tests.fakes.source import FakeSource
from tests.fakes.webhooks import FakeWebhooks
from tests.memory import open_copy

GITHUB = ForgeName("github")
ONE = Sha("1" * 40)
TWO = Sha("2" * 40)
SUITES = "suites:\n  unit:\n    image: busybox\n    run: sh tests/run.sh\n"


class Counts:
    """Telemetry that a test can look at."""

    def __init__(self) -> None:
        self.counted: list[tuple[Metric, Mapping[str, str]]] = []
        self.shown: dict[tuple[str, ...], float] = {}

    def count(self, metric: Metric, by: int = 1, **labels: str) -> None:
        self.counted.append((metric, labels))

    def observe(self, metric: Metric, seconds: float, **labels: str) -> None:
        self.counted.append((metric, labels))

    def show(self, metric: Metric, value: float, **labels: str) -> None:
        self.shown[metric, *labels.values()] = value


@dataclass
class HandQueue:
    """Hints wait until a test performs them."""

    tasks: deque[Task] = field(default_factory=deque)

    def send(self, task: Task, *, delay: float = 0) -> None:
        self.tasks.append(task)


class World:
    """One bot, its forge, and the hands that turn its queue."""

    def __init__(self, folder: Path, **rules: object) -> None:
        self.engine: sa.Engine = open_copy()
        self.queue = HandQueue()
        self.forge = FakeForge(suite_files={"": SUITES.encode()})
        self.webhooks = FakeWebhooks()
        self.sandbox = FakeSandbox(folder / "runs")
        self.source = FakeSource()
        self.artifacts = FakeArtifacts()
        self.caches = FakeCaches()
        self.telemetry = Counts()
        self.shutdown = threading.Event()
        self.now = NOON
        ids = itertools.count(1)
        deliveries = itertools.count(1)
        self._next_delivery: Callable[[], str] = lambda: str(next(deliveries))
        self._comments = itertools.count(5001)
        self.app = App(
            forges={GITHUB: self.forge},
            work=lambda: SqlWork(self.engine, Hints(self.queue, self.app.traces).send),
            sandbox=self.sandbox,
            source=self.source,
            logs=SqlLogs(self.engine, folder / "logs"),
            artifacts=self.artifacts,
            caches=self.caches,
            signer=JwtSigner(),
            vault=FernetVault([new_key()]),
            telemetry=self.telemetry,
            now=self._tick,
            monotonic=time.monotonic,
            sleep=time.sleep,
            new_id=lambda: f"id{next(ids)}",
            url="https://ci.example.org",
            owner="here/1:a",
            webhooks={GITHUB: self.webhooks},
            offer=Offer(name="here", slots=100),
            rules=Rules(**{"progress_pause": 0.0, "retry_pauses": (0.0, 0.0), **rules}),  # type: ignore[arg-type]  # the constructor checks
        )

        presence.announce(self.app)

    def _tick(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    # -- people and the forge
    def hear(self, event: ForgeEvent | Ignored, delivery: str = "") -> intake.Answer:
        body = self.forge.delivery(event)
        return intake.accept(self.app, GITHUB, {"signature": "right", "id": delivery or self._next_delivery()}, body)

    def push(self, sha: Sha = ONE, branch: str = "main", message: str = "a message", **more: object) -> intake.Answer:
        self.source.add(sha, {"code.txt": sha})
        event = Pushed(repository=HELLO, branch=branch, tag=None, sha=sha, before=None, message=message, sender=ANA)
        return self.hear(replace(event, **more))  # type: ignore[arg-type]  # replace() checks the names

    def open_change(self, change: Change, *, action: str = "opened", sender: Person = ANA) -> intake.Answer:
        self.source.add(change.head, {"code.txt": change.head})
        self.forge.changes[change.number] = change
        return self.hear(self.updated(change.number, change.head, action=action, sender=sender))

    def updated(self, number: int, head: Sha, *, action: str = "synchronize", sender: Person = ANA) -> ChangeUpdated:
        return ChangeUpdated(
            repository=HELLO, number=number, action=action, head=head, updated_at=NOON, sender=sender
        )

    def say(self, text: str, by: Person = ANA, number: int = 7, **more: object) -> int:
        """A comment; its id."""
        comment = next(self._comments)
        event = Commented(
            repository=HELLO,
            number=number,
            comment=comment,
            kind=CommentKind.CHANGE,
            author=by,
            text=text,
            created_at=NOON + timedelta(hours=1),
        )
        self.hear(replace(event, **more))  # type: ignore[arg-type]  # replace() checks the names
        self.settle()
        return comment

    # -- the bot at work
    def settle(self) -> None:
        """Perform every hint, and those that follow from it; a bound keeps a loop from going on for ever."""
        for _ in range(500):
            if not self.queue.tasks:
                return
            dispatch.perform(self.app, self.queue.tasks.popleft(), self.shutdown)
        raise AssertionError("the queue does not come to rest")

    def turn(self, duty: str) -> int:
        return (upkeep.DUTIES | upkeep.ENGINE_DUTIES)[duty].do(self.app)

    def lose_hints(self) -> None:
        self.queue.tasks.clear()

    def step(self, kind: type[Task]) -> None:
        """Perform the first hint of that kind."""
        task = next(one for one in self.queue.tasks if isinstance(one, kind))
        self.queue.tasks.remove(task)
        dispatch.perform(self.app, task, self.shutdown)

    # -- looking
    def builds(self, sha: Sha = ONE) -> list[Build]:
        with self.app.work() as work:
            repository = work.repositories.see(HELLO)
            return list(work.builds.at(repository.id, sha))

    def runs(self, build: int = 1) -> list[Run]:
        with self.app.work() as work:
            return list(work.runs.of_build(BuildId(build)))

    def run(self, build: int = 1) -> Run:
        (run,) = self.runs(build)
        return run

    def log(self) -> bytes:
        """What the only run of the first build has printed."""
        return self.app.logs.read(self.run().id, 0, 1 << 20)

    def titles(self, sha: Sha = ONE) -> dict[str, str]:
        """The newest title of each check of that commit."""
        return {one.check.name: one.check.title for one in self.forge.shown.values() if one.check.sha == sha}

    def conclusions(self, sha: Sha = ONE) -> dict[str, str]:
        return {one.check.name: one.history[-1] for one in self.forge.shown.values() if one.check.sha == sha}
