"""Images: names, pulling, and who waits for whom (C42)."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.adapters.sandbox_docker.engine import Engine
from bot.adapters.sandbox_docker.images import Images, _repository_and_tag, _verdict
from bot.domain.errors import ImageMissing, SandboxUnavailable
from bot.ports.sandbox import Stop
from tests.images import BUSYBOX, engine
from tests.registry import Registry
from tests.sandboxes import docker_sandbox, job, never

docker = pytest.mark.docker


@contextlib.contextmanager
def registry(status: int = 404) -> Iterator[Registry]:
    with contextlib.closing(Registry(status)) as one:
        yield one


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
    with registry(404) as one, docker_sandbox(tmp_path) as sandbox, pytest.raises(ImageMissing, match="no-such"):
        sandbox.prepare(one.image("no-such:1"), never)


@docker
@pytest.mark.parametrize("status", [500, 503])
def test_a_registry_in_trouble_may_be_asked_again(tmp_path: Path, status: int) -> None:
    with registry(status) as one, docker_sandbox(tmp_path) as sandbox, pytest.raises(SandboxUnavailable):
        sandbox.prepare(one.image("a:1"), never)


@docker
def test_no_registry_at_all_may_be_asked_again(tmp_path: Path) -> None:
    with docker_sandbox(tmp_path) as sandbox, pytest.raises(SandboxUnavailable, match="pulling image"):
        sandbox.prepare("127.0.0.1:1/ci/there-is-none:9", never)


@docker
def test_a_wish_to_stop_ends_the_wait_for_a_registry_that_never_answers(tmp_path: Path) -> None:
    with registry(0) as one, docker_sandbox(tmp_path) as sandbox:
        sandbox.prepare(one.image("a:1"), lambda: Stop.CANCELLED if one.asked else None)

        assert one.asked == ["/v2/"]


@docker
def test_those_who_want_the_same_image_wait_for_one_pull(tmp_path: Path) -> None:
    def until_asked(one: Registry) -> Callable[[], Stop | None]:
        return lambda: Stop.SHUTDOWN if one.asked else None

    with registry(0) as one, docker_sandbox(tmp_path) as sandbox, ThreadPoolExecutor(4) as pool:
        name = one.image("a:1")
        ends = [pool.submit(sandbox.prepare, name, until_asked(one)) for _ in "abcd"]

        assert [end.result() for end in ends] == [None] * 4
        assert list(sandbox._images._pulls) == [name]


@docker
def test_a_missing_image_is_pulled_and_known_by_its_id(tmp_path: Path) -> None:
    with registry() as one, docker_sandbox(tmp_path) as sandbox:
        name = one.offer("some/thing", "1.0", content=b"there")
        sandbox.prepare(name, never)
        asked = len(one.asked)
        sandbox.prepare(name, never)
        found = sandbox._images.find(name)
        engine().remove_image(name)

        assert found.id.startswith("sha256:")
        assert len(one.asked) == asked


@docker
def test_an_image_that_is_not_what_it_says_is_not_taken(tmp_path: Path) -> None:
    with registry() as one, docker_sandbox(tmp_path) as sandbox, pytest.raises((ImageMissing, SandboxUnavailable)):
        sandbox.prepare(one.offer("some/thing", "1.0", content=b"broken", broken=True), never)


@docker
def test_a_pull_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.sandbox_docker.images._PULL_LIMIT", 0.2)

    with (
        registry(0) as one,
        docker_sandbox(tmp_path) as sandbox,
        pytest.raises(SandboxUnavailable, match="took more"),
    ):
        sandbox.prepare(one.image("a:1"), never)


@pytest.mark.parametrize(
    ("words", "refused", "kind"),
    [
        ("manifest for a:1 not found: manifest unknown", True, ImageMissing),
        ("pull access denied for a, repository does not exist", True, ImageMissing),
        ("no matching manifest for linux/amd64 in the manifest list entries", False, ImageMissing),
        ("unauthorized: authentication required", False, ImageMissing),
        ("dial tcp: lookup r.example: no such host", True, SandboxUnavailable),
        ("net/http: request canceled (Client.Timeout exceeded while awaiting headers)", False, SandboxUnavailable),
        ("toomanyrequests: you have reached your limit", True, SandboxUnavailable),
        ("write /x: no space left on device", True, SandboxUnavailable),
        ("something new", False, SandboxUnavailable),
    ],
)
def test_an_answer_is_a_no_or_trouble_by_its_words(words: str, refused: bool, kind: type[Exception]) -> None:
    assert type(_verdict("a:1", words, refused=refused)) is kind


@docker
def test_an_image_that_vanished_before_the_run_is_missing(tmp_path: Path) -> None:
    engine().tag(BUSYBOX, "assay-test/vanishing", "1")

    with docker_sandbox(tmp_path) as sandbox:
        wanted = job("true", image="assay-test/vanishing:1")
        sandbox.workspace(wanted)
        engine().remove_image("assay-test/vanishing:1")
        with pytest.raises(ImageMissing):
            sandbox.run(wanted, write=lambda _: None, should_stop=never, on_start=lambda: None)
