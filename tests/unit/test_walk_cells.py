"""Suites with a matrix, needs between suites, drafts: one check for each suite, whatever it is made of."""

import pytest

from bot.domain.runs import Reason, RunState
from bot.ports.queue import ExecuteRun, HandleDelivery
from bot.ports.sandbox import Exit, Listens
from tests.fakes.forge import a_change
from tests.fakes.sandbox import Act
from tests.walks import ONE, World

MATRIX = b"""suites:
  unit:
    image: python:${{ matrix.python }}
    matrix: {python: [3.9, 3.10]}
    run: test
"""
NEEDS = b"""suites:
  build: {image: busybox, run: make}
  test: {image: busybox, run: check, needs: [build]}
  ship: {image: busybox, run: send, needs: [test]}
"""
FAILS = Act(exit=Exit(code=1))


@pytest.fixture
def matrix(world: World) -> World:
    world.forge.suite_files[""] = MATRIX
    return world


@pytest.fixture
def chain(world: World) -> World:
    world.forge.suite_files[""] = NEEDS
    return world


def ran(world: World) -> list[str]:
    return [job.env["ASSAY_SUITE"] for job in world.sandbox.jobs]


def test_a_matrix_is_one_check_with_a_row_for_each_cell(matrix: World) -> None:
    matrix.push()
    matrix.settle()
    assert matrix.conclusions() == {"assay": "success", "assay / unit": "success"}
    check = matrix.forge.check(ONE, "assay / unit").check
    assert check.title.startswith("2 passed in ")
    assert "| `3.9` | ✓ passed |" in check.text
    assert "| `3.10` | ✓ passed |" in check.text


def test_each_cell_has_its_image_and_variables(matrix: World) -> None:
    matrix.push()
    matrix.settle()
    cells = [(job.image, job.env["MATRIX_PYTHON"]) for job in matrix.sandbox.jobs]
    assert cells == [("python:3.9", "3.9"), ("python:3.10", "3.10")]


def test_the_check_ends_when_its_last_cell_has(matrix: World) -> None:
    matrix.push()
    matrix.step(HandleDelivery)
    matrix.step(ExecuteRun)
    matrix.lose_hints()
    matrix.turn("reports")
    matrix.settle()
    assert matrix.titles()["assay / unit"] == "1 of 2 environments done"
    matrix.turn("runs")
    matrix.settle()
    assert matrix.conclusions()["assay / unit"] == "success"


def test_one_bad_cell_fails_the_check_and_is_named(matrix: World) -> None:
    matrix.forge.suite_files[""] = MATRIX.replace(b"run: test", b"run: test") + b"    env: {A: b}\n"
    matrix.sandbox.absent.add("python:3.10")
    matrix.push()
    matrix.settle()
    assert matrix.conclusions() == {"assay": "failure", "assay / unit": "failure"}
    assert matrix.titles()["assay / unit"] == "3.10 errored; 1 passed"
    assert matrix.titles()["assay"] == "unit (3.10) errored; 1 passed"


def test_retest_runs_only_the_cell_that_is_not_green(matrix: World) -> None:
    matrix.sandbox.absent.add("python:3.10")
    matrix.open_change(a_change(7, ONE))
    matrix.settle()
    matrix.sandbox.absent.clear()
    matrix.sandbox.jobs.clear()
    matrix.say("/retest")
    assert [job.image for job in matrix.sandbox.jobs] == ["python:3.10"]
    assert matrix.conclusions() == {"assay": "success", "assay / unit": "success"}


def test_a_suite_waits_for_what_it_needs(chain: World) -> None:
    chain.push()
    chain.settle()
    assert ran(chain) == ["build", "test", "ship"]
    assert chain.conclusions()["assay"] == "success"


def test_a_run_that_waits_for_its_needs_cannot_be_claimed(chain: World) -> None:
    chain.push()
    chain.step(HandleDelivery)
    chain.lose_hints()
    assert chain.turn("runs") == 1
    runs = chain.runs()
    with chain.app.work() as work:
        assert work.runs.claim(runs[1].id, "eager", 60) is None


def test_what_needs_a_failed_suite_is_skipped_and_the_aggregate_fails(chain: World) -> None:
    chain.sandbox.acts["make"] = FAILS
    chain.push()
    chain.settle()
    assert ran(chain) == ["build"]
    assert [(run.state, run.reason) for run in chain.runs()[1:]] == [
        (RunState.SKIPPED, Reason.NEEDS_FAILED),
        (RunState.SKIPPED, Reason.NEEDS_FAILED),
    ]
    assert chain.titles()["assay / test"] == "Skipped: needs build, which did not pass"
    assert chain.conclusions()["assay"] == "failure"


def test_a_need_that_may_fail_holds_nobody_up(chain: World) -> None:
    chain.forge.suite_files[""] = NEEDS.replace(b"run: make}", b"run: make, allow_failure: true}")
    chain.sandbox.acts["make"] = FAILS
    chain.push()
    chain.settle()
    assert ran(chain) == ["build", "test", "ship"]


def test_a_need_that_a_filter_skipped_holds_nobody_up(chain: World) -> None:
    chain.forge.suite_files[""] = NEEDS.replace(b"run: make}", b"run: make, when: {branches: [release]}}")
    chain.push()
    chain.settle()
    assert ran(chain) == ["test", "ship"]


def test_a_cancelled_need_skips_what_needs_it(chain: World) -> None:
    chain.sandbox.trouble = "no worker"
    chain.open_change(a_change(7, ONE))
    chain.settle()
    chain.say("/cancel build")
    assert ran(chain) == []
    assert [run.state for run in chain.runs()] == [RunState.CANCELLED, RunState.SKIPPED, RunState.SKIPPED]


def test_retest_after_a_fix_runs_the_failed_need_and_what_was_skipped_for_it(chain: World) -> None:
    chain.sandbox.acts["make"] = FAILS
    chain.open_change(a_change(7, ONE))
    chain.settle()
    chain.sandbox.acts.clear()
    chain.sandbox.jobs.clear()
    chain.say("/retest")
    assert ran(chain) == ["build", "test", "ship"]
    assert chain.conclusions()["assay"] == "success"


def test_a_suite_that_is_named_alone_does_not_wait(chain: World) -> None:
    chain.sandbox.acts["make"] = FAILS
    chain.open_change(a_change(7, ONE))
    chain.settle()
    chain.sandbox.jobs.clear()
    chain.say("/test ship")
    assert ran(chain) == ["ship"]


def test_a_draft_is_skipped_where_the_file_says_so_and_run_when_it_is_ready(world: World) -> None:
    world.forge.suite_files[""] = b"drafts: false\nsuites:\n  unit: {image: busybox, run: x}\n"
    world.open_change(a_change(7, ONE, draft=True))
    world.settle()
    assert world.titles()["assay / unit"] == "Skipped: it is a draft"
    world.open_change(a_change(7, ONE), action="ready_for_review")
    world.settle()
    assert ran(world) == ["unit"]
    assert world.conclusions() == {"assay": "success", "assay / unit": "success"}


def test_an_environment_gives_image_limits_and_variables(world: World) -> None:
    world.forge.suite_files[""] = (
        b"environments:\n"
        b"  small: {image: tiny, memory: 64MiB, cpus: 0.5, network: none, workdir: web, env: {A: b}}\n"
        b"suites:\n  unit: {environment: small, run: x}\n"
    )
    world.push()
    world.settle()
    (job,) = world.sandbox.jobs
    assert (job.image, job.limits.memory, job.limits.cpus, job.network.value) == ("tiny", 64 << 20, 0.5, "none")
    assert job.env["A"] == "b"
    assert job.script == "cd -- 'web'\nx"


def test_no_suite_gets_more_than_the_operator_allows(world: World) -> None:
    world.forge.suite_files[""] = (
        b"environments:\n  big: {image: tiny, memory: 900GiB, cpus: 100}\n"
        b"suites:\n  unit: {environment: big, run: x}\n"
    )
    world.push()
    world.settle()
    (job,) = world.sandbox.jobs
    assert job.limits.memory == world.app.rules.ceiling.memory
    assert job.limits.cpus == world.app.rules.ceiling.cpus


def test_services_come_with_the_job(world: World) -> None:
    world.forge.suite_files[""] = (
        b"services:\n  db: {image: postgres, env: {A: b}, memory: 64MiB, ready: {tcp: 5432, within: 9s}}\n"
        b"suites:\n  unit: {image: busybox, run: x, services: [db]}\n"
    )
    world.push()
    world.settle()
    (service,) = world.sandbox.jobs[0].services
    assert (service.name, service.image, service.env, service.memory) == ("db", "postgres", {"A": "b"}, 64 << 20)
    assert (service.ready, service.within) == (Listens(5432), 9)
    assert world.sandbox.prepared == ["busybox", "postgres"]


def test_a_service_that_does_not_become_ready_fails_the_suite_and_is_named(world: World) -> None:
    world.sandbox.acts["sh tests/run.sh"] = Act(
        exit=Exit(code=None, service="db", error="service db did not become ready within 9s")
    )
    world.push()
    world.settle()
    assert (world.run().state, world.run().reason) == (RunState.FAILED, Reason.SERVICE)
    assert world.titles()["assay / unit"] == "Service db did not become ready within 9s"


def test_a_suite_that_is_silent_for_too_long_is_stopped(world: World) -> None:
    world.forge.suite_files[""] = b"suites:\n  unit: {image: busybox, run: hang, no_output_timeout: 1s}\n"
    world.sandbox.acts["hang"] = Act(output=b"begun\n", endless=True)
    world.push()
    world.settle()
    assert (world.run().state, world.run().reason) == (RunState.TIMED_OUT, Reason.NO_OUTPUT)
    assert world.titles()["assay / unit"] == "No output for 1s in: hang"
