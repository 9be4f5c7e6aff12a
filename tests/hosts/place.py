"""An installation of many processes: two for the web, two workers apart, PostgreSQL, Redis and S3."""

import base64
import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from tests import servers
from tests.collector import Collector, collector
from tests.demoforge import pretend_github
from tests.faults.engine import watched
from tests.faults.place import Place, suite_file
from tests.faults.quiet import assert_quiet
from tests.faults.server import Serve
from tests.images import DOCKER_HOST, busybox
from tests.ports import free_port


@dataclass(frozen=True, slots=True)
class Host:
    """A machine with a worker."""

    name: str
    docker_host: str = DOCKER_HOST
    inside: Sequence[str] = ()
    """What stands before its worker's command: where that runs."""


_TWO: Final = (Host("north"), Host("south"))


_UNFINISHED: Final = (
    "(SELECT count(*) FROM delivery WHERE status = 'received')",
    "+ (SELECT count(*) FROM run WHERE state IN ('queued', 'preparing', 'running', 'finalizing'))",
    "+ (SELECT count(*) FROM report WHERE greatest(sent_version, dead_version) < version)",
)


class _Database:
    """Reads what the processes wrote, in their words for SQLite."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True, row_factory=dict_row)

    def execute(self, query: str, parameters: Sequence[str] = ()) -> Any:  # noqa: ANN401  # rows of any kind
        return self._connection.execute(query.replace("?", "%s").encode(), parameters)

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts(Place):
    """`serve` is the web process that the forge calls."""

    other: Serve
    """Also for the web."""
    workers: Sequence[Serve]
    collector: Collector
    """Of traces."""
    redis: servers.Redis
    postgres: servers.Postgres
    settings: dict[str, str]

    def start(self) -> None:
        """Whatever does not run."""
        with ThreadPoolExecutor(4) as pool:
            started = [
                pool.submit(each.start, **self.settings, WORKER_METRICS=each.url.removeprefix("http://"))
                for each in self.processes
                if each.has_ended
            ]
        for each in started:
            each.result()

    @property
    def processes(self) -> Sequence[Serve]:
        return [self.serve, self.other, *self.workers]

    def database(self) -> _Database:
        return _Database(self.settings["DATABASE_URL"])

    def worker_of(self, run: str) -> Serve:
        """Who holds it now."""
        with contextlib.closing(self.database()) as database:
            owner = database.execute("SELECT owner FROM run WHERE id = ?", (run,)).fetchone()["owner"]
        places = {(each.data / "instance").read_text(): each for each in self.workers}
        return places[owner.partition("/")[0]]

    def build_of(self, run: str) -> int:
        with contextlib.closing(self.database()) as database:
            build: int = database.execute("SELECT build FROM run WHERE id = ?", (run,)).fetchone()["build"]
        return build

    def is_packed(self, run: str) -> bool:
        """Whether its log is in the storage and no more in the database."""
        query = "SELECT (SELECT count(*) FROM log_chunk WHERE run = ?) AS pieces, members FROM log WHERE run = ?"
        with contextlib.closing(self.database()) as database:
            row = database.execute(query, (run, run)).fetchone()
        return row["pieces"] == 0 and row["members"] is not None

    def let_go(self, *workers: Serve) -> None:
        """Every script that waits for a file, or those of these workers."""
        for each in workers or self.workers:
            for sources in (each.data / "runs").glob("*/src"):
                (sources / "go").touch()

    def held(self, place: str) -> Mapping[str, str]:
        """States of the runs that somebody at that place has; none when the database does not answer."""
        query = "SELECT id, state FROM run WHERE owner LIKE ? AND state IN ('preparing', 'running', 'finalizing')"
        with contextlib.suppress(psycopg.Error), contextlib.closing(self.database()) as database:
            return {row["id"]: row["state"] for row in database.execute(query, (f"{place}/%",))}
        return {}

    def unfinished(self) -> int:
        """Deliveries, runs and reports that are not done."""
        counted = "".join(_UNFINISHED)
        with contextlib.closing(self.database()) as database:
            found: int = database.execute(f"SELECT {counted} AS count").fetchone()["count"]
        return found

    def wish_to_end(self, run: str) -> None:
        """As any process does for somebody who may."""
        with contextlib.closing(self.database()) as database:
            database.execute("UPDATE run SET cancel = 'user' WHERE id = ?", (run,))

    def outcomes(self, sha: str) -> list[tuple[str, str | None]]:
        """How each attempt of the commit's run ended, once everything everywhere is as it must be."""
        (run,) = [run for run in assert_quiet(self).runs if run.sha == sha]
        return list(run.outcomes)

    def pushes(self, count: int, script: str) -> list[str]:
        """Commits of as many branches."""
        return [
            self.github.commit(self.repo, f"many-{n}", {"test.sh": script, "n.txt": str(n)}) for n in range(count)
        ]


@contextmanager
def hosts(
    folder: Path,
    postgres: servers.Postgres,
    database_url: str,
    storage_url: str,
    machines: Sequence[Host] = _TWO,
) -> Iterator[Hosts]:
    """Nothing is started but the forge, PostgreSQL, Redis and S3; whatever is left at the end goes."""
    port = free_port()
    instances = [f"hosts-{secrets.token_hex(4)}" for _ in machines]
    for machine, instance in zip(machines, instances, strict=True):
        (folder / machine.name).mkdir(mode=0o711)
        (folder / machine.name / "instance").write_text(instance)
    with ExitStack() as stack:
        github = stack.enter_context(pretend_github(f"http://127.0.0.1:{port}/webhooks/github"))
        engine = stack.enter_context(
            watched(*instances, hosts=list(dict.fromkeys(each.docker_host for each in machines)))
        )
        redis = stack.enter_context(servers.redis("--appendonly", "yes"))
        traces = stack.enter_context(collector())
        stack.callback(engine.clear)
        serve = Serve(folder, github, port, "web", ("serve", "--no-workers"), "web")
        other = Serve(folder, github, free_port(), "other", ("serve", "--no-workers"), "other")
        workers = [
            Serve(folder, github, free_port(), each.name, ("worker",), each.name, each.docker_host, each.inside)
            for each in machines
        ]
        for each in (serve, other, *workers):
            stack.callback(each.kill)
        yield Hosts(
            folder=folder,
            github=github,
            serve=serve,
            engine=engine,
            repo=github.add_repository("acme/web", {".assay.yml": suite_file(busybox())}),
            collector=traces,
            other=other,
            workers=workers,
            redis=redis,
            postgres=postgres,
            settings={
                "DATABASE_URL": database_url,
                "OTEL_EXPORTER_OTLP_ENDPOINT": traces.url,
                "OTEL_BSP_SCHEDULE_DELAY": "200",
                "REDIS_URL": redis.url,
                "SECRET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
                "STORAGE_URL": storage_url,
                "URL": serve.url,
                "WORKERS": "1",
            },
        )
