"""The rules for runs with internet, tried in network namespaces of the test's own (RELIABILITY §7.4)."""

import contextlib
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from bot.adapters.sandbox_docker import DockerSandbox
from bot.adapters.sandbox_docker.firewall import Firewall, rules
from bot.domain.errors import SandboxUnavailable

PORT: Final = 8080
INTERNET, PRIVATE, METADATA = "203.0.113.10", "10.9.8.7", "169.254.169.254"
HOST, JOB = "172.30.0.1", "172.30.0.2"
NAME_SERVER: Final = "10.9.8.53"

needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("ip", "iptables", "iptables-restore", "nsenter", "busybox"))),
    reason="needs root, ip, iptables and busybox",
)


@dataclass(frozen=True, slots=True)
class Lab:
    """Three namespaces in a row: a job's, a host's with the run's bridge, and all the rest of the world."""

    job: str
    host: str
    world: str

    def within(self, space: str) -> tuple[str, ...]:
        return ("nsenter", f"--net=/run/netns/{space}")

    def reaches(self, address: str, port: int = PORT) -> bool:
        command = [*self.within(self.job), "busybox", "wget", "-q", "-O", "/dev/null", f"http://{address}:{port}/"]
        try:
            return subprocess.run(command, capture_output=True, timeout=1, check=False).returncode == 0  # noqa: S603  # made of fixed words
        except subprocess.TimeoutExpired:
            return False

    def rules(self) -> str:
        command = [*self.within(self.host), "iptables-save"]
        saved = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603  # as above
        return "\n".join(line for line in saved.splitlines() if line.startswith("-A"))


def do(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)  # noqa: S603 - our own words


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    own = secrets.token_hex(3)
    one = Lab(f"j{own}", f"h{own}", f"w{own}")
    with contextlib.ExitStack() as made:
        for space in (one.job, one.host, one.world):
            do("ip", "netns", "add", space)
            made.callback(do, "ip", "netns", "del", space)
            do("ip", "-n", space, "link", "set", "lo", "up")
        wire(one.host, f"asy-{own}", HOST, one.job, "eth0", JOB)
        wire(one.host, "uplink", "198.51.100.1", one.world, "eth0", "198.51.100.2")
        do("ip", "-n", one.job, "route", "add", "default", "via", HOST)
        do("ip", "-n", one.host, "route", "add", "default", "via", "198.51.100.2")
        do("ip", "-n", one.world, "route", "add", "172.30.0.0/24", "via", "198.51.100.1")
        for address in (INTERNET, PRIVATE, METADATA, NAME_SERVER):
            do("ip", "-n", one.world, "address", "add", f"{address}/32", "dev", "lo")
        do(*one.within(one.host), "sysctl", "-qw", "net.ipv4.ip_forward=1")
        (tmp_path / "index.html").write_text("here")
        for space, port in ((one.host, PORT), (one.world, PORT), (one.world, 53)):
            made.enter_context(server(one.within(space), port, tmp_path))
        wait_until_reached(one)
        yield one


def wire(left: str, left_name: str, left_address: str, right: str, right_name: str, right_address: str) -> None:
    do("ip", "-n", left, "link", "add", left_name, "type", "veth", "peer", "name", right_name, "netns", right)
    for space, name, address in ((left, left_name, left_address), (right, right_name, right_address)):
        do("ip", "-n", space, "address", "add", f"{address}/24", "dev", name)
        do("ip", "-n", space, "link", "set", name, "up")


@contextlib.contextmanager
def server(within: tuple[str, ...], port: int, folder: Path) -> Iterator[None]:
    command = [*within, "busybox", "httpd", "-f", "-p", str(port), "-h", str(folder)]
    with subprocess.Popen(command) as process:  # noqa: S603 - our own words
        yield
        process.terminate()


def wait_until_reached(lab: Lab) -> None:
    for _ in range(50):
        if all(lab.reaches(address, port) for address, port in ((HOST, PORT), (INTERNET, PORT), (NAME_SERVER, 53))):
            return
        time.sleep(0.1)
    raise AssertionError("the servers of the test do not answer")


@needs_namespaces
def test_with_the_rules_only_the_internet_and_name_servers_are_reached(lab: Lab, tmp_path: Path) -> None:
    everywhere = [(INTERNET, PORT), (NAME_SERVER, 53), (NAME_SERVER, PORT), (PRIVATE, PORT), (METADATA, PORT)]
    everywhere += [(HOST, PORT), ("198.51.100.1", PORT)]
    (tmp_path / "resolv").write_text(
        f"search example\nnameserver {NAME_SERVER}\nnameserver 127.0.0.53\nnameserver x\n"
    )
    before = [lab.reaches(*place) for place in everywhere]

    Firewall(lab.within(lab.host), [tmp_path / "resolv", tmp_path / "none"]).ensure()

    assert before == [True] * 7
    assert [place for place in everywhere if lab.reaches(*place)] == [(INTERNET, PORT), (NAME_SERVER, 53)]


@needs_namespaces
def test_rules_are_the_same_however_often_they_are_set_and_come_back_when_they_are_lost(lab: Lab) -> None:
    firewall = Firewall(lab.within(lab.host), ())

    firewall.ensure()
    once = lab.rules()
    firewall.ensure()
    twice = lab.rules()
    do(*lab.within(lab.host), "iptables", "-F")
    firewall.ensure()

    assert "-A FORWARD -i asy-+ -j ASSAY" in once
    assert "-A INPUT -i asy-+ -j ASSAY-HOST" in once
    assert (once, once) == (twice, lab.rules())


@needs_namespaces
def test_where_the_engine_has_a_chain_for_its_users_the_rules_go_there(lab: Lab) -> None:
    do(*lab.within(lab.host), "iptables", "-N", "DOCKER-USER")

    Firewall(lab.within(lab.host), ()).ensure()

    assert "-A DOCKER-USER -i asy-+ -j ASSAY" in lab.rules()
    assert "-A FORWARD" not in lab.rules()


@needs_namespaces
def test_traffic_of_other_interfaces_is_left_alone(lab: Lab) -> None:
    bridge = f"asy-{lab.host[1:]}"
    do("ip", "-n", lab.host, "link", "set", bridge, "down")
    do("ip", "-n", lab.host, "link", "set", bridge, "name", "other")
    do("ip", "-n", lab.host, "link", "set", "other", "up")

    Firewall(lab.within(lab.host), ()).ensure()

    assert lab.reaches(HOST)


def test_rules_that_cannot_be_set_are_an_error() -> None:
    with pytest.raises(SandboxUnavailable, match="firewall for runs"):
        Firewall(("false",), ()).ensure()


def test_a_machine_without_iptables_takes_no_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.sandbox_docker.firewall.shutil.which", lambda _: None)

    words = Firewall().trouble()

    assert words is not None
    assert words.startswith("the firewall for runs needs ")


@pytest.mark.docker
def test_a_sandbox_says_what_its_firewall_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.sandbox_docker.firewall.os.geteuid", lambda: 1000)

    words = DockerSandbox(
        os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"), "t", tmp_path, firewall=True
    ).ready()

    assert words == "the firewall for runs needs a worker that is root"


def test_a_name_server_is_let_through_for_names_alone() -> None:
    lines = rules(["10.0.0.2"]).splitlines()

    assert [line for line in lines if "10.0.0.2" in line] == [
        "-A ASSAY -d 10.0.0.2 -p udp --dport 53 -j RETURN",
        "-A ASSAY -d 10.0.0.2 -p tcp --dport 53 -j RETURN",
        "-A ASSAY-HOST -d 10.0.0.2 -p udp --dport 53 -j RETURN",
        "-A ASSAY-HOST -d 10.0.0.2 -p tcp --dport 53 -j RETURN",
    ]
