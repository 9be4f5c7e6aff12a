"""What services beside a suite print is kept with the run, however it ended (RELIABILITY §7.4)."""

from pathlib import Path

import pytest

from bot.app import secrets
from bot.domain.errors import SandboxUnavailable
from bot.domain.runs import Reason, RunState
from bot.ports.artifacts import ArtifactKind
from bot.ports.sandbox import SERVICE_LOG
from tests.fakes.forge import HELLO
from tests.fakes.sandbox import Act
from tests.walks import World

FILE = b"""services:
  db: {image: db}
  mute: {image: db}
suites:
  unit: {image: busybox, run: x, services: [db, mute], secrets: [TOKEN], artifacts: {paths: ['*'], keep: 2d}}
"""


@pytest.fixture
def served(tmp_path: Path) -> World:
    """A suite with services, one of which prints its token, and a file of the same name as its log."""
    world = World(tmp_path)
    world.forge.suite_files[""] = FILE
    with world.app.work() as work:
        repository = work.repositories.see(HELLO)
    secrets.set_secret(world.app, repository, "TOKEN", "hunter2hunter2", actor="ada")
    world.sandbox.service_logs["db"] = b"ready\nwelcome hunter2hunter2\n"
    world.sandbox.acts["unit"] = Act(files={"db.log": b"of the suite"})
    return world


def kept(world: World) -> dict[str, bytes]:
    """Logs of services by their paths."""
    run = world.run().id
    with world.app.work() as work:
        found = [one for one in work.artifacts.of_run(run) if one.kind is ArtifactKind.SERVICE_LOG]
    return {one.path: world.app.artifacts.read(one.sha256, 0, 1 << 20) for one in found if one.sha256}


def push(world: World) -> None:
    world.push()
    world.settle()


def test_what_a_service_printed_is_kept_without_secrets(served: World) -> None:
    push(served)
    assert served.run().state is RunState.PASSED
    assert kept(served) == {"service:db.log": b"ready\nwelcome ***\n"}


def test_it_is_kept_for_as_long_as_the_artifacts(served: World) -> None:
    push(served)
    run = served.run().id
    with served.app.work() as work:
        found = work.artifacts.of_run(run)
    assert {one.path for one in found} == {"code.txt", "db.log", "service:db.log"}
    assert {round(one.keep_until - one.created_at) for one in found} == {2 * 86400}


@pytest.mark.parametrize("act", [Act(), Act(output=b"no\n")])
def test_it_is_kept_as_well_when_the_suite_failed_or_the_service_was_never_ready(served: World, act: Act) -> None:
    if not act.output:
        served.sandbox.unready.add("db")
    push(served)
    assert b"welcome ***" in kept(served)["service:db.log"]
    assert served.run().reason is (Reason.SERVICE if not act.output else None)


def test_of_much_output_the_end_is_kept_from_a_line_on(served: World) -> None:
    served.sandbox.service_logs["db"] = b"er2hunter2 " + b"x" * (SERVICE_LOG - 20) + b"\nthe end\n"
    push(served)
    assert kept(served) == {"service:db.log": b"the end\n"}


def test_a_sandbox_that_does_not_tell_costs_no_verdict(served: World) -> None:
    served.sandbox.service_logs = _Broken()
    push(served)
    assert (served.run().state, served.run().attempt) == (RunState.PASSED, 1)
    assert kept(served) == {}


class _Broken(dict[str, bytes]):
    def get(self, _key: str, _default: object = None) -> bytes:
        raise SandboxUnavailable("the engine is gone")
