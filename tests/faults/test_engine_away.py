"""An engine that is restarted, killed or frozen while suites run in it (F45, F46, F47, F49)."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.engines import PrivateEngine, private_engine
from tests.faults.place import Place, place
from tests.faults.quiet import assert_quiet

pytestmark = [pytest.mark.docker, pytest.mark.engine, pytest.mark.timeout(180)]

PASSED: Final = {"assay": "success", "assay / unit": "success"}
SLOW_AT_FIRST: Final = '[ "$ASSAY_ATTEMPT" != 1 ] || sleep 60\n'
AGAIN: Final = [("queued", "killed_externally"), ("passed", None)]


@pytest.fixture(scope="module")
def engine() -> Iterator[PrivateEngine]:
    with private_engine() as one:
        yield one


@pytest.fixture
def lasting_engine() -> Iterator[PrivateEngine]:
    """Its containers outlive it."""
    with private_engine(lasting=True) as one:
        yield one


@pytest.fixture
def here(tmp_path: Path, engine: PrivateEngine) -> Iterator[Place]:
    with started(tmp_path, engine) as one:
        yield one


@contextmanager
def started(folder: Path, engine: PrivateEngine) -> Iterator[Place]:
    with place(folder, engine.host) as one:
        one.serve.start()
        yield one
        sys.stderr.write(one.serve.output)


def test_a_restart_of_the_engine_that_ends_a_job_is_no_verdict(here: Place, engine: PrivateEngine) -> None:
    sha = here.push(SLOW_AT_FIRST)
    here.wait_started()
    engine.kill()
    engine.start()
    assert here.conclusions(sha) == PASSED
    (run,) = assert_quiet(here).runs
    assert run.outcomes == AGAIN
    assert b"something outside of Assay killed the container" in here.log(run.id)


def test_a_job_outlives_an_engine_that_lets_it_and_may_end_meanwhile(
    tmp_path: Path, lasting_engine: PrivateEngine
) -> None:
    with started(tmp_path, lasting_engine) as here:
        sha = here.push("echo begin; sleep 2; seq 1000\n")
        here.wait_started()
        lasting_engine.kill()
        here.wait_log("1000")
        lasting_engine.start()
        assert here.conclusions(sha) == PASSED
        (run,) = assert_quiet(here).runs
        assert run.outcomes == [("passed", None)]
        assert here.log(run.id).split() == [b"begin", *(b"%d" % number for number in range(1, 1001))]


def test_a_job_that_ends_while_the_engine_is_frozen_has_its_verdict(here: Place, engine: PrivateEngine) -> None:
    sha = here.push("sleep 1; echo all is well\n")
    here.wait_started()
    engine.send(signal.SIGSTOP)
    here.wait_log("all is well")
    engine.send(signal.SIGCONT)
    assert here.conclusions(sha) == PASSED
    (run,) = assert_quiet(here).runs
    assert run.outcomes == [("passed", None)]


def test_a_run_that_is_claimed_while_the_engine_is_frozen_waits_for_it(here: Place, engine: PrivateEngine) -> None:
    engine.send(signal.SIGSTOP)
    sha = here.push("echo all is well\n")
    here.settle()
    here.wait_status(sha, "queued")
    engine.send(signal.SIGCONT)
    assert here.conclusions(sha) == PASSED
    assert len(assert_quiet(here).runs) == 1


def test_a_job_whose_holder_was_killed_is_started_again(here: Place, engine: PrivateEngine) -> None:
    sha = here.push(SLOW_AT_FIRST)
    here.wait_started()
    (holder,) = engine.holders()
    os.kill(holder, signal.SIGKILL)
    assert here.conclusions(sha) == PASSED
    (run,) = assert_quiet(here).runs
    assert run.outcomes == AGAIN
