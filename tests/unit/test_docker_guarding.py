"""Runs with internet on a real engine reach neither the host nor private networks (RELIABILITY §7.4)."""

import contextlib
import secrets
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from docker.errors import NotFound

from bot.adapters.sandbox_docker import DockerSandbox
from bot.adapters.sandbox_docker.engine import Engine
from bot.adapters.sandbox_docker.firewall import Firewall
from bot.adapters.sandbox_docker.guarding import KEEPER, PLAIN, Guard
from bot.demo.forge.hooks import wait_until
from bot.domain.errors import SandboxUnavailable
from bot.domain.suites import Guarding, Network
from bot.ports.sandbox import Job
from tests.images import DOCKER_HOST, busybox, engine
from tests.namespaces import do, namespace, needs_namespaces, server
from tests.sandboxes import docker_sandbox, job, run

pytestmark = pytest.mark.docker

PORT: Final = 8080
OWN: Final = ["10.254.81.0/24"]
"""Allowed by these tests alone, so that no other container of this machine keeps rules for them."""
INTERNET, PRIVATE, METADATA = "203.0.113.2", "10.254.77.2", "169.254.77.2"
"""The world of a test answers there; the last one lies in the network of clouds' metadata."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[str]:
    """A neighbour of this machine with three addresses; which address the machine has towards it."""
    space = f"w{secrets.token_hex(3)}"
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "index.html").write_text("here\n")
    with contextlib.ExitStack() as made:
        made.enter_context(namespace(space))
        do("ip", "link", "add", space, "type", "veth", "peer", "name", "eth0", "netns", space)
        for address in (INTERNET, PRIVATE, METADATA):
            do("ip", "-n", space, "address", "add", f"{address}/30", "dev", "eth0")
            do("ip", "address", "add", f"{address[:-1]}1/30", "dev", space)
        do("ip", "-n", space, "link", "set", "eth0", "up")
        do("ip", "link", "set", space, "up")
        made.enter_context(server(space, PORT, tmp_path / "www"))
        yield f"{PRIVATE[:-1]}1"


@pytest.fixture
def host_port() -> Iterator[int]:
    """A port of the test's own on all addresses of the host."""
    with socketserver.ThreadingTCPServer(("0.0.0.0", 0), socketserver.BaseRequestHandler) as served:
        threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield served.server_address[1]
        served.shutdown()


def asking(host: str, host_port: int) -> Job:
    return job(
        f"""
        for to in {INTERNET} {PRIVATE} {METADATA}; do
            nc -w 2 $to {PORT} < /dev/null > /dev/null 2>&1 && echo $to
        done
        gateway=$(ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p')
        for to in $gateway {host}; do nc -w 1 $to {host_port} < /dev/null > /dev/null 2>&1 && echo host; done
        ip -6 addr show | grep inet6 | grep -v ::1 && echo the newer protocol
        true
        """,
        network=Network.INTERNET,
    )


@needs_namespaces
@pytest.mark.parametrize(
    ("firewall", "reached"),
    [(Guarding.AUTO, [INTERNET]), (Guarding.NEVER, [INTERNET, PRIVATE, METADATA, "host", "host"])],
)
def test_what_a_run_with_internet_reaches(
    tmp_path: Path, world: str, host_port: int, firewall: Guarding, reached: list[str]
) -> None:
    with docker_sandbox(tmp_path, firewall=firewall) as sandbox:
        ran = run(sandbox, asking(world, host_port))

    assert ran.lines == reached


@needs_namespaces
def test_rules_that_are_removed_while_a_run_goes_on_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: str, host_port: int
) -> None:
    monkeypatch.setattr("bot.adapters.sandbox_docker.guarding._AGAIN", 0.2)
    jump = ("-i", f"{Firewall().bridges}+", "-j", f"ASSAY-HOST-{Firewall().bridges[3:6]}")
    script = f"echo begun; while nc -w 1 {world} {host_port} < /dev/null > /dev/null 2>&1; do :; done; echo closed"

    with docker_sandbox(tmp_path) as sandbox:
        ran = run(
            sandbox,
            job(script, network=Network.INTERNET),
            on_start=lambda: do("iptables", "--wait", "-D", "INPUT", *jump),
        )

    assert ran.lines == ["begun", "closed"]


@needs_namespaces
def test_installations_side_by_side_share_rules_and_only_the_guarded_are_under_them(tmp_path: Path) -> None:
    with docker_sandbox(tmp_path / "a") as one, docker_sandbox(tmp_path / "b", firewall=Guarding.NEVER) as other:
        names = [bridge_of(one), bridge_of(one, attempt=2), bridge_of(other)]

    assert [name[:4] for name in names] == ["asg" + Firewall().bridges[3], "asg" + Firewall().bridges[3], PLAIN]


def bridge_of(sandbox: DockerSandbox, attempt: int = 1) -> str:
    wanted = job("true", network=Network.INTERNET, attempt=attempt)
    run(sandbox, wanted)
    seen = engine().inspect_network(f"assay-{sandbox._instance}-{wanted.run}-{attempt}")
    return str(seen["Options"]["com.docker.network.bridge.name"])


@needs_namespaces
def test_a_bridge_that_is_not_on_this_machine_is_refused() -> None:
    guard = Guard(Engine(DOCKER_HOST), Firewall())
    guard.bridges()

    with pytest.raises(SandboxUnavailable, match="not on this machine"):
        guard.check(f"{Firewall().bridges}nowhere")


@pytest.mark.parametrize(
    ("host", "may", "words"),
    [
        ("tcp://192.0.2.9:2376", True, "the Docker engine is on another machine"),
        (DOCKER_HOST, False, "root or has the capability CAP_NET_ADMIN"),
    ],
)
def test_where_rules_cannot_be_set_it_is_said_and_only_who_insists_takes_no_work(
    monkeypatch: pytest.MonkeyPatch, host: str, may: bool, words: str
) -> None:
    monkeypatch.setattr("bot.adapters.sandbox_docker.firewall._may_administer", lambda: may)
    modest, insisting, careless = (Guard(Engine(host), Firewall(OWN), wish) for wish in Guarding)

    assert words in modest.exposure()
    assert (modest.trouble(), modest.bridges()) == ("", PLAIN)
    assert words in insisting.refusal()
    assert words in insisting.trouble()
    with pytest.raises(SandboxUnavailable, match="ASSAY_FIREWALL is true, but"):
        insisting.bridges()
    assert (careless.exposure(), careless.refusal()) == ("ASSAY_FIREWALL is false", "")


@pytest.fixture
def keeper() -> Iterator[str]:
    """A container that keeps the rules, as far as anybody can see; its id."""
    made = engine().create_container(
        busybox(),
        "sleep 600",
        labels={KEEPER: "1"},
        environment={"ASSAY_FIREWALL_ALLOW": "10.254.78.0/24"},
        healthcheck={"test": ["CMD", "true"], "interval": 200_000_000},
        host_config=engine().create_host_config(network_mode="host"),
    )["Id"]
    engine().start(made)
    wait_until(lambda: engine().inspect_container(made)["State"]["Health"]["Status"] == "healthy", 30, "no health")
    yield made
    with contextlib.suppress(NotFound):
        engine().remove_container(made, force=True)


def test_a_worker_that_cannot_set_rules_relies_on_a_container_that_keeps_the_same(
    monkeypatch: pytest.MonkeyPatch, keeper: str
) -> None:
    monkeypatch.setattr("bot.adapters.sandbox_docker.firewall._may_administer", lambda: False)
    firewall = Firewall(["10.254.78.0/24"])
    modest, insisting = (Guard(Engine(DOCKER_HOST), firewall, one) for one in (Guarding.AUTO, Guarding.ALWAYS))
    other = Guard(Engine(DOCKER_HOST), Firewall(["10.254.79.0/24"]))

    assert [one.bridges() for one in (modest, insisting)] == [firewall.bridges] * 2
    assert (insisting.refusal(), insisting.trouble(), modest.exposure()) == ("", "", "")
    assert other.bridges() == PLAIN
    engine().remove_container(keeper, force=True)
    for one in (modest, insisting):
        with pytest.raises(SandboxUnavailable, match="CAP_NET_ADMIN"):
            one.bridges()


def test_an_engine_with_its_networks_elsewhere_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.sandbox_docker.guarding.socket.if_nameindex", lambda: [(1, "lo")])

    assert "networks elsewhere" in Guard(Engine(DOCKER_HOST), Firewall(OWN)).exposure()
