"""An engine that is missing, containers that an operator ends, images that nobody has (F48, F49, F50)."""

import contextlib

import pytest

from tests.faults.place import Place, suite_file
from tests.faults.quiet import assert_quiet
from tests.images import DOCKER_HOST, busybox, engine
from tests.registry import Registry
from tests.unixproxy import UnixProxy

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

PASSED = {"assay": "success", "assay / unit": "success"}
FAILED = {"assay": "failure", "assay / unit": "failure"}
SLOW_AT_FIRST = '[ "$ASSAY_ATTEMPT" != 1 ] || sleep 60\n'


def test_a_run_waits_for_an_engine_that_is_not_there_yet(here: Place) -> None:
    proxy = UnixProxy(here.folder / "engine.sock", DOCKER_HOST.removeprefix("unix://"))
    here.serve.start(DOCKER_HOST=proxy.host)
    sha = here.push("echo all is well\n")
    here.wait_output("worker.not_ready")
    assert "degraded" in here.page("/readyz")
    here.wait_status(sha, "queued")
    proxy.up()
    try:
        assert here.conclusions(sha) == PASSED
        (run,) = assert_quiet(here).runs
    finally:
        here.serve.kill()
        proxy.cut()
    assert run.attempt == 1


@pytest.mark.parametrize("how", ["kill", "remove"])
def test_a_container_that_an_operator_ended_is_started_again(here: Place, how: str) -> None:
    here.serve.start()
    sha = here.push(SLOW_AT_FIRST)
    here.wait_started()
    (container,) = here.engine.containers()
    END[how](container)
    assert here.conclusions(sha) == PASSED
    (run,) = assert_quiet(here).runs
    assert [outcome for outcome, _ in run.outcomes] == ["queued", "passed"]


END = {
    "kill": lambda container: engine().kill(container),
    "remove": lambda container: engine().remove_container(container, force=True),
}


def test_a_container_that_an_operator_paused_is_ended_by_its_deadline(here: Place) -> None:
    here.github.commit(here.repo, "main", {".assay.yml": suite_file(busybox(), "    timeout: 5s\n")})
    here.forget()
    here.serve.start()
    sha = here.push("sleep 60\n")
    here.wait_started()
    (container,) = here.engine.containers()
    engine().pause(container)
    assert here.conclusions(sha) == {"assay": "failure", "assay / unit": "timed_out"}
    assert_quiet(here)


def test_an_image_that_nobody_has_is_an_error_at_once(here: Place) -> None:
    with contextlib.closing(Registry(404)) as registry:
        here.github.commit(here.repo, "main", {".assay.yml": suite_file(registry.image("no-such:1"))})
        here.forget()
        here.serve.start()
        sha = here.push("true\n")
        assert here.conclusions(sha) == FAILED
    (run,) = assert_quiet(here).runs
    assert run.outcomes == [("errored", "image_missing")]


def test_a_registry_in_trouble_is_asked_again(here: Place) -> None:
    with contextlib.closing(Registry(503)) as registry:
        here.github.commit(here.repo, "main", {".assay.yml": suite_file(registry.image("later:1"))})
        here.forget()
        here.serve.start()
        sha = here.push("true\n")
        here.wait_output('"state": "queued"')
        registry.status = 404
        assert here.conclusions(sha) == FAILED
    (run,) = assert_quiet(here).runs
    assert [outcome for outcome, _ in run.outcomes] == ["queued", "errored"]
