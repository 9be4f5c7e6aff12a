"""`assay flaky`: the tests that nobody can rely on, for people and for programs."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from bot.adapters.store_sql import SqlWork, open_engine, upgrade
from bot.cli.flaky import flaky
from bot.domain.results import Case, Outcome, Results
from tests.contract.store_values import a_run, stored_build, stored_repository


def _no_hints(task: object, *, delay: float = 0) -> None:
    raise AssertionError(f"nothing is to be done {delay} seconds later")


@pytest.fixture(autouse=True)
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    monkeypatch.setenv("ASSAY_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("bot.cli.opening.configure_logs", lambda _: None)
    engine = open_engine(f"sqlite:///{tmp_path}/assay.db")
    upgrade(engine)
    with SqlWork(engine, _no_hints) as work:
        stored_repository(work)
    return engine


def ran(engine: sa.Engine, outcome: Outcome) -> None:
    with SqlWork(engine, _no_hints) as work:
        run = a_run(stored_build(work, sender_id=7))
        work.runs.add(run)
        work.results.add(run, [Case(name="a::b", outcome=outcome)])
        work.results.conclude(run, "main", Results())


def assay(*words: str) -> Result:
    return CliRunner().invoke(flaky, words)


def test_a_test_with_both_results_on_one_commit_is_listed(engine: sa.Engine) -> None:
    ran(engine, Outcome.FAILED)
    ran(engine, Outcome.PASSED)
    done = assay("ada/engine")
    assert done.exit_code == 0
    assert done.output.startswith("a::b  unit: 1 of 2 runs, held up 1 person, last 20")
    (row,) = json.loads(assay("ada/engine", "--json").output)
    assert (row["name"], row["failures"], row["runs"], row["people"]) == ("a::b", 1, 2, 1)


def test_a_steady_failure_is_not_flaky(engine: sa.Engine) -> None:
    ran(engine, Outcome.FAILED)
    done = assay("ada/engine", "--days", "30")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "in the last 30 days" in done.stderr


def test_an_unknown_repository_is_one_line() -> None:
    done = assay("ada/none")
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1


def test_a_test_is_muted_up_to_a_day_and_unmuted(engine: sa.Engine) -> None:
    ran(engine, Outcome.FAILED)
    ran(engine, Outcome.PASSED)
    today = datetime.now(UTC).date()  # noqa: TID251 - the command goes by the true day
    last, late = today + timedelta(days=3), today + timedelta(days=300)
    words = ("ada/engine", "a::b", "--suite", "unit")
    assert assay("mute", *words, "--until", last.isoformat(), "--reason", "see issue 7").exit_code == 0
    assert f", muted to {last.day} {last:%b} by command line: " in assay("list", "ada/engine").output
    assert assay("unmute", *words).exit_code == 0
    assert assay("unmute", *words).exit_code == 2
    assert "muted" not in assay("ada/engine").output
    refused = assay("mute", *words, "--until", late.isoformat(), "--reason", "never")
    assert (refused.exit_code, "in 90 days at the latest" in refused.stderr) == (2, True)
