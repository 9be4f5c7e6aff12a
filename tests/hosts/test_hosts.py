"""Web processes and workers apart: what one begins another ends, whoever dies meanwhile (F08 to F28)."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from bot.demo.forge.hooks import wait_until
from bot.ports.telemetry import SpanName
from tests.faults.place import COUNTED, COUNTING
from tests.faults.quiet import assert_quiet
from tests.hosts.following import Page, Program
from tests.hosts.place import Hosts

pytestmark = [pytest.mark.docker, pytest.mark.postgres, pytest.mark.redis, pytest.mark.timeout(180)]

PASSED = {"assay": "success", "assay / unit": "success"}
SLOW_AT_FIRST = 'echo first; [ "$ASSAY_ATTEMPT" != 1 ] || sleep 60; echo second\n'
AGAIN = [("queued", "worker_lost"), ("passed", None)]


def test_a_push_to_one_process_becomes_a_green_check_by_others(here: Hosts) -> None:
    sha = here.push("echo all is well\n")
    assert here.conclusions(sha) == PASSED
    assert here.outcomes(sha) == [("passed", None)]
    log = here.log(here.run_at(sha))
    assert b"all is well" in log
    assert httpx.get(f"{here.other.url}/runs/{here.run_at(sha)}/log", trust_env=False).content == log


def test_a_build_is_one_trace_through_web_and_worker(here: Hosts) -> None:
    sha = here.push("true\n")
    assert here.conclusions(sha) == PASSED
    seen, run = here.collector, here.run_at(sha)
    wait_until(lambda: any(span.facts["assay.run"] == run for span in seen.named("run")), 30, "no span of the run")
    ((whole, worker),) = [(one.trace, one.process) for one in seen.named("run") if one.facts["assay.run"] == run]

    def its_reports() -> set[str]:
        return {one.facts["assay.check"] for one in seen.named("report") if one.trace == whole}

    wait_until(lambda: its_reports() == set(PASSED), 30, "no spans of its checks")
    spans = [one for one in seen.spans if one.trace == whole]
    assert {one.name for one in spans} == set(SpanName)
    (webhook,) = [one for one in spans if one.name == "webhook"]
    assert webhook.parent == "", "the forge's call begins it"
    assert webhook.process != worker
    (container,) = [one for one in spans if one.name == "container"]
    assert seen.parents(container) == ["run", "start", "delivery", "webhook"]


def test_a_worker_tells_what_it_did_and_what_waits(here: Hosts) -> None:
    sha = here.push("true\n")
    assert here.conclusions(sha) == PASSED
    answers = [each.get("/metrics").text for each in here.workers]
    assert any('assay_runs_total{reason="",state="passed"}' in text for text in answers)
    assert all('assay_ready{part="engine"} 1.0' in text for text in answers)
    assert all("assay_queue_oldest_seconds 0.0" in text for text in answers)
    assert [each.get("/healthz").text for each in here.workers] == ["ok\n"] * 2
    assert {each.get("/readyz").json()["status"] for each in here.workers} == {"ready"}


def test_workers_share_what_there_is(here: Hosts) -> None:
    commits = here.pushes(2, "sleep 10\n")
    here.wait_started(2)
    assert [one.what for one in here.engine.happened] == ["start", "start"]
    assert [here.conclusions(sha) for sha in commits] == [PASSED, PASSED]


def test_a_wish_to_end_reaches_the_container_of_another_process(here: Hosts) -> None:
    sha = here.push("sleep 60\n")
    here.wait_started()
    here.wish_to_end(here.run_at(sha))
    here.conclusions(sha)
    assert here.outcomes(sha) == [("cancelled", "user")]


def test_a_supervisor_replaces_a_child_that_was_killed_which_goes_on_with_its_run(here: Hosts) -> None:
    for each in here.workers:  # a busy machine may need longer than the short lease to start the next child
        assert each.terminate() == 0
        each.start(**{**here.settings, "LEASE": "60"})
    sha = here.push("echo on; sleep 4; echo over\n")
    here.wait_log("on\n")
    worker = here.worker_of(here.run_at(sha))
    os.kill(worker.child, signal.SIGKILL)
    assert here.conclusions(sha) == PASSED
    assert here.outcomes(sha) == [("passed", None)]
    assert here.log(here.run_at(sha)) == b"on\nover\n"
    assert "worker.died" in worker.output
    for each in here.workers:
        assert each.terminate() == 0


def test_a_worker_that_is_frozen_is_replaced_and_its_container_ended_before_its_run_is_started_again(
    here: Hosts,
) -> None:
    other, worker = here.workers
    assert other.terminate() == 0
    sha = here.push(SLOW_AT_FIRST)
    here.wait_started()
    os.kill(worker.child, signal.SIGSTOP)
    assert here.conclusions(sha) == PASSED
    assert [one.what for one in here.engine.happened[:3]] == ["start", "die", "start"]
    here.start()
    assert here.outcomes(sha) == AGAIN
    assert "worker.frozen" in worker.output


def test_a_worker_whose_machine_is_gone_loses_its_run_to_another(here: Hosts) -> None:
    sha = here.push(SLOW_AT_FIRST)
    here.wait_started()
    worker = here.worker_of(here.run_at(sha))
    child = worker.child
    worker.kill()
    os.kill(child, signal.SIGKILL)
    here.engine.clear()
    assert here.conclusions(sha) == PASSED
    here.start()
    assert here.outcomes(sha) == AGAIN


def test_web_worker_and_redis_may_die_in_the_middle_and_every_build_ends_once(here: Hosts) -> None:
    commits = here.pushes(4, "sleep 1\n")
    here.wait_started()
    here.redis.kill()
    here.serve.kill()
    os.kill(here.workers[0].child, signal.SIGKILL)
    here.redis.start()
    here.start()
    late = here.push("true\n")
    assert [here.conclusions(sha) for sha in [*commits, late]] == [PASSED] * 5
    assert_quiet(here)


def test_who_follows_a_log_goes_on_at_another_process_when_one_is_killed(here: Hosts) -> None:
    sha = here.push(COUNTING)
    here.wait_log("line 20\n")
    run, program, page = here.run_at(sha), Program(), Page()
    with ThreadPoolExecutor(2) as pool:
        listening = [
            pool.submit(program.listen, here.serve, run),
            pool.submit(page.listen, here.serve, here.build_of(run)),
        ]
        wait_until(lambda: b"line 20\n" in program.heard and len(page.lines) >= 20, 60, "nobody hears anything")
        here.serve.kill()
        for one in listening:
            one.result(60)
    here.let_go()
    page.listen(here.other, here.build_of(run))
    program.listen(here.other, run)
    assert program.heard.decode().splitlines() == COUNTED
    assert page.lines == list(enumerate(COUNTED, start=1)), "each once, with its number"
    assert page.word == "passed"
    assert here.conclusions(sha) == PASSED
    wait_until(lambda: here.is_packed(run), 30, "the log did not move to the storage")
    assert httpx.get(f"{here.other.url}/runs/{run}/log", trust_env=False).content == program.heard


def test_without_redis_deliveries_are_stored_and_done_once_it_is_back(here: Hosts) -> None:
    here.redis.kill()
    sha = here.push("true\n")
    assert here.last_delivery().status_code == httpx.codes.ACCEPTED
    assert "Redis does not answer" in here.page("/readyz")
    here.redis.start()
    assert here.conclusions(sha) == PASSED
    assert here.outcomes(sha) == [("passed", None)]


def test_what_redis_forgot_is_started_all_the_same(here: Hosts) -> None:
    commits = here.pushes(4, "sleep 1\n")
    here.wait_started()
    here.redis.call("FLUSHALL")
    assert [here.conclusions(sha) for sha in commits] == [PASSED] * 4
    assert_quiet(here)


def test_a_restart_of_postgresql_in_the_middle_loses_nothing(here: Hosts) -> None:
    sha = here.push("sleep 2\n")
    here.wait_started()
    here.postgres.stop(signal.SIGINT)
    here.postgres.start()
    assert here.conclusions(sha) == PASSED
    assert here.outcomes(sha)[-1] == ("passed", None)


def test_a_worker_that_is_asked_to_end_finishes_what_it_runs(here: Hosts) -> None:
    sha = here.push("sleep 2\n")
    here.wait_started()
    assert here.worker_of(here.run_at(sha)).terminate() == 0
    assert here.conclusions(sha) == PASSED
    assert here.outcomes(sha) == [("passed", None)]
