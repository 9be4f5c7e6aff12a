"""One installation for one test: a pretend GitHub, `assay serve` beside it, and eyes on the engine."""

import contextlib
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import httpx

from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.hooks import Delivery, wait_until
from bot.demo.forge.state import CheckRun, Repo
from bot.demo.image import make_busybox
from tests.demoforge import pretend_github
from tests.faults.engine import Engine, watched
from tests.faults.server import Serve
from tests.images import BUSYBOX, DOCKER_HOST
from tests.ports import free_port

AGGREGATE: Final = "assay"
UNIT: Final = "assay / unit"
PATIENCE: Final = 60.0
COUNTING: Final = """\
count() { for n in $(seq $1 $2); do echo line $n; done; }
count 1 20
while [ ! -e go ]; do sleep 0.1; done
count 21 40
"""
"""Goes on when it is let go."""
COUNTED: Final = [f"line {number}" for number in range(1, 41)]


def suite_file(image: str, more: str = "") -> str:
    return f"version: 1\nsuites:\n  unit:\n    image: {image}\n    run: sh test.sh\n{more}"


class Database(Protocol):
    """As much of a connection as is looked at; parameters are question marks, rows are dictionaries or like them."""

    def execute(self, query: str, parameters: Sequence[str] = ..., /) -> Any: ...  # noqa: ANN401  # rows of any kind
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    folder: Path
    github: PretendGitHub
    serve: Serve
    engine: Engine
    repo: Repo
    docker_host: str = DOCKER_HOST
    more_secrets: list[str] = field(default_factory=list)
    """Of other forges than the pretend GitHub."""

    def push(self, script: str) -> str:
        """A commit on main whose suite runs that script; its id."""
        return self.github.commit(self.repo, "main", {"test.sh": script})

    def let_go(self) -> None:
        """Every script that waits for a file."""
        for sources in (self.serve.data / "runs").glob("*/src"):
            (sources / "go").touch()

    def another(self, name: str) -> Serve:
        """A second process on the same data."""
        return Serve(self.folder, self.github, free_port(), name, docker_host=self.docker_host)

    def check(self, sha: str, name: str = UNIT) -> CheckRun | None:
        """The newest of that name."""
        found = self.github.check_runs(self.repo, sha, name)
        return found[-1] if found else None

    def run_at(self, sha: str) -> str:
        """The id of the run that speaks through the commit's check."""
        check = self.check(sha)
        return check.external_id if check else ""

    def wait_started(self, containers: int = 1) -> None:
        def have() -> bool:
            return sum(one.what == "start" for one in self.engine.happened) >= containers

        wait_until(have, PATIENCE, "no container was started")

    def wait_status(self, sha: str, status: str) -> None:
        def shows() -> bool:
            check = self.check(sha)
            return check is not None and check.status == status

        wait_until(shows, PATIENCE, f"no check became {status}")

    def conclusions(self, sha: str) -> dict[str, str | None]:
        """Waits until every check of the commit has ended."""
        wait_until(lambda: self.ended(self.repo, sha), PATIENCE, "not all checks have ended")
        return {check.name: check.conclusion for check in self.github.check_runs(self.repo, sha)}

    def ended(self, repo: Repo, sha: str) -> bool:
        """Both checks are there and completed."""
        found = self.github.check_runs(repo, sha)
        names = {check.name for check in found}
        return names >= {AGGREGATE, UNIT} and all(check.status == "completed" for check in found)

    def last_delivery(self, event: str = "push") -> Delivery:
        """How the newest webhook of that kind was answered; waits for it."""
        self.github.hooks.settle()
        return [each for each in self.github.hooks.sent if each.event == event][-1]

    def freeze(self) -> None:
        """Stop the process between two transactions: in one it would keep everybody from writing to SQLite."""
        wait_until(self._is_frozen_at_rest, PATIENCE, "it always writes")

    def _is_frozen_at_rest(self) -> bool:
        self.serve.freeze()
        with contextlib.closing(sqlite3.connect(self.serve.data / "assay.db", timeout=0)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                self.serve.thaw()
                return False
        return True

    def keep_held(self, event: str) -> None:
        """Of the webhooks that are held back, lose those of other kinds."""
        held = self.github.hooks.held
        assert held is not None
        held[:] = [each for each in held if each.event == event]

    def forget(self) -> None:
        """Webhooks that nobody heard yet: a server that starts would ask for them, in the middle of a test."""
        self.github.hooks.settle()
        self.github.hooks.sent.clear()

    def settle(self) -> None:
        """Wait until every webhook has been sent and handled."""
        self.github.hooks.settle()
        wait_until(lambda: not self._unhandled(), PATIENCE, "not all deliveries were handled")

    def _unhandled(self) -> int:
        with contextlib.closing(self.database()) as database:
            count: int = database.execute("SELECT count(*) FROM delivery WHERE status = 'received'").fetchone()[0]
        return count

    @property
    def processes(self) -> Sequence[Serve]:
        """All that write an output."""
        return [self.serve]

    @property
    def folders(self) -> Sequence[str]:
        """Of runs."""
        return [path.name for each in self.processes for path in (each.data / "runs").glob("*")]

    @property
    def output(self) -> str:
        return "".join(each.output for each in self.processes)

    @property
    def secrets(self) -> Sequence[str]:
        """What must be nowhere."""
        key = self.github.private_key.splitlines()[1:-1]
        return [self.github.app.webhook_secret, *key, *self.github.world.tokens, *self.more_secrets]

    def database(self) -> Database:
        """Opened for reading; the process may write meanwhile."""
        database = sqlite3.connect(f"file:{self.serve.data}/assay.db?mode=ro", uri=True)
        database.row_factory = sqlite3.Row
        return database

    def wait_output(self, words: str) -> None:
        wait_until(lambda: words in self.output, PATIENCE, f"it did not say {words}")

    def wait_log(self, words: str) -> None:
        """Of the newest run."""
        wait_until(lambda: words in self._newest_log(), PATIENCE, f"no log says {words}")

    def _newest_log(self) -> str:
        with contextlib.closing(self.database()) as database:
            row = database.execute("SELECT id FROM run ORDER BY number DESC LIMIT 1").fetchone()
        return self.log(row["id"]).decode() if row else ""

    def page(self, path: str) -> str:
        return self.serve.get(path).text

    def log(self, run: str) -> bytes:
        """The run's log as the web gives it, which tells who asks for many when to come back."""
        while (answer := self.serve.get(f"/runs/{run}/log")).status_code == httpx.codes.TOO_MANY_REQUESTS:
            time.sleep(float(answer.headers["Retry-After"]))
        return answer.content if answer.is_success else b""


@contextmanager
def place(folder: Path, docker_host: str = DOCKER_HOST) -> Iterator[Place]:
    """Nothing is started but the forge; whatever is left at the end goes."""
    instance, port = f"faults-{secrets.token_hex(4)}", free_port()
    (folder / "data").mkdir(mode=0o711)
    (folder / "data" / "instance").write_text(instance)
    with (
        pretend_github(f"http://127.0.0.1:{port}/webhooks/github") as github,
        watched(instance, hosts=[docker_host]) as engine,
    ):
        make_busybox(docker_host, BUSYBOX)
        repo = github.add_repository("acme/web", {".assay.yml": suite_file(BUSYBOX)})
        serve = Serve(folder, github, port, docker_host=docker_host)
        try:
            here = Place(folder=folder, github=github, serve=serve, engine=engine, repo=repo, docker_host=docker_host)
            here.forget()
            yield here
        finally:
            serve.kill()
            engine.clear()
