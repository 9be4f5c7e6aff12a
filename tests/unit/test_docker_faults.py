"""When we or the engine fail between two steps: what is left can be found and removed."""

import threading
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
import requests
from docker.errors import APIError

from bot import faultpoints
from bot.adapters.sandbox_docker import DockerSandbox
from bot.domain.errors import SandboxUnavailable
from bot.ports.sandbox import Job
from tests.images import engine
from tests.sandboxes import docker_sandbox, job, run

pytestmark = pytest.mark.docker


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[DockerSandbox]:
    with docker_sandbox(tmp_path) as one:
        yield one


def container_of(sandbox: DockerSandbox, wanted: Job) -> str:
    return f"assay-{sandbox._instance}-{wanted.run}-{wanted.attempt}"


def refused(status: int, words: str) -> APIError:
    response = requests.Response()
    response.status_code = status
    return APIError("refused", response, explanation=words)


@pytest.mark.parametrize("point", ["sandbox.after_create", "sandbox.after_start"])
def test_a_fault_of_ours_leaves_nothing_running_and_everything_to_be_found(
    sandbox: DockerSandbox, point: str
) -> None:
    faultpoints.arm(f"{point}=raise")
    wanted = job("sleep 100")

    with pytest.raises(RuntimeError):
        run(sandbox, wanted)
    found = [(one.run, one.attempt) for one in sandbox.leftovers()]
    sandbox.remove(wanted.run, wanted.attempt)

    assert found == [(wanted.run, 1)]
    assert sandbox.leftovers() == []


def test_a_removal_that_broke_off_is_taken_up_again(sandbox: DockerSandbox) -> None:
    wanted = job("true")
    run(sandbox, wanted)
    faultpoints.arm("janitor.while_removing=raise")

    with pytest.raises(RuntimeError):
        sandbox.remove(wanted.run, wanted.attempt)
    left = [(one.run, one.fence) for one in sandbox.leftovers()]
    sandbox.remove(wanted.run, wanted.attempt)

    assert left == [(wanted.run, 1)]
    assert sandbox.leftovers() == []


def test_a_removal_by_another_is_waited_for(sandbox: DockerSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = job("true")
    run(sandbox, wanted)
    name = container_of(sandbox, wanted)

    def under_way(*_: object, **__: object) -> None:
        threading.Timer(0.3, lambda: engine().remove_container(name)).start()
        raise refused(409, f"removal of container {name} is already in progress")

    monkeypatch.setattr(sandbox._engine.client(60), "remove_container", under_way)
    sandbox.remove(wanted.run, wanted.attempt)

    assert sandbox.leftovers() == []


def test_a_command_that_the_engine_cannot_start_has_no_code(
    sandbox: DockerSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unstartable(_: str) -> None:
        raise refused(400, 'exec: "/bin/sh": permission denied')

    monkeypatch.setattr(sandbox._engine.client(60), "start", unstartable)
    ran = run(sandbox, job("true"))

    assert (ran.exit.code, ran.exit.error, ran.starts) == (None, 'exec: "/bin/sh": permission denied', 0)


@pytest.mark.parametrize("call", ["start", "create_container_from_config"])
def test_a_full_disk_of_the_engine_is_no_fault_of_the_job(
    sandbox: DockerSandbox, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object) -> None:
        raise refused(500, "mkdir /var/lib/docker/x: no space left on device")

    monkeypatch.setattr(sandbox._engine.client(60), call, full)

    with pytest.raises(SandboxUnavailable, match="no space left on device"):
        run(sandbox, job("true"))


def test_an_engine_that_starts_no_container_gets_none_until_a_probe_of_ours_has_run(
    sandbox: DockerSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(sandbox._doubt, "_monotonic", lambda: now[0])
    asked: list[str] = []

    def start(_: docker.APIClient, container: str) -> None:
        asked.append(container)
        raise refused(500, "cgroups: cannot find cgroup mount destination")

    monkeypatch.setattr(docker.APIClient, "start", start)
    wanted = job("true")
    with pytest.raises(SandboxUnavailable):
        run(sandbox, wanted)
    sandbox.remove(wanted.run, wanted.attempt)

    words = [sandbox.ready() for _ in range(3)]
    told = "starting the container: cgroups: cannot find cgroup mount destination"
    assert words == [f"the Docker engine starts no containers: {told}"] * 3
    assert len(asked) == 2  # the job's and one probe's
    monkeypatch.undo()
    now[0] = 100.0

    monkeypatch.setattr(sandbox._doubt, "_monotonic", lambda: now[0])
    assert sandbox.ready() is None
    assert run(sandbox, job("true")).exit.code == 0
    assert [one for one in sandbox.leftovers() if one.run == "probe"] == []


def test_a_container_that_fails_for_a_reason_of_its_own_casts_no_doubt(sandbox: DockerSandbox) -> None:
    run(sandbox, job("exit 3"))

    assert sandbox.ready() is None
    assert sandbox._doubt._network is None
