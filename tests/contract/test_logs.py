"""What every log store must do."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.adapters.storage_s3 import S3Logs, open_store
from bot.adapters.store_sql import SqlLogs
from bot.domain.errors import BadInput, Gone, StoreBusy
from bot.domain.runs import Reason, Run, RunId, RunState
from bot.ports.logs import Logs
from bot.ports.store import UnitOfWork
from tests import servers
from tests.contract.store_values import AT, stored_run

OpenWork = Callable[[], UnitOfWork]
MIB = 1 << 20


def claimed(work: OpenWork) -> Run:
    with work() as unit:
        run = unit.runs.claim(stored_run(unit).id, "worker-1", 60)
    assert run is not None
    return run


@pytest.fixture
def run(work: OpenWork) -> Run:
    return claimed(work)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "logs"


def read_all(logs: Logs, run: RunId, step: int) -> bytes:
    return b"".join(logs.read(run, start, step) for start in range(0, logs.size(run) + step, step))


def test_an_unknown_run_has_an_empty_open_log(logs: Logs) -> None:
    nobody = RunId("nobody")
    logs.close(nobody)
    logs.remove(nobody)
    assert (logs.read(nobody, 0, 10), logs.size(nobody), logs.is_closed(nobody)) == (b"", 0, False)


def test_a_closed_log_reads_as_before_and_takes_nothing_more(logs: Logs, run: Run) -> None:
    assert logs.append(run.id, run.fence, b"one\n")
    assert logs.append(run.id, run.fence, b"")
    assert logs.append(run.id, run.fence, b"\x00\xff\r\n")
    assert not logs.is_closed(run.id)
    logs.close(run.id)
    logs.close(run.id)
    assert not logs.append(run.id, run.fence, b"late")
    assert logs.is_closed(run.id)
    assert logs.size(run.id) == 8
    assert logs.read(run.id, 0, 100) == b"one\n\x00\xff\r\n"


def test_a_log_without_output_can_be_closed(logs: Logs, run: Run) -> None:
    logs.close(run.id)
    assert (logs.read(run.id, 0, 10), logs.size(run.id), logs.is_closed(run.id)) == (b"", 0, True)


def test_only_who_holds_the_run_writes(logs: Logs, work: OpenWork, run: Run) -> None:
    assert logs.append(run.id, run.fence, b"mine\n")
    with work() as unit:
        unit.runs.save(run, run.given_back(Reason.WORKER_LOST, AT, ""), "reaper")
        again = unit.runs.claim(run.id, "worker-2", 60)
    assert again is not None
    assert not logs.append(run.id, run.fence, b"late\n")
    assert logs.append(run.id, again.fence, b"theirs\n")
    assert logs.read(run.id, 0, 100) == b"mine\ntheirs\n"


@pytest.mark.parametrize("close", [False, True])
def test_reading_outside_of_the_log_gives_nothing(logs: Logs, run: Run, close: bool) -> None:
    logs.append(run.id, run.fence, b"abc")
    _close_if(logs, run.id, close)
    assert [logs.read(run.id, start, limit) for start, limit in ((3, 5), (-1, 5), (0, 0), (99, 1))] == [b""] * 4
    assert logs.read(run.id, 2, 5) == b"c"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.lists(st.binary(max_size=9), max_size=8), st.integers(1, 7), st.booleans())
def test_reading_by_any_step_gives_what_was_written(
    logs: Logs, work: OpenWork, pieces: list[bytes], step: int, close: bool
) -> None:
    run = claimed(work)
    for piece in pieces:
        assert logs.append(run.id, run.fence, piece)
    _close_if(logs, run.id, close)
    assert read_all(logs, run.id, step) == b"".join(pieces)


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("step", [100_000, 262_144, 300_001, 4 * MIB])
def test_long_logs_are_whole_wherever_they_are_cut(logs: Logs, run: Run, close: bool, step: int) -> None:
    data = b"".join(b"line %d\n" % number for number in range(120_000))
    logs.append(run.id, run.fence, data[:700_000])
    logs.append(run.id, run.fence, data[700_000:])
    _close_if(logs, run.id, close)
    assert read_all(logs, run.id, step) == data
    assert logs.read(run.id, 262_140, 8) == data[262_140:262_148]


def test_a_removed_log_is_empty_and_stays_closed(logs: Logs, run: Run, folder: Path) -> None:
    logs.append(run.id, run.fence, b"abc")
    logs.close(run.id)
    logs.remove(run.id)
    logs.remove(run.id)
    logs.close(run.id)
    assert not logs.append(run.id, run.fence, b"late")
    assert (logs.read(run.id, 0, 10), logs.size(run.id), logs.is_closed(run.id)) == (b"", 0, True)
    assert _files(folder) == []


def test_logs_that_nobody_closed_are_found_when_their_run_has_ended(logs: Logs, work: OpenWork, run: Run) -> None:
    other = claimed(work)
    logs.append(run.id, run.fence, b"abc")
    logs.append(other.id, other.fence, b"abc")
    with work() as unit:
        unit.runs.save(run, run.ended(RunState.ERRORED, Reason.DEADLINE, AT), "upkeep")
    assert logs.left_open(5) == [run.id]
    logs.close(run.id)
    assert logs.left_open(5) == []


def test_a_crash_while_packing_leaves_a_log_that_is_read_and_packed_later(
    engine: sa.Engine, run: Run, folder: Path
) -> None:
    logs = SqlLogs(engine, folder)
    logs.append(run.id, run.fence, b"abc")
    folder.write_text("in the way")
    with pytest.raises(StoreBusy):
        logs.close(run.id)
    assert logs.is_closed(run.id)
    assert logs.read(run.id, 0, 10) == b"abc"
    folder.unlink()
    logs.close(run.id)
    assert logs.read(run.id, 0, 10) == b"abc"
    assert _files(folder) == [f"{run.id}.log.gz"]


def test_a_packed_log_whose_file_was_taken_is_gone(engine: sa.Engine, run: Run, folder: Path) -> None:
    logs = SqlLogs(engine, folder)
    logs.append(run.id, run.fence, b"abc")
    logs.close(run.id)
    next(folder.rglob("*.gz")).unlink()
    with pytest.raises(Gone):
        logs.read(run.id, 0, 10)


@pytest.mark.parametrize("bad", ["../../etc/x", "a/b", "", "a.b", "a\n", "\N{SNOWMAN}"])
def test_no_name_leads_out_of_the_folder(logs: Logs, bad: str) -> None:
    with pytest.raises(BadInput):
        logs.remove(RunId(bad))


def _close_if(logs: Logs, run: RunId, close: bool) -> None:
    if close:
        logs.close(run)


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_logs_are_closed_into_an_s3_store_and_read_from_there(
    engine: sa.Engine, run: Run, s3_server: servers.S3
) -> None:
    logs = SqlLogs(engine, S3Logs(open_store(s3_server.url)))
    data = b"".join(b"line %d\n" % number for number in range(60_000))
    logs.append(run.id, run.fence, data)
    logs.close(run.id)
    assert read_all(logs, run.id, 300_001) == data
    logs.remove(run.id)
    assert logs.size(run.id) == 0


def test_a_packed_log_that_the_s3_store_lost_is_gone(engine: sa.Engine, run: Run, s3_server: servers.S3) -> None:
    kept = S3Logs(open_store(s3_server.url))
    logs = SqlLogs(engine, kept)
    logs.append(run.id, run.fence, b"abc")
    logs.close(run.id)
    kept.remove(run.id)
    with pytest.raises(Gone):
        logs.read(run.id, 0, 10)


def test_an_s3_store_that_is_away_leaves_a_log_that_is_read_and_packed_later(engine: sa.Engine, run: Run) -> None:
    logs = SqlLogs(engine, S3Logs(open_store("s3://key:secret@assay?endpoint=http://127.0.0.1:9")))
    logs.append(run.id, run.fence, b"abc")
    with pytest.raises(StoreBusy, match="storage"):
        logs.close(run.id)
    assert logs.read(run.id, 0, 10) == b"abc"
