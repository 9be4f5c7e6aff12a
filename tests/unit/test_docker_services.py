"""Services beside a job, and networks from which nothing but the run's own containers is reached (S080 to S084)."""

import secrets
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from bot.adapters.sandbox_docker import DockerSandbox
from bot.domain.runs import RunId
from bot.domain.suites import MIB, Limits, Network
from bot.ports.sandbox import Answers, Job, JobService, Listens, Ready, Stop, Succeeds
from tests.images import BUSYBOX, busybox, busybox_with, engine
from tests.sandboxes import after, docker_sandbox, job, never, run

pytestmark = pytest.mark.docker

WEB: Final = "sh -c 'mkdir /www; echo hello > /www/index.html; sleep 0.3; exec httpd -f -p 8080 -h /www'"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[DockerSandbox]:
    with docker_sandbox(tmp_path) as one:
        yield one


def service(
    name: str = "web", command: str | None = WEB, ready: Ready | None = None, within: float = 30.0
) -> JobService:
    return JobService(name=name, image=BUSYBOX, command=command, ready=ready, memory=64 * MIB, within=within)


def of_attempt(sandbox: DockerSandbox, wanted: Job) -> list[dict[str, Any]]:
    label = [f"assay.instance={sandbox._instance}", f"assay.run={wanted.run}"]
    return list(engine().containers(all=True, filters={"label": label}))


# Started, reached, ready


@pytest.mark.parametrize(
    ("network", "ready"),
    [
        (Network.NONE, Listens(8080)),
        (Network.SERVICES, Answers(8080, "/index.html")),
        (Network.INTERNET, Answers(8080, "index.html")),
        (Network.NONE, Succeeds("wget -O /dev/null http://127.0.0.1:8080/")),
    ],
)
def test_a_service_is_reached_by_its_name_once_it_is_ready(
    sandbox: DockerSandbox, network: Network, ready: Ready
) -> None:
    ran = run(sandbox, job("wget -q -O - http://web:8080/", network=network, services=(service(ready=ready),)))

    assert (ran.exit.code, ran.exit.error, ran.text, ran.starts) == (0, "", "hello\n", 1)


def test_services_reach_each_other_and_get_their_variables(sandbox: DockerSandbox) -> None:
    command = "sh -c 'until wget -q -O - http://web:8080/$WHAT; do sleep 0.1; done'"
    caller = replace(service("caller", command), env={"WHAT": "index.html"})
    wanted = job("sleep 0.5", services=(service(ready=Listens(8080)), caller))

    run(sandbox, wanted)

    assert b"hello\n" in sandbox.service_log(wanted.run, 1, "caller")


def test_a_service_without_a_command_runs_what_its_image_says(sandbox: DockerSandbox) -> None:
    image = busybox_with("assay-test/own:1", ['ENTRYPOINT ["/bin/httpd", "-f"]', 'CMD ["-p", "80"]'], {})
    own = JobService(name="own", image=image, memory=64 * MIB, ready=Listens(80))

    assert run(sandbox, job("echo on", services=(own,))).lines == ["on"]


def test_a_command_comes_after_the_entry_point_of_the_image(sandbox: DockerSandbox) -> None:
    image = busybox_with("assay-test/own:1", ['ENTRYPOINT ["/bin/httpd", "-f"]', 'CMD ["-p", "80"]'], {})
    own = JobService(name="own", image=image, memory=64 * MIB, command="-p '8081'", ready=Listens(8081))

    assert run(sandbox, job("echo on", services=(own,))).lines == ["on"]


# Not ready


@pytest.mark.parametrize(
    ("command", "ready", "words"),
    [
        ("sleep 100", Listens(8080), "service web did not become ready within 1s: nothing listens on port 8080"),
        ("httpd -f -p 127.0.0.1:8080", Listens(8080), "within 1s: nothing listens on port 8080"),
        ("httpd -f -p 8080 -h /etc", Answers(8080, "/none"), "GET /none on port 8080 has no good answer"),
        ("sleep 100", Succeeds("exit 3"), "within 1s: `exit 3` does not succeed (exit code 3)"),
        ("sleep 100", Succeeds("sleep 100"), "within 1s: `sleep 100` does not succeed"),
    ],
)
def test_without_a_service_the_script_is_not_started(
    sandbox: DockerSandbox, command: str, ready: Ready | None, words: str
) -> None:
    ran = run(sandbox, job("echo on", services=(service(command=command, ready=ready, within=1.0),)))

    assert words in ran.exit.error
    assert (ran.exit.code, ran.exit.service, ran.output, ran.starts) == (None, "web", b"", 0)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sh -c 'echo oops; exit 5'", "service web ended with exit code 5 before it was ready"),
        ("no-such-program", "service web ended with exit code 127 before it was ready"),
        ("sh -c 'sleep 0.5; tail /dev/zero'", "service web ran out of memory before it was ready"),
    ],
)
def test_a_service_that_ends_is_not_waited_for(sandbox: DockerSandbox, command: str, words: str) -> None:
    ran = run(sandbox, job("echo on", services=(service(command=command, ready=Listens(1), within=1000.0),)))

    assert (ran.exit.error, ran.starts) == (words, 0)


def test_what_a_service_printed_last_is_kept_until_it_goes(sandbox: DockerSandbox) -> None:
    loud = service(command="sh -c 'head -c 100000 /dev/zero | tr \"\\0\" x; echo; echo the end; exit 1'")
    wanted = job(
        "true", services=(JobService(name="loud", image=loud.image, command=loud.command, ready=Listens(1)),)
    )

    run(sandbox, wanted)
    printed = sandbox.service_log(wanted.run, 1, "loud")
    sandbox.remove(wanted.run, 1)

    assert printed.endswith(b"x\nthe end\n")
    assert len(printed) <= 64 * 1024
    assert sandbox.service_log(wanted.run, 1, "loud") == b""


def test_asking_a_service_that_has_just_ended_is_no_failure_of_the_engine(sandbox: DockerSandbox) -> None:
    client = engine()
    gone = client.create_container(BUSYBOX, "true")["Id"]
    shared = client.create_host_config(network_mode=f"container:{gone}")
    asking = client.create_container(BUSYBOX, "true", host_config=shared)["Id"]
    try:
        assert "non running container" in sandbox._containers.start(asking)
    finally:
        for one in (asking, gone):
            client.remove_container(one, force=True)


def test_waiting_for_a_service_can_be_cut_short(sandbox: DockerSandbox) -> None:
    wanted = job("true", services=(service(command="sleep 100", ready=Listens(1), within=1000.0),))

    ran = run(sandbox, wanted, should_stop=after(4, Stop.CANCELLED))

    assert (ran.exit.code, ran.exit.stopped, ran.exit.service, ran.starts) == (None, Stop.CANCELLED, "", 0)


# What a service may


def test_a_service_is_its_images_user_with_few_capabilities_and_no_way_to_more(sandbox: DockerSandbox) -> None:
    script = "id -u; grep -E '^(CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; su job -s /bin/id; sleep 100"
    chosen = service("db", f'sh -c "{script}"', Succeeds("true"))
    wanted = job("true", services=(chosen,))

    run(sandbox, wanted)

    assert sandbox.service_log(wanted.run, 1, "db").decode().splitlines() == [
        "0",
        "CapBnd:\t00000000000000cb",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "uid=65532(job) gid=65532(job) groups=65532(job)",
    ]


def test_a_service_has_limits_and_publishes_nothing(sandbox: DockerSandbox) -> None:
    wanted = job("true", limits=Limits(pids=77), services=(service(),))

    run(sandbox, wanted)
    name = f"assay-{sandbox._instance}-{wanted.run}-1-service-web"
    seen = engine().inspect_container(name)
    host = seen["HostConfig"]

    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (64 * MIB, 64 * MIB, 77)
    assert (host["Privileged"], host["CapDrop"], host["PortBindings"], host["Binds"]) == (False, ["ALL"], None, [])
    assert seen["Config"]["Labels"]["assay.service"] == "web"


def test_what_services_write_counts_for_the_limit_of_the_disk(tmp_path: Path) -> None:
    flood = service(command="sh -c 'dd if=/dev/zero of=/big bs=1M count=20; sleep 100'")

    with docker_sandbox(tmp_path, measure_every=0.2) as sandbox:
        ran = run(sandbox, job("sleep 100", limits=Limits(disk=8 * MIB), services=(flood,)))

    assert ran.exit.stopped is Stop.DISK_LIMIT


# What is left


def test_services_their_volumes_and_the_network_go_with_the_attempt(sandbox: DockerSandbox) -> None:
    image = busybox_with("assay-test/data:1", ["VOLUME /data"], {"data/seed": (0o644, b"seed\n")})
    db = JobService(name="db", image=image, command="sh -c 'cat /data/seed; touch /data/new; sleep 100'")
    wanted = job("true", services=(db, service(ready=Listens(8080))))
    run(sandbox, wanted)
    containers = len(of_attempt(sandbox, wanted))
    printed = sandbox.service_log(wanted.run, 1, "db")

    sandbox.remove(wanted.run, 1)

    assert (containers, printed) == (4, b"seed\n")
    assert of_attempt(sandbox, wanted) == []
    assert sandbox.leftovers() == []
    assert engine().networks(names=[f"assay-{sandbox._instance}-{wanted.run}-1"]) == []
    assert not engine().volumes(filters={"label": f"assay.run={wanted.run}"})["Volumes"]


def test_services_alone_are_found_and_removed(sandbox: DockerSandbox) -> None:
    wanted = job("true", fence=9, services=(service(),))
    sandbox.prepare(wanted.image, never)
    sandbox.workspace(wanted)
    sandbox.set_up(wanted)
    engine().remove_container(f"assay-{sandbox._instance}-{wanted.run}-1", force=True)

    found = [(one.run, one.fence) for one in sandbox.leftovers()]
    sandbox.remove(wanted.run, 1)

    assert found == [(wanted.run, 9)]
    assert of_attempt(sandbox, wanted) == []


# Who is reached


@pytest.fixture
def host_port() -> Iterator[int]:
    """A port of the test's own on all addresses of the host; whoever comes is let go at once."""
    with socketserver.ThreadingTCPServer(("0.0.0.0", 0), socketserver.BaseRequestHandler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def other_address() -> Iterator[str]:
    """One more address of the host, on a bridge of the test's own."""
    name = f"assay-test-{secrets.token_hex(4)}"
    engine().create_network(name, driver="bridge")
    yield str(engine().inspect_network(name)["IPAM"]["Config"][0]["Gateway"])
    engine().remove_network(name)


@pytest.mark.parametrize(
    ("network", "reached"),
    [
        (Network.NONE, ["service"]),
        (Network.SERVICES, ["service"]),
        (Network.INTERNET, ["service"]),
    ],
)
def test_only_the_service_is_reached_and_not_the_host(
    sandbox: DockerSandbox, network: Network, reached: list[str], host_port: int, other_address: str
) -> None:
    script = f"""
        wget -q -O /dev/null http://web:8080/ && echo service
        gateway=$(ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p')
        nc -w 1 $gateway {host_port} < /dev/null > /dev/null 2>&1 && echo gateway
        nc -w 1 {other_address} {host_port} < /dev/null > /dev/null 2>&1 && echo other address
        ip -6 addr show | grep inet6 | grep -v ::1 && echo the newer protocol
        true
    """

    ran = run(sandbox, job(script, network=network, services=(service(ready=Listens(8080)),)))

    assert ran.lines == reached


CALL_OUT: Final = """
for to in 169.254.169.254 10.1.2.3 203.0.113.10; do nc -w 1 $to 80 < /dev/null > /dev/null 2>&1 || true; done
sed -n "s/.* 0x2 .*/somebody/p" /proc/net/arp
"""
"""Calls the metadata address, a private network and the internet; a word for each who took that to pass it on."""


@pytest.mark.parametrize(
    ("network", "takers"),
    [
        (Network.NONE, ""),
        (Network.SERVICES, ""),
        (Network.INTERNET, "somebody\n"),  # which is what the firewall watches
    ],
)
def test_without_internet_nobody_takes_what_script_or_service_send_elsewhere(
    sandbox: DockerSandbox, network: Network, takers: str
) -> None:
    asking = service(command=f"sh -c '{CALL_OUT} exec httpd -f -p 8080'", ready=Listens(8080))
    wanted = job(CALL_OUT, network=network, services=(asking,))

    ran = run(sandbox, wanted)

    assert ran.text == takers
    assert sandbox.service_log(wanted.run, 1, "web").decode() == takers


@pytest.mark.parametrize("network", Network)
def test_a_service_does_not_reach_the_host(
    sandbox: DockerSandbox, network: Network, host_port: int, other_address: str
) -> None:
    """A positive answer of the service itself shows that it could have asked."""
    tries = f"nc -w 1 {other_address} {host_port} < /dev/null > /dev/null 2>&1 && echo host"
    asking = service(command=f"sh -c '{tries}; echo asked; exec httpd -f -p 8080'", ready=Listens(8080))
    wanted = job("true", network=network, services=(asking,))

    run(sandbox, wanted)

    assert sandbox.service_log(wanted.run, 1, "web") == b"asked\n"


def test_without_internet_no_name_server_answers(sandbox: DockerSandbox) -> None:
    ran = run(sandbox, job("nslookup example.com || exit 7", services=(service(ready=Listens(8080)),)))

    assert ran.exit.code == 7


@pytest.mark.parametrize("network", [Network.NONE, Network.SERVICES])
def test_without_internet_not_even_the_host_has_an_address_on_the_network(
    sandbox: DockerSandbox, network: Network
) -> None:
    wanted = job("true", network=network, services=(service(),))
    run(sandbox, wanted)

    seen = engine().inspect_network(f"assay-{sandbox._instance}-{wanted.run}-1")
    bridge = seen["Options"]["com.docker.network.bridge.name"]
    addresses = Path("/proc/net/fib_trie").read_text(encoding="ascii")

    assert (seen["Internal"], bridge[:4], len(bridge)) == (True, "asy-", 15)
    assert f"{seen['IPAM']['Config'][0]['Gateway']}\n" not in addresses


@pytest.mark.parametrize("network", [Network.NONE, Network.SERVICES, Network.INTERNET])
def test_a_run_does_not_reach_the_services_of_another(sandbox: DockerSandbox, network: Network) -> None:
    first = job("true", run=RunId("first"), network=network, services=(service(ready=Listens(8080)),))
    run(sandbox, first)
    seen = engine().inspect_container(f"assay-{sandbox._instance}-first-1-service-web")
    address = seen["NetworkSettings"]["Networks"][f"assay-{sandbox._instance}-first-1"]["IPAddress"]
    script = f"wget -q http://{address}:8080/ & wget -q http://web:8080/ & sleep 1; kill %1 %2; ls"

    other = run(sandbox, job(script, network=network, services=(service("other"),)))

    assert address
    assert (other.exit.code, "index.html" in other.text) == (0, False)


@pytest.fixture(autouse=True)
def image() -> str:
    return busybox()
