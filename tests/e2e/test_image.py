"""The image of deploy/Dockerfile does the main job: no root, root folder read-only, beside the engine's socket."""

import os
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import docker
import pytest
from docker.models.containers import Container

from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.state import CheckRun
from tests.debian import debian
from tests.images import DOCKER_HOST, busybox

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

ROOT: Final = Path(__file__).parents[2]
IMAGE: Final = "assay-test/assay:1"
SECRET: Final = "the secret of the tests"
SOCKET: Final = DOCKER_HOST.removeprefix("unix://")
WHEELS: Final = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/src/deploy/wheels"}
ALLOWED: Final = "10.254.80.0/24"
"""Tells the rules of these tests from those of others on this machine."""
SUITE: Final = """version: 1
suites:
  unit:
    image: {image}
    run: sh test.sh
"""


@pytest.fixture(scope="module")
def client() -> docker.DockerClient:
    return docker.DockerClient(base_url=DOCKER_HOST, timeout=300)


@pytest.fixture(scope="module")
def image(client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Built from a Debian made here and wheels fetched here, so that building needs no network."""
    context = tmp_path_factory.mktemp("context")
    for name in ("bot", "deploy", "pyproject.toml", "README.md", "LICENSE", ".dockerignore"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, context / name)
    locks = [option for lock in ("build", "") for option in ("-r", str(_lock_for_any_python(context, lock)))]
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes", "-d"]
    subprocess.run([*pip, str(context / "deploy" / "wheels"), *locks], check=True)  # noqa: S603  # our own interpreter
    client.images.build(
        path=str(context), dockerfile="deploy/Dockerfile", tag=IMAGE, buildargs={"BASE": debian(), **WHEELS}, rm=True
    )
    return IMAGE


def _lock_for_any_python(context: Path, name: str) -> Path:
    """The lock, with what only an older Python than the one here needs: the Debian may have that."""
    lock = context / "deploy" / f"requirements{'-' if name else ''}{name}.txt"
    whole = context / lock.name
    whole.write_text(re.sub(r" ; python_full_version < '[0-9.]+'", "", lock.read_text(encoding="utf-8")))
    return whole


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


@pytest.fixture
def forge(port: int, tmp_path: Path) -> Iterator[PretendGitHub]:
    github = PretendGitHub(
        tmp_path / "forge", webhook_url=f"http://127.0.0.1:{port}/webhooks/github", webhook_secret=SECRET
    ).start()
    yield github
    github.stop()


@pytest.fixture
def assay(
    client: docker.DockerClient, image: str, forge: PretendGitHub, port: int, tmp_path: Path
) -> Iterator[Container]:
    data = tmp_path / "data"
    data.mkdir(mode=0o750)
    os.chown(data, 10001, 10001)
    container = client.containers.run(
        image,
        detach=True,
        network_mode="host",
        read_only=True,
        tmpfs={"/tmp": "mode=1777"},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        group_add=[Path(SOCKET).stat().st_gid],
        volumes=[f"{data}:{data}", f"{SOCKET}:/var/run/docker.sock"],
        environment={
            "ASSAY_DATA_DIR": str(data),
            "ASSAY_FIREWALL_ALLOW": ALLOWED,
            "ASSAY_LISTEN": f"127.0.0.1:{port}",
            "ASSAY_URL": f"http://localhost:{port}",
            "ASSAY_GITHUB_URL": forge.url,
            "ASSAY_GITHUB_APP_ID": str(forge.app.id),
            "ASSAY_GITHUB_PRIVATE_KEY": forge.private_key,
            "ASSAY_GITHUB_WEBHOOK_SECRET": SECRET,
        },
    )
    try:
        _wait(lambda: _accepts(container, port))
        yield container
    finally:
        sys.stderr.write(container.logs().decode())
        container.remove(force=True)


@pytest.fixture
def keeper(client: docker.DockerClient, image: str) -> Iterator[Container]:
    """The service `firewall` of the Compose file."""
    container = client.containers.run(
        image,
        ["firewall", "--mark", "/run/assay-firewall"],
        detach=True,
        labels={"assay.firewall": "1"},
        network_mode="host",
        user="0:0",
        read_only=True,
        tmpfs={"/run": "", "/tmp": ""},
        cap_drop=["ALL"],
        cap_add=["NET_ADMIN", "NET_RAW"],
        security_opt=["no-new-privileges:true"],
        environment={"ASSAY_FIREWALL_ALLOW": ALLOWED, "ASSAY_GITHUB_PRIVATE_KEY_FILE": "/of/no/concern"},
        healthcheck={"test": ["CMD", "test", "-e", "/run/assay-firewall"], "interval": 500_000_000},
    )
    try:
        _wait(lambda: _is_healthy(container))
        yield container
    finally:
        sys.stderr.write(container.logs().decode())
        container.remove(force=True)


def _is_healthy(container: Container) -> bool:
    container.reload()
    assert container.status == "running"
    return bool(container.health == "healthy")


def _accepts(container: Container, port: int) -> bool:
    container.reload()
    assert container.status == "running"
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait(done: Callable[[], Any], seconds: float = 60.0) -> None:
    """Raises: TimeoutError."""
    ends = time.monotonic() + seconds
    while not done():
        if time.monotonic() > ends:
            raise TimeoutError
        time.sleep(0.1)


def _completed(found: list[CheckRun]) -> list[CheckRun]:
    return [check for check in found if check.status == "completed"]


def test_a_push_ends_in_green_and_red_checks(assay: Container, forge: PretendGitHub) -> None:
    repo = forge.add_repository("acme/web", {".assay.yml": SUITE.format(image=busybox()), "test.sh": "exit 0\n"})

    good = forge.commit(repo, "main", {"test.sh": "echo all is well\n"})
    bad = forge.commit(repo, "other", {"test.sh": "echo it is broken; exit 3\n"})
    _wait(lambda: all(len(_completed(forge.check_runs(repo, sha))) == 2 for sha in (good, bad)))

    assert {check.name: check.conclusion for check in forge.check_runs(repo, good)} == {
        "assay": "success",
        "assay / unit": "success",
    }
    assert {check.name: check.conclusion for check in forge.check_runs(repo, bad)} == {
        "assay": "failure",
        "assay / unit": "failure",
    }


def test_this_repository_is_checked_by_its_own_suite_file(assay: Container, forge: PretendGitHub) -> None:
    """As much of it as needs nothing installed: the commands that check the suite file."""
    own = (ROOT / ".assay.yml").read_text(encoding="utf-8")
    commands = [
        line.replace(".venv/bin/python", "/opt/assay/bin/python") for line in own.splitlines() if "-m bot" in line
    ]
    part = "\n".join(["suites:", "  suite-files:", f"    image: {IMAGE}", "    run:", *commands])
    files = {str(path.relative_to(ROOT)): path.read_bytes() for path in (ROOT / "bot").rglob("*.*") if path.is_file()}
    repo = forge.add_repository("acme/assay", {})

    sha = forge.commit(repo, "main", {**files, ".assay.yml": part})
    _wait(lambda: len(_completed(forge.check_runs(repo, sha))) == 2)
    (check,) = forge.check_runs(repo, sha, "assay / suite-files")

    assert (len(commands), check.conclusion) == (2, "success"), check.summary


def test_where_it_cannot_close_the_network_it_says_so_as_it_starts(assay: Container) -> None:
    words = "suites with the internet reach this machine and private networks too"

    _wait(lambda: words in assay.logs().decode())


def test_beside_the_container_that_keeps_the_rules_its_suites_do_not_reach_the_machine(
    keeper: Container, assay: Container, forge: PretendGitHub
) -> None:
    with socketserver.ThreadingTCPServer(("0.0.0.0", 0), socketserver.BaseRequestHandler) as served:
        threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01}).start()
        gateway = "$(ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p')"
        script = f"nc -w 2 {gateway} {served.server_address[1]} < /dev/null && exit 9 || echo closed\n"
        repo = forge.add_repository("acme/web", {".assay.yml": SUITE.format(image=busybox()), "test.sh": ""})
        sha = forge.commit(repo, "main", {"test.sh": script})
        _wait(lambda: len(_completed(forge.check_runs(repo, sha))) == 2)
        served.shutdown()

    (check,) = forge.check_runs(repo, sha, "assay / unit")
    assert (check.conclusion, keeper.status) == ("success", "running"), check.summary
    assert b"reach neither this machine nor private networks" in assay.exec_run(["assay", "doctor"]).output


def test_its_health_check_passes_without_root(assay: Container) -> None:
    check = assay.client.images.get(IMAGE).attrs["Config"]["Healthcheck"]["Test"]  # type: ignore[union-attr]  # None only for a missing image
    answer = assay.exec_run(check[1:])

    assert answer.exit_code == 0, answer.output
    assert assay.exec_run(["id", "-u"]).output == b"10001\n"


def test_it_ends_in_good_order_when_it_is_stopped(assay: Container) -> None:
    assay.stop(timeout=30)

    assert assay.wait()["StatusCode"] == 0
