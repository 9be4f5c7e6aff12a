"""When the engine is away, slow, full or does something else than it was asked for."""

import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bot.adapters.sandbox_docker import DockerSandbox, profile
from bot.domain.errors import SandboxUnavailable
from bot.domain.runs import RunId
from bot.ports.sandbox import Stop
from tests.images import DOCKER_HOST, engine
from tests.sandboxes import after, docker_sandbox, job, never, run
from tests.unixproxy import UnixProxy, unix_proxy

docker = pytest.mark.docker
leaky = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
"""The client library leaves a socket that could not connect to the garbage collector."""


@pytest.fixture
def collected() -> Iterator[None]:
    """What is left to the garbage collector goes before the next test."""
    yield
    gc.collect()


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[UnixProxy]:
    with unix_proxy(tmp_path, DOCKER_HOST.removeprefix("unix://")) as one:
        yield one


# The engine is away (C43)


@leaky
@pytest.mark.usefixtures("collected")
def test_without_an_engine_it_is_not_ready_and_says_why(tmp_path: Path) -> None:
    words = DockerSandbox("unix:///nowhere.sock", "test", tmp_path).ready()

    assert words is not None
    assert words.startswith("the Docker engine does not answer: ")


@leaky
@pytest.mark.usefixtures("collected")
def test_without_an_engine_everything_is_unavailable(tmp_path: Path) -> None:
    sandbox = DockerSandbox("unix:///nowhere.sock", "test", tmp_path)
    wanted = job("true")

    with pytest.raises(SandboxUnavailable):
        sandbox.prepare("busybox", never)
    with pytest.raises(SandboxUnavailable):
        sandbox.set_up(wanted)
    with pytest.raises(SandboxUnavailable):
        sandbox.run(wanted, write=lambda _: None, should_stop=never, on_start=lambda: None)
    with pytest.raises(SandboxUnavailable):
        sandbox.remove(wanted.run, 1)
    with pytest.raises(SandboxUnavailable):
        sandbox.leftovers()


@docker
def test_a_nearly_full_disk_takes_no_work(tmp_path: Path) -> None:
    sandbox = DockerSandbox(DOCKER_HOST, "test", tmp_path / "runs", reserve=1 << 60, reserve_share=1.0)

    words = sandbox.ready()

    assert words is not None
    assert words.startswith("the disk is nearly full: ")


@docker
def test_a_folder_that_cannot_be_made_takes_no_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    words = DockerSandbox(DOCKER_HOST, "test", tmp_path / "file" / "runs").ready()

    assert words is not None
    assert words.startswith("the folder for workspaces can't be used: ")


@pytest.mark.parametrize("instance", ["", "-x", "a/b", "a b", "../a"])
def test_an_instance_must_fit_into_names(tmp_path: Path, instance: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        DockerSandbox(DOCKER_HOST, instance, tmp_path)


@pytest.mark.parametrize("run_id", ["", "../other", "a/b", "-x"])
def test_a_run_id_must_fit_into_names(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(ValueError, match="not a run id"):
        DockerSandbox(DOCKER_HOST, "test", tmp_path).remove(RunId(run_id), 1)


@docker
@leaky
@pytest.mark.usefixtures("collected")
def test_a_run_survives_an_engine_that_goes_and_comes_back(tmp_path: Path, proxy: UnixProxy) -> None:
    def break_for_a_moment() -> None:
        proxy.cut()
        threading.Timer(1.0, proxy.up).start()

    with docker_sandbox(tmp_path, host=proxy.host) as sandbox:
        ran = run(sandbox, job("echo one; sleep 2; echo two; exit 4"), on_start=break_for_a_moment)

    assert (ran.exit.code, ran.lines) == (4, ["one", "two"])


@docker
@leaky
@pytest.mark.usefixtures("collected")
def test_an_engine_that_does_not_come_back_is_given_up(tmp_path: Path, proxy: UnixProxy) -> None:
    with docker_sandbox(tmp_path, host=proxy.host, patience=0.5) as sandbox, pytest.raises(SandboxUnavailable):
        run(sandbox, job("sleep 100"), on_start=proxy.cut)


@docker
def test_a_job_that_cannot_be_stopped_is_given_up_with_its_reason(tmp_path: Path) -> None:
    with docker_sandbox(tmp_path, patience=0.3, grace=0) as sandbox:
        sandbox._containers.signal = lambda container, signal: True  # type: ignore[method-assign]  # a deaf engine
        ran = run(sandbox, job("sleep 30"), should_stop=after(2, Stop.TIMEOUT))

    assert (ran.exit.code, ran.exit.stopped) == (None, Stop.TIMEOUT)
    assert "could not be stopped" in ran.exit.error


# Making containers (S061, C40)


@docker
def test_a_container_that_is_not_as_asked_is_removed_and_never_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile, "differences", lambda asked, made: ["Privileged"])

    with docker_sandbox(tmp_path) as sandbox:
        with pytest.raises(SandboxUnavailable, match="another container than asked for: Privileged"):
            run(sandbox, job("true"))
        left = engine().containers(all=True, filters={"label": f"assay.instance={sandbox._instance}"})

    assert left == []


@docker
def test_a_container_whose_making_was_not_answered_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with docker_sandbox(tmp_path) as sandbox:
        api: Any = sandbox._engine.client(60)
        make: Callable[[dict[str, object], str], dict[str, str]] = api.create_container_from_config
        made: list[str] = []

        def unanswered(body: dict[str, object], name: str) -> dict[str, str]:
            if made:
                return make(body, name)
            made.append(make(body, name)["Id"])
            raise requests.ReadTimeout("no answer")

        monkeypatch.setattr(api, "create_container_from_config", unanswered)
        ran = run(sandbox, job("hostname; exit 7"))
        left = engine().containers(all=True, filters={"label": f"assay.instance={sandbox._instance}"})

    assert (ran.exit.code, ran.lines) == (7, ["job"])
    assert [one["Id"] for one in left] == made


@docker
def test_a_container_of_an_older_claim_is_replaced(tmp_path: Path) -> None:
    with docker_sandbox(tmp_path) as sandbox:
        old, new = job("echo old", run=RunId("same"), fence=1), job("echo new", run=RunId("same"), fence=2)
        run(sandbox, old)

        ended = sandbox.run(new, write=lambda _: None, should_stop=never, on_start=lambda: None)
        fences = [one.fence for one in sandbox.leftovers()]

    assert ended.code == 0
    assert fences == [2]
