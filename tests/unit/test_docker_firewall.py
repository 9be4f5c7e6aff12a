"""The rules for runs with internet, tried in network namespaces of the test's own (RELIABILITY §7.4)."""

import contextlib
import secrets
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from bot.adapters.sandbox_docker.firewall import Firewall, name_servers, rules
from bot.domain.errors import SandboxUnavailable
from tests.namespaces import do, namespace, needs_namespaces, server, wire, within

PORT: Final = 8080
INTERNET, PRIVATE, METADATA = "203.0.113.10", "10.9.8.7", "169.254.169.254"
HOST, JOB = "172.30.0.1", "172.30.0.2"
NAME_SERVER: Final = "10.9.8.53"


@dataclass(frozen=True, slots=True)
class Lab:
    """Three namespaces in a row: a job's, a host's with the run's bridge, and all the rest of the world."""

    job: str
    host: str
    world: str
    bridge: str

    def within(self, space: str) -> tuple[str, ...]:
        return within(space)

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


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    own = secrets.token_hex(3)
    one = Lab(f"j{own}", f"h{own}", f"w{own}", Firewall().bridges + own)
    with contextlib.ExitStack() as made:
        for space in (one.job, one.host, one.world):
            made.enter_context(namespace(space))
        wire(one.host, one.bridge, HOST, one.job, "eth0", JOB)
        wire(one.host, "uplink", "198.51.100.1", one.world, "eth0", "198.51.100.2")
        do("ip", "-n", one.job, "route", "add", "default", "via", HOST)
        do("ip", "-n", one.host, "route", "add", "default", "via", "198.51.100.2")
        do("ip", "-n", one.world, "route", "add", "172.30.0.0/24", "via", "198.51.100.1")
        for address in (INTERNET, PRIVATE, METADATA, NAME_SERVER):
            do("ip", "-n", one.world, "address", "add", f"{address}/32", "dev", "lo")
        do(*one.within(one.host), "sysctl", "-qw", "net.ipv4.ip_forward=1")
        (tmp_path / "index.html").write_text("here")
        for space, port in ((one.host, PORT), (one.world, PORT), (one.world, 53)):
            made.enter_context(server(space, port, tmp_path))
        wait_until_reached(one)
        yield one


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

    Firewall(prefix=lab.within(lab.host), resolvers=[tmp_path / "resolv", tmp_path / "none"]).ensure()

    assert before == [True] * 7
    assert [place for place in everywhere if lab.reaches(*place)] == [(INTERNET, PORT), (NAME_SERVER, 53)]


@needs_namespaces
def test_rules_are_the_same_however_often_they_are_set_and_come_back_when_they_are_lost(lab: Lab) -> None:
    firewall = Firewall(prefix=lab.within(lab.host), resolvers=())
    bridges = f"{firewall.bridges}+"
    mark = firewall.bridges[3:6]

    firewall.ensure()
    once = lab.rules()
    firewall.ensure()
    twice = lab.rules()
    do(*lab.within(lab.host), "iptables", "-F")
    firewall.ensure()

    assert f"-A FORWARD -i {bridges} -j ASSAY-{mark}" in once
    assert f"-A INPUT -i {bridges} -j ASSAY-HOST-{mark}" in once
    assert (once, once) == (twice, lab.rules())


@needs_namespaces
def test_where_the_engine_has_a_chain_for_its_users_the_rules_go_there(lab: Lab) -> None:
    do(*lab.within(lab.host), "iptables", "-N", "DOCKER-USER")

    Firewall(prefix=lab.within(lab.host), resolvers=()).ensure()

    assert f"-A DOCKER-USER -i {lab.bridge[:7]}+ -j ASSAY-{lab.bridge[3:6]}" in lab.rules()
    assert "-A FORWARD" not in lab.rules()


@needs_namespaces
def test_traffic_of_other_interfaces_is_left_alone(lab: Lab) -> None:
    bridge = lab.bridge
    do("ip", "-n", lab.host, "link", "set", bridge, "down")
    do("ip", "-n", lab.host, "link", "set", bridge, "name", "other")
    do("ip", "-n", lab.host, "link", "set", "other", "up")

    Firewall(prefix=lab.within(lab.host), resolvers=()).ensure()

    assert lab.reaches(HOST)


def test_rules_that_cannot_be_set_are_an_error() -> None:
    with pytest.raises(SandboxUnavailable, match="firewall for runs"):
        Firewall(prefix=("false",), resolvers=()).ensure()


def test_a_machine_without_iptables_has_no_firewall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.sandbox_docker.firewall.shutil.which", lambda *_, **__: None)

    assert Firewall().trouble().startswith("it needs ")


def test_a_name_server_is_let_through_for_names_alone() -> None:
    lines = rules("abc", (), ["10.0.0.2"]).splitlines()

    assert [line for line in lines if "10.0.0.2" in line] == [
        "-A ASSAY-abc -d 10.0.0.2 -p udp --dport 53 -j RETURN",
        "-A ASSAY-abc -d 10.0.0.2 -p tcp --dport 53 -j RETURN",
        "-A ASSAY-HOST-abc -d 10.0.0.2 -p udp --dport 53 -j RETURN",
        "-A ASSAY-HOST-abc -d 10.0.0.2 -p tcp --dport 53 -j RETURN",
    ]


@needs_namespaces
def test_what_is_allowed_is_reached_by_those_who_are_allowed_it_alone(lab: Lab) -> None:
    Firewall(prefix=lab.within(lab.host), resolvers=()).ensure()
    allowing = Firewall(["10.9.8.0/24"], prefix=lab.within(lab.host), resolvers=())
    allowing.ensure()
    theirs = lab.reaches(PRIVATE)

    do("ip", "-n", lab.host, "link", "set", lab.bridge, "down")
    do("ip", "-n", lab.host, "link", "set", lab.bridge, "name", f"{allowing.bridges}x")
    do("ip", "-n", lab.host, "link", "set", f"{allowing.bridges}x", "up")

    assert [theirs, lab.reaches(PRIVATE), lab.reaches(METADATA), lab.reaches(HOST)] == [False, True, False, False]


def test_name_servers_are_those_of_the_host_and_of_the_engine(tmp_path: Path) -> None:
    host, engine, broken = tmp_path / "resolv.conf", tmp_path / "daemon.json", tmp_path / "broken.json"
    host.write_text("search x\nnameserver 10.0.0.2\nnameserver 127.0.0.53\nnameserver fe80::1\n")
    engine.write_text('{"dns": ["10.0.0.3", "10.0.0.2", 4]}')
    broken.write_text("{")

    assert name_servers([host, engine, broken, tmp_path / "none"]) == ["10.0.0.2", "10.0.0.3"]
