"""When the engine is away, slow, full or does something else than it was asked for; and pulling images."""

import gc
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from bot.adapters.sandbox_docker import DockerSandbox, profile
from bot.adapters.sandbox_docker.engine import Engine
from bot.adapters.sandbox_docker.images import Images, _repository_and_tag
from bot.domain.errors import ImageMissing, SandboxUnavailable
from bot.domain.runs import RunId
from bot.ports.sandbox import Stop
from tests.images import BUSYBOX, DOCKER_HOST, engine
from tests.sandboxes import docker_sandbox, job, never, run
from tests.unixproxy import UnixProxy, unix_proxy

docker = pytest.mark.docker
leaky = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
"""The client library leaves a socket that could not connect to the garbage collector."""


class Registry(ThreadingHTTPServer):
    """Answers every request alike; or, with status 0, not before it is closed."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status = status
        self.asked: list[str] = []
        self.closed = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def image(self, name: str) -> str:
        return f"127.0.0.1:{self.server_port}/{name}"

    def close(self) -> None:
        self.closed.set()
        self.shutdown()
        self.server_close()


class _Answer(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if not self.server.status:
            self.server.closed.wait(30)
        body = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
        self.send_response(200 if self.path == "/v2/" else self.server.status or 503)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the base class looks for this name

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def collected() -> Iterator[None]:
    """What is left to the garbage collector goes before the next test."""
    yield
    gc.collect()


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[UnixProxy]:
    with unix_proxy(tmp_path, DOCKER_HOST.removeprefix("unix://")) as one:
        yield one


# Images (C42)


@pytest.mark.parametrize(
    "name", ["UPPER/Case", "-x", "a b", "a:", ":a", "a//b", "a/-b", "a@sha256:12", "a\n", "é", "/a"]
)
def test_names_that_break_the_grammar_are_refused_without_the_engine(name: str) -> None:
    with pytest.raises(ImageMissing, match="not a valid image name"):
        Images(Engine("unix:///nowhere.sock")).prepare(name, never)


@pytest.mark.parametrize(
    ("name", "repository", "tag"),
    [
        ("busybox", "busybox", "latest"),
        ("busybox:1.36-musl", "busybox", "1.36-musl"),
        ("localhost:5000/a/b", "localhost:5000/a/b", "latest"),
        ("registry.example:443/a_b/c--d:T_1", "registry.example:443/a_b/c--d", "T_1"),
        (f"a/b@sha256:{'0' * 64}", "a/b", f"sha256:{'0' * 64}"),
        (f"h:5000/b:1@sha256:{'0' * 64}", "h:5000/b", f"sha256:{'0' * 64}"),
    ],
)
def test_names_are_asked_for_whole(name: str, repository: str, tag: str) -> None:
    assert _repository_and_tag(name) == (repository, tag)


@docker
def test_an_image_that_the_registry_does_not_know_is_missing(tmp_path: Path) -> None:
    registry = Registry(404)

    with docker_sandbox(tmp_path) as sandbox, pytest.raises(ImageMissing, match="no-such"):
        sandbox.prepare(registry.image("no-such:1"), never)

    registry.close()


@docker
@pytest.mark.parametrize("status", [500, 503])
def test_a_registry_in_trouble_may_be_asked_again(tmp_path: Path, status: int) -> None:
    registry = Registry(status)

    with docker_sandbox(tmp_path) as sandbox, pytest.raises(SandboxUnavailable, match="pulling image"):
        sandbox.prepare(registry.image("a:1"), never)

    registry.close()


@docker
def test_no_registry_at_all_may_be_asked_again(tmp_path: Path) -> None:
    with docker_sandbox(tmp_path) as sandbox, pytest.raises(SandboxUnavailable, match="pulling image"):
        sandbox.prepare("127.0.0.1:1/ci/there-is-none:9", never)


@docker
def test_a_wish_to_stop_ends_the_wait_for_a_registry_that_never_answers(tmp_path: Path) -> None:
    registry = Registry(0)

    with docker_sandbox(tmp_path) as sandbox:
        sandbox.prepare(registry.image("a:1"), lambda: Stop.CANCELLED if registry.asked else None)
        asked = len(registry.asked)

    registry.close()
    assert asked == 1


@docker
def test_those_who_want_the_same_image_wait_for_one_pull(tmp_path: Path) -> None:
    registry = Registry(0)
    name = registry.image("a:1")

    with docker_sandbox(tmp_path) as sandbox, ThreadPoolExecutor(4) as pool:
        waiting = [
            pool.submit(sandbox.prepare, name, lambda: Stop.SHUTDOWN if registry.asked else None) for _ in "abcd"
        ]
        ends = [one.result() for one in waiting]
        under_way = list(sandbox._images._pulls)

    registry.close()
    assert ends == [None] * 4
    assert under_way == [name]


@docker
def test_an_image_that_vanished_before_the_run_is_missing(tmp_path: Path) -> None:
    engine().tag(BUSYBOX, "assay-test/vanishing", "1")

    with docker_sandbox(tmp_path) as sandbox:
        wanted = job("true", image="assay-test/vanishing:1")
        sandbox.workspace(wanted)
        engine().remove_image("assay-test/vanishing:1")
        with pytest.raises(ImageMissing):
            sandbox.run(wanted, write=lambda _: None, should_stop=never, on_start=lambda: None)


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
        sandbox.workspace(wanted)
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
        ran = run(sandbox, job("sleep 30"), should_stop=lambda: Stop.TIMEOUT)

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
