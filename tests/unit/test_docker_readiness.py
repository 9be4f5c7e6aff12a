"""The scripts that ask whether a service is ready, with each tool that an image may have."""

import http.server
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from bot.adapters.sandbox_docker import profile, service_profile
from bot.adapters.sandbox_docker.profile import Attempt
from bot.domain.runs import RunId
from bot.domain.suites import Network
from bot.ports.sandbox import Answers, JobService, Listens
from tests.sandboxes import job

TOOLS: Final = ("curl", "wget", "python3", "bash")
ATTEMPT: Final = Attempt("inst", RunId("abc"), 2)


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/fine?a=b" else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Into nowhere."""


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield server.server_port
        server.shutdown()


def asked(ready: Listens | Answers, folder: Path, *tools: str, host: str = "127.0.0.1") -> int | None:
    """How the asking script ends within two seconds where there are just those tools; None: it asks on."""
    for tool in ("sleep", "timeout", *tools):
        real = Path("/usr/bin") / tool
        (folder / tool).symlink_to(real if real.exists() else shutil.which(tool) or pytest.skip(f"no {tool} here"))
    body = profile.container(ATTEMPT, job("true"), image="i", volumes=(), user=(1, 1), cpus=1, now=0.0)
    asking = service_profile.asking(JobService(name=host, image="i", ready=ready), body, "target")
    command = ["/bin/sh", *asking["Entrypoint"][1:], *asking["Cmd"]]
    with subprocess.Popen(  # noqa: S603 - our own script
        command, env={"PATH": str(folder)}, stdout=-1, stderr=-1, start_new_session=True
    ) as process:
        try:
            return process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            return None


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(("path", "outcome"), [("/fine?a=b", 0), ("/bad", None)])
def test_a_good_answer_is_seen_with_whatever_tool(
    tmp_path: Path, port: int, tool: str, path: str, outcome: int | None
) -> None:
    assert asked(Answers(port, path), tmp_path, tool) == outcome


def test_without_any_tool_nobody_can_ask(tmp_path: Path, port: int) -> None:
    assert asked(Answers(port, "/fine?a=b"), tmp_path) == service_profile.NO_TOOL


def test_where_nobody_listens_it_asks_on(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as unused:
        free = unused.getsockname()[1]

    assert asked(Answers(free, "/"), tmp_path, "curl") is None


@pytest.mark.parametrize(("address", "outcome"), [("0.0.0.0", 0), ("127.0.0.1", None), ("127.0.0.11", None)])
def test_a_port_counts_when_others_can_reach_it(tmp_path: Path, address: str, outcome: int | None) -> None:
    with closing(socket.create_server((address, 0))) as server:
        assert asked(Listens(server.getsockname()[1]), tmp_path) == outcome


def has_newer_loopback() -> bool:
    """Containers have none, unless their engine was told so."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_newer_loopback = pytest.mark.skipif(not has_newer_loopback(), reason="needs the address ::1")


@pytest.mark.parametrize(("address", "outcome"), [("::", 0), pytest.param("::1", None, marks=needs_newer_loopback)])
def test_a_port_of_the_newer_protocol_counts_as_well(tmp_path: Path, address: str, outcome: int | None) -> None:
    with closing(socket.create_server((address, 0), family=socket.AF_INET6)) as server:
        assert asked(Listens(server.getsockname()[1]), tmp_path) == outcome


def test_a_port_that_is_only_bound_does_not_count(tmp_path: Path) -> None:
    with closing(socket.socket()) as bound:
        bound.bind(("0.0.0.0", 0))
        assert asked(Listens(bound.getsockname()[1]), tmp_path) is None


# What the containers are made to be


def test_who_asks_has_no_more_rights_than_the_job_and_none_of_its_files() -> None:
    wanted = JobService(name="db", image="db:1", ready=Listens(5432))
    body = profile.container(
        ATTEMPT, job("echo hidden", env={"A": "hidden"}), image="i", volumes=("/data",), user=(7, 8), cpus=1, now=0.0
    )

    asking = service_profile.asking(wanted, body, "target")
    host = asking["HostConfig"]

    assert "hidden" not in str(asking)
    assert (asking["User"], host["CapDrop"], host["ReadonlyRootfs"]) == ("7:8", ["ALL"], True)
    assert (host["NetworkMode"], host["Binds"], host["Mounts"][0]["ReadOnly"]) == ("container:target", [], True)
    assert asking["Cmd"] == ["1538"]
    assert asking["Labels"]["assay.service"] == "db"


def test_a_service_gets_its_words_as_a_shell_would_split_them() -> None:
    wanted = JobService(name="db", image="db:1", command="postgres -c 'a b'", env={"X": "1"}, memory=1 << 28)

    body = service_profile.service(
        ATTEMPT, job("true", services=(wanted,)), wanted, image="sha256:1", volumes=("/var/db",), cpus=1, now=0.0
    )

    assert (body["Cmd"], body["Env"], body["Hostname"]) == (["postgres", "-c", "a b"], ["X=1"], "db")
    assert "User" not in body
    assert body["HostConfig"]["NetworkMode"] == ATTEMPT.name
    assert body["NetworkingConfig"]["EndpointsConfig"][ATTEMPT.name]["Aliases"] == ["db"]


@pytest.mark.parametrize(
    ("services", "words"),
    [
        ([JobService(name="", image="i")], "can't be named ''"),
        ([JobService(name="../x", image="i")], "can't be named '../x'"),
        ([JobService(name="UP", image="i")], "can't be named 'UP'"),
        ([JobService(name="job", image="i")], "can't be named 'job'"),
        ([JobService(name="localhost", image="i")], "can't be named 'localhost'"),
        ([JobService(name="a", image="i"), JobService(name="a", image="j")], "two services have the same name"),
        ([JobService(name="a", image="i", command="'open")], "the command of service a can't be read"),
    ],
)
def test_services_that_cannot_be_made_are_unfit(services: list[JobService], words: str) -> None:
    assert words in profile.unfit(job("true", services=tuple(services)))


@pytest.mark.parametrize("network", Network)
def test_a_network_has_a_short_name_of_its_own(network: Network) -> None:
    names = [
        profile.network_options(
            profile.bridge(Attempt("inst", RunId("abc"), number), "asy-"), job("true", network=network)
        )["com.docker.network.bridge.name"]
        for number in (1, 2)
    ]

    assert len(set(names)) == 2
    assert [(name[:4], len(name)) for name in names] == [("asy-", 15), ("asy-", 15)]
