"""What the store does on PostgreSQL beyond its port: many processes, servers that go away, races, the migrations."""

import contextlib
import random
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from bot.adapters.store_sql import SqlWork, open_engine, reading, upgrade
from bot.adapters.store_sql.tables import metadata
from bot.app import announcing
from bot.demo.forge.hooks import wait_until
from bot.domain.errors import Refused, StoreBusy
from bot.domain.quotas import UNBOUNDED, Quotas
from bot.domain.runs import Build, Run, RunId, RunState
from bot.ports.queue import Task
from bot.ports.store import UnitOfWork
from tests import servers
from tests.contract.store_values import AT, GITHUB, a_build, a_seen, stored_build, stored_run

OpenWork = Callable[[], UnitOfWork]

pytestmark = pytest.mark.postgres


def _send_nothing(task: Task, *, delay: float = 0) -> None:
    pass


@pytest.fixture
def engine(postgres_url: str) -> Iterator[sa.Engine]:
    engine = open_engine(postgres_url, patience=5)
    yield engine
    engine.dispose()


@pytest.fixture
def work(engine: sa.Engine) -> OpenWork:
    return lambda: SqlWork(engine, _send_nothing)


def test_a_database_that_can_not_hold_every_text_is_refused_in_one_line(postgres_server: servers.Postgres) -> None:
    url = postgres_server.create("ascii", "template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
    engine = open_engine(url)
    try:
        with pytest.raises(Refused, match="the database's encoding is SQL_ASCII, and it must be UTF8"):
            upgrade(engine)
    finally:
        engine.dispose()
        postgres_server.drop("ascii")


def test_a_new_database_gets_exactly_the_tables_of_the_code(empty_url: str) -> None:
    engine = open_engine(empty_url)
    upgrade(engine)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert differences == []


def test_processes_that_start_together_all_find_the_tables(empty_url: str) -> None:
    def start(_number: int) -> int:
        engine = open_engine(empty_url)
        upgrade(engine)
        with engine.connect() as connection:
            runs: int = connection.execute(sa.text("SELECT count(*) FROM run")).scalar_one()
        engine.dispose()
        return runs

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(start, range(4))) == [0] * 4


def test_a_database_of_a_newer_version_is_refused(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Refused, match=r"newer version of Assay .*9999"):
        upgrade(engine)


def test_of_two_hundred_runs_six_threads_claim_each_once(work: OpenWork) -> None:
    with work() as unit:
        build = stored_build(unit)
        runs = [stored_run(unit, build, f"suite {number}").id for number in range(200)]

    def claim_all(worker: int) -> list[RunId]:
        return [run for run in runs if _claim(work, run, f"worker-{worker}")]

    with ThreadPoolExecutor(6) as pool:
        claimed = [run for each in pool.map(claim_all, range(6)) for run in each]
    assert sorted(claimed) == sorted(runs)


def _claim(work: OpenWork, run: RunId, owner: str, quotas: Quotas = UNBOUNDED) -> bool:
    with work() as unit:
        return unit.runs.claim(run, owner, 60, quotas) is not None


def test_six_that_claim_at_once_keep_to_a_quota(work: OpenWork) -> None:
    with work() as unit:
        build = stored_build(unit)
        runs = [stored_run(unit, build, f"suite {number}").id for number in range(30)]
    together = threading.Barrier(6)

    def claim_some(worker: int) -> int:
        together.wait()
        return sum(_claim(work, run, f"worker-{worker}", Quotas(runs_max=3)) for run in runs[worker::6])

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(claim_some, range(6))) == 3


def test_of_six_builds_of_one_commit_at_once_the_first_makes_the_run_that_all_count(work: OpenWork) -> None:
    with work() as unit:
        builds = [stored_build(unit, key=f"build {number}") for number in range(6)]
    together = threading.Barrier(6)

    def enter(build: Build) -> bool:
        together.wait()
        with work() as unit:
            unit.builds.hold(build.repository, build.sha)
            known = unit.runs.latest_at(build.repository, build.sha, "unit")
            if known is None:
                stored_run(unit, build)
        return known is None

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(enter, builds)).count(True) == 1


def test_of_six_verdicts_at_once_one_counts(work: OpenWork) -> None:
    with work() as unit:
        run = unit.runs.claim(stored_run(unit).id, "worker", 60)
        assert run is not None

    def end(state: RunState) -> bool:
        with work() as unit:
            return unit.runs.save(run, run.ended(state, None, AT), "worker")

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(end, [RunState.PASSED, RunState.FAILED] * 3)).count(True) == 1


def test_of_many_deliveries_with_one_key_at_once_one_is_new(work: OpenWork) -> None:
    together = threading.Barrier(6)

    def deliver(_number: int) -> bool:
        together.wait()
        with work() as unit:
            unit.deliveries.add(GITHUB, "d-1", "push", b"{}", ignored="of no interest")
            return unit.deliveries.add(GITHUB, "d-1", "push", b"{}")[1]

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(deliver, range(6))) == [False] * 6


def test_readers_see_one_state_and_write_nothing(work: OpenWork, engine: sa.Engine) -> None:
    with SqlWork(reading(engine), _send_nothing) as reader:
        assert reader.runs.queue_length() == 0
        with work() as writer:
            stored_run(writer)
        assert reader.runs.queue_length() == 0
    with pytest.raises(StoreBusy, match="read-only"), SqlWork(reading(engine), _send_nothing) as reader:
        stored_run(reader)


def test_connections_that_were_cut_while_nobody_used_them_are_made_anew(
    work: OpenWork, postgres_server: servers.Postgres
) -> None:
    with work() as unit:
        stored_run(unit)
    postgres_server.cut_connections()
    with work() as unit:
        assert unit.runs.queue_length() == 1


def test_work_whose_connection_is_cut_is_busy_and_leaves_nothing(
    work: OpenWork, postgres_server: servers.Postgres
) -> None:
    with pytest.raises(StoreBusy):
        _store_while_cut(work, postgres_server)
    with work() as unit:
        assert unit.runs.queue_length() == 0


def _store_while_cut(work: OpenWork, server: servers.Postgres) -> None:
    with work() as unit:
        stored_run(unit)
        server.cut_connections()


def test_a_server_that_is_away_is_busy_and_serves_again_when_it_is_back() -> None:
    with servers.postgres() as server:
        engine = open_engine(server.create("assay"), patience=1)
        upgrade(engine)
        server.kill()
        with pytest.raises(StoreBusy):
            SqlWork(engine, _send_nothing).__enter__()
        server.start()
        with SqlWork(engine, _send_nothing) as unit:
            assert unit.runs.queue_length() == 0
        engine.dispose()


def test_a_process_that_is_frozen_in_the_middle_of_its_work_holds_nobody_up_for_long(postgres_url: str) -> None:
    engine = open_engine(postgres_url, patience=0.3)
    with SqlWork(engine, _send_nothing) as unit:
        run = stored_run(unit)

    def claim(owner: str) -> None:
        with SqlWork(engine, _send_nothing) as unit:
            assert unit.runs.claim(run.id, owner, 60)

    def freeze_in_the_middle() -> None:
        with SqlWork(engine, _send_nothing) as frozen:
            assert frozen.runs.claim(run.id, "frozen", 60)
            wait_until(lambda: _is_free(claim), 20, "the lock is held")

    with pytest.raises(StoreBusy):
        freeze_in_the_middle()
    engine.dispose()


def _is_free(claim: Callable[[str], None]) -> bool:
    try:
        claim("another")
    except StoreBusy:
        return False
    return True


def test_a_server_that_does_not_answer_is_busy_after_a_while() -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        address = f"postgresql://assay@127.0.0.1:{silent.getsockname()[1]}/assay"
        engine = open_engine(address, patience=1)
        with pytest.raises(StoreBusy):
            SqlWork(engine, _send_nothing).__enter__()


def test_a_lock_that_two_want_in_turn_ends_as_busy_for_one(work: OpenWork, engine: sa.Engine) -> None:
    with work() as unit:
        elsewhere = unit.builds.add(a_build(unit.repositories.see(a_seen(forge_id=7002, path="Ada/Other")).id))
        first, second = stored_run(unit), stored_run(unit, elsewhere)
    together = threading.Barrier(2)

    def take(runs: tuple[RunId, RunId]) -> bool:
        try:
            with work() as unit:
                unit.runs.claim(runs[0], "worker", 60)
                together.wait()
                unit.runs.claim(runs[1], "worker", 60)
        except StoreBusy:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(take, [(first.id, second.id), (second.id, first.id)]))
    assert sorted(done) == [False, True]


def test_code_of_before_works_on_tables_that_a_newer_version_has_widened(work: OpenWork, engine: sa.Engine) -> None:
    with work() as unit:
        run = stored_run(unit)
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE run ADD COLUMN later text"))
        connection.execute(sa.text("ALTER TABLE delivery ADD COLUMN later integer NOT NULL DEFAULT 0"))
    with work() as unit:
        assert unit.deliveries.add(GITHUB, "d-1", "push", b"{}")[1]
        claimed = unit.runs.claim(run.id, "worker", 60)
        assert claimed
        assert unit.runs.save(claimed, claimed.ended(RunState.PASSED, None, AT), "worker")
    with work() as unit:
        assert unit.runs.get(run.id).state is RunState.PASSED


def test_a_server_that_only_reads_is_busy_and_serves_again_once_it_writes(work: OpenWork, postgres_url: str) -> None:
    _let_write(postgres_url, "off")
    with pytest.raises(StoreBusy, match="read-only"):
        _store(work)
    _let_write(postgres_url, "on")
    _store(work)


def _store(work: OpenWork) -> None:
    with work() as unit:
        stored_run(unit)


def _let_write(url: str, may: str) -> None:
    """For connections from now on, and nobody has another; as a standby that was not promoted yet."""
    name = sa.make_url(url).database
    read_only = {"on": "off", "off": "on"}[may]
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {read_only}".encode())
        others = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        )
        connection.execute(others, (name,))


def announced_run(work: OpenWork) -> Run:
    with work() as unit:
        build = stored_build(unit)
        run = stored_run(unit, build)
        announcing.run_made(unit, build, run)
        announcing.build_made(unit, build)
    return run


def test_a_new_build_and_a_claim_of_what_it_replaces_do_not_wait_for_each_other_in_a_circle(work: OpenWork) -> None:
    """Two pushes of one commit at once: the second ends a run of the first that a worker is just taking."""
    old, together = announced_run(work), threading.Barrier(2)

    def build_again() -> bool:
        with work() as unit:
            second = stored_build(unit)
            announcing.run_made(unit, second, stored_run(unit, second))
            announcing.build_made(unit, second)
            together.wait()
            after = old.ended(RunState.SUPERSEDED, None, AT)
            is_ours = unit.runs.save(old, after, "second")
            if is_ours:
                announcing.run_changed(unit, after)
        return is_ours

    def claim() -> bool:
        with work() as unit:
            claimed = unit.runs.claim(old.id, "worker", 60)
            together.wait()
            if claimed:
                announcing.run_changed(unit, claimed)
        return claimed is not None

    with ThreadPoolExecutor(2) as pool:
        ways = [pool.submit(build_again), pool.submit(claim)]
        assert sum(way.result(30) for way in ways) == 1


def test_many_who_touch_the_checks_of_one_commit_in_any_order_all_come_through(work: OpenWork) -> None:
    with work() as unit:
        build = stored_build(unit)
        runs = [stored_run(unit, build, name) for name in ("c", "a", "b", "d")]
        for run in runs:
            announcing.run_made(unit, build, run)
        announcing.build_made(unit, build)
    together = threading.Barrier(6)

    def touch(number: int) -> bool:
        together.wait()
        for turn in range(10):
            with work() as unit:
                for run in random.Random(f"{number} {turn}").sample(runs, len(runs)):
                    announcing.run_changed(unit, run)
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(touch, range(6)))
