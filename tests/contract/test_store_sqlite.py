"""What the store does on SQLite beyond its port: many threads, faults of the disk, the file itself."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.adapters.store_sql import SqlLogs, SqlWork, open_engine, reading, upgrade
from bot.domain.errors import StoreBusy
from bot.domain.runs import BuildId, Reason, RunId, RunState
from bot.ports.queue import Task
from bot.ports.store import UnitOfWork
from tests.contract.store_values import AT, GITHUB, SHA, stored_build, stored_run

OpenWork = Callable[[], UnitOfWork]


def _send_nothing(task: Task, *, delay: float = 0) -> None:
    pass


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "store.db"


@pytest.fixture
def engine(file: Path) -> Iterator[sa.Engine]:
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def work(engine: sa.Engine) -> OpenWork:
    return lambda: SqlWork(engine, _send_nothing)


def test_a_new_file_that_another_process_is_just_making_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as maker, ThreadPoolExecutor(1) as pool:
        maker.execute("BEGIN IMMEDIATE")
        opening = pool.submit(_journal_of, file)
        with pytest.raises(TimeoutError):
            opening.result(0.3)
        maker.execute("COMMIT")
        assert opening.result(30) == "wal"


def _journal_of(file: Path) -> str:
    engine = open_engine(f"sqlite:///{file}", patience=30)
    with reading(engine).connect() as connection:
        mode: str = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    engine.dispose()
    return mode


def test_of_two_hundred_runs_six_threads_claim_each_once(work: OpenWork) -> None:
    with work() as unit:
        build = stored_build(unit)
        runs = [stored_run(unit, build, f"suite {number}").id for number in range(200)]

    def claim_all(worker: int) -> list[RunId]:
        return [run for run in runs if _claim(work, run, f"worker-{worker}")]

    with ThreadPoolExecutor(6) as pool:
        claimed = [run for each in pool.map(claim_all, range(6)) for run in each]
    assert sorted(claimed) == sorted(runs)
    with work() as unit:
        assert sorted(unit.runs.live()) == [(run, 1, 1) for run in sorted(runs)]


def _claim(work: OpenWork, run: RunId, owner: str) -> bool:
    with work() as unit:
        return unit.runs.claim(run, owner, 60) is not None


def test_of_six_verdicts_at_once_one_counts(work: OpenWork) -> None:
    with work() as unit:
        run = unit.runs.claim(stored_run(unit).id, "worker", 60)
        assert run is not None

    def end(state: RunState) -> bool:
        with work() as unit:
            return unit.runs.save(run, run.ended(state, None, AT), "worker")

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(end, [RunState.PASSED, RunState.FAILED] * 3)).count(True) == 1


def test_readers_see_one_state_and_wait_for_nobody(work: OpenWork, engine: sa.Engine) -> None:
    with SqlWork(reading(engine), _send_nothing) as reader:
        assert reader.runs.queue_length() == 0
        with work() as writer:
            stored_run(writer)
        assert reader.runs.queue_length() == 0
    with SqlWork(reading(engine), _send_nothing) as reader:
        assert reader.runs.queue_length() == 1


def test_the_database_and_its_side_files_are_private(work: OpenWork, file: Path) -> None:
    with work() as unit:
        stored_run(unit)
    modes = {path.name: path.stat().st_mode & 0o777 for path in file.parent.iterdir()}
    assert modes == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}


def test_links_between_tables_are_enforced(work: OpenWork) -> None:
    with pytest.raises(sa.exc.IntegrityError), work() as unit:
        unit.approvals.add(BuildId(404), SHA, None, "nobody")


def test_a_database_that_another_program_holds_is_busy_and_serves_again_afterwards(
    work: OpenWork, file: Path
) -> None:
    engine = open_engine(f"sqlite:///{file}", patience=0.1)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match="locked"):
        SqlWork(engine, _send_nothing).__enter__()
    other.execute("ROLLBACK")
    other.close()
    with SqlWork(engine, _send_nothing) as unit:
        assert unit.runs.queue_length() == 0
    engine.dispose()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///{file}"])
def test_a_unit_of_work_that_is_never_left_makes_the_next_busy_but_does_not_stop_it_for_ever(
    engine: sa.Engine, file: Path, url: str
) -> None:
    engine = open_engine(url.format(file=file), patience=0.1)
    upgrade(engine)
    with SqlWork(engine, _send_nothing), pytest.raises(StoreBusy):
        SqlWork(engine, _send_nothing).__enter__()
    with SqlWork(engine, _send_nothing) as unit:
        assert unit.runs.queue_length() == 0
    engine.dispose()


def test_a_full_disk_is_busy_and_leaves_no_half_written_work(work: OpenWork, engine: sa.Engine) -> None:
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    sa.event.listen(engine, "checkout", lambda raw, *_: raw.execute(f"PRAGMA max_page_count = {pages}").close())
    with pytest.raises(StoreBusy, match="full"):
        _store_much(work)
    with work() as unit:
        assert unit.runs.recent(5, public_only=False) == []


def _store_much(work: OpenWork) -> None:
    with work() as unit:
        stored_run(unit)
        unit.audit.add(repository=None, actor="ada", action="x", subject="y", detail="z" * 1_000_000)


def test_a_folder_that_can_not_be_written_is_busy(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StoreBusy):
        open_engine(f"sqlite:///{tmp_path}/taken/store.db")


def test_a_fault_of_ours_is_not_taken_for_a_busy_store(engine: sa.Engine) -> None:
    with pytest.raises(sa.exc.OperationalError), engine.connect() as connection:
        connection.exec_driver_sql("SELECT nothing FROM nowhere")


def test_an_attempt_is_recorded_with_how_it_ended(work: OpenWork, engine: sa.Engine) -> None:
    with work() as unit:
        run = unit.runs.claim(stored_run(unit).id, "worker-1", 60)
        assert run is not None
        unit.runs.save(run, run.given_back(Reason.WORKER_LOST, AT, ""), "reaper")
        again = unit.runs.claim(run.id, "worker-2", 60)
        assert again is not None
        unit.runs.save(again, again.ended(RunState.FAILED, Reason.COMMAND, AT, exit_code=3), "worker-2")
    query = "SELECT n, fence, owner, outcome, reason, exit_code, ended_at >= started_at FROM attempt ORDER BY n"
    with engine.connect() as connection:
        rows = connection.execute(sa.text(query)).all()
    assert rows == [
        (1, 1, "worker-1", "queued", "worker_lost", None, 1),
        (2, 3, "worker-2", "failed", "command", 3, 1),
    ]


def test_an_approval_starts_the_time_after_which_a_run_is_overdue(work: OpenWork, engine: sa.Engine) -> None:
    with work() as unit:
        run = stored_run(unit, state=RunState.AWAITING_APPROVAL)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE run SET since = since - 100000"))
    with work() as unit:
        assert unit.runs.save(run, run.approved(), "ada")
        assert unit.runs.overdue(3600) == []


def test_payloads_are_kept_compressed(work: OpenWork, engine: sa.Engine) -> None:
    with work() as unit:
        unit.deliveries.add(GITHUB, "d-1", "push", b'{"same": "text"}' * 1000)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT length(payload) FROM delivery")).scalar_one() < 1000


def test_a_crash_before_the_rows_are_dropped_leaves_a_log_that_is_whole(
    work: OpenWork, engine: sa.Engine, tmp_path: Path
) -> None:
    with work() as unit:
        run = unit.runs.claim(stored_run(unit).id, "worker", 60)
        assert run is not None
    logs = SqlLogs(engine, tmp_path / "logs")
    logs.append(run.id, run.fence, b"abc" * 200_000)
    with engine.begin() as connection:
        connection.execute(
            sa.text("CREATE TRIGGER crash BEFORE DELETE ON log_chunk BEGIN SELECT RAISE(ABORT, ''); END")
        )
    with pytest.raises(sa.exc.IntegrityError):
        logs.close(run.id)
    assert logs.read(run.id, 300_000, 6) == b"abcabc"
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TRIGGER crash"))
    logs.close(run.id)
    assert logs.read(run.id, 300_000, 6) == b"abcabc"
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM log_chunk")).scalar_one() == 0
