"""What a job can't do in its container (RELIABILITY §8F), tried with the real profile."""

import errno
import functools
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from bot.adapters.sandbox_docker import DockerSandbox
from bot.domain.suites import Network
from bot.ports.sandbox import Job
from tests.images import busybox_with, engine
from tests.sandboxes import Ran, docker_sandbox, job, run

pytestmark = pytest.mark.docker

PROBE: Final = Path(__file__).parent.parent / "data" / "probe.c"
needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="the probe is made by gcc")

DENIED: Final = {errno.EPERM}
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWPID = 0x00020000, 0x10000000, 0x40000000, 0x20000000
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK = 1, 2, 10, 16, 17, 38, 40
STREAM, DATAGRAM, RAW = 1, 2, 3
ICMP, NETLINK_AUDIT = 1, 9


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[DockerSandbox]:
    with docker_sandbox(tmp_path) as one:
        yield one


@functools.cache
def compiled() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "probe"
        command = ["gcc", "-static", "-O1", "-pthread", "-o", str(program), str(PROBE)]
        subprocess.run(command, check=True)  # noqa: S603 - our own source and path
        return program.read_bytes()


def probed(sandbox: DockerSandbox, words: str) -> Ran:
    return run(sandbox, job(f"./probe {words}"), files={"probe": compiled()})


def container_of(sandbox: DockerSandbox, wanted: Job) -> str:
    return f"assay-{sandbox._instance}-{wanted.run}-{wanted.attempt}"


def inspected(sandbox: DockerSandbox, **changes: object) -> dict[str, Any]:
    """The container of a job, as the engine shows it while it runs."""
    wanted = job("true", **changes)
    seen: list[dict[str, Any]] = []
    run(sandbox, wanted, on_start=lambda: seen.append(engine().inspect_container(container_of(sandbox, wanted))))
    return seen[0]


def test_the_engine_shows_the_profile_and_no_host_path(sandbox: DockerSandbox) -> None:
    seen = inspected(sandbox)
    host = seen["HostConfig"]

    assert not any(
        host.get(key)
        for key in ("Privileged", "CapAdd", "PidMode", "UTSMode", "UsernsMode", "Devices", "VolumesFrom", "Sysctls")
    )
    assert (host["CapDrop"], host["ReadonlyRootfs"], host["Init"], host["NetworkMode"]) == (
        ["ALL"],
        True,
        True,
        "none",
    )
    assert host["SecurityOpt"][0] == "no-new-privileges:true"
    assert [bind.startswith("assay-test-") for bind in host["Binds"]] == [True]
    assert [mount["Type"] for mount in seen["Mounts"]] == ["volume"]
    assert (seen["Config"]["User"], seen["Config"]["Hostname"]) == (":".join(map(str, sandbox.user)), "job")


def test_a_network_is_the_attempts_own_with_nobody_else_to_talk_to(sandbox: DockerSandbox) -> None:
    name = inspected(sandbox, network=Network.INTERNET)["HostConfig"]["NetworkMode"]

    network = engine().inspect_network(name)

    assert network["Labels"]["assay.instance"] == sandbox._instance
    assert network["Options"]["com.docker.network.bridge.enable_icc"] == "false"


def test_it_has_no_rights_and_gets_none(sandbox: DockerSandbox) -> None:
    ran = run(sandbox, job("id -u; id -g; grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status"))

    assert ran.lines == [
        *map(str, sandbox.user),
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    ]


@needs_compiler
def test_a_setuid_program_of_the_image_stays_the_jobs_user(sandbox: DockerSandbox) -> None:
    image = busybox_with("assay-test/setuid:1", [], {"bin/whoever": (0o4755, compiled())})

    assert run(sandbox, job("whoever euid", image=image)).lines == [str(sandbox.user[0])]


@pytest.mark.parametrize(
    "command",
    [
        "mount -t tmpfs none /tmp",
        "mount -o remount,rw /",
        "umount /tmp",
        "mknod /tmp/disk b 8 0",
        "chroot / true",
        "unshare -U true",
        "unshare -n true",
        "hostname other",
        "date -s 2001-01-01 && date | grep 2001",
        "chown 0 .",
        "dmesg",
        "swapoff -a /dev/null",
        "ping -c 1 -w 1 127.0.0.1",
        "echo 1 > /proc/sys/kernel/randomize_va_space",
        "head -c 1 /proc/kcore",
        "ls /sys/firmware/*",
        "echo x > /file",
        "echo x > /etc/passwd",
        "echo x > /dev/new",
        "echo x > /sys/new",
        "echo x > /workspace/new",
        "mv /workspace/log /workspace/other",
        "rm -f /workspace/log",
        "wget -q -T 2 -O - http://169.254.169.254/",
        "nslookup example.com",
    ],
)
def test_it_is_refused(sandbox: DockerSandbox, command: str) -> None:
    assert run(sandbox, job(f"if {command}; then echo could; fi")).lines[-1:] != ["could"]


def test_it_may_write_where_it_works(sandbox: DockerSandbox) -> None:
    ran = run(
        sandbox, job("for place in . /tmp /dev/shm $HOME; do echo x > $place/mark; done; cat /proc/keys | wc -l")
    )

    assert (ran.exit.code, ran.lines) == (0, ["0"])


def test_no_engine_socket_is_in_reach(sandbox: DockerSandbox) -> None:
    ran = run(sandbox, job("find / -name '*.sock' -o -type s 2> /dev/null | grep -v ^/proc/ || true"))

    assert ran.lines == []


@needs_compiler
@pytest.mark.parametrize(
    ("words", "outcomes"),
    [
        ("syscall 425 8 0", DENIED),  # io_uring_setup
        ("syscall 321 0 0", DENIED),  # bpf
        ("syscall 298 0 0", DENIED),  # perf_event_open
        ("syscall 250 0 0", DENIED),  # keyctl
        ("syscall 323 0 0", DENIED),  # userfaultfd
        ("syscall 308 0 0", DENIED),  # setns
        ("syscall 246 0 0", DENIED),  # kexec_load
        ("syscall 435 0 0", {errno.ENOSYS}),  # clone3
        ("syscall 135 0x20000 0", DENIED),  # personality(UNAME26)
        (f"socket {AF_VSOCK} {STREAM} 0", DENIED),
        (f"socket {AF_ALG} 5 0", DENIED),
        (f"socket {AF_PACKET} {RAW} 0", DENIED),
        (f"socket {AF_INET} {RAW} {ICMP}", DENIED),
        (f"socket {AF_NETLINK} {RAW} {NETLINK_AUDIT}", DENIED),
        (f"socket {AF_NETLINK} {RAW} 0", {0}),
        (f"socket {AF_UNIX} {STREAM} 0", {0}),
        (f"socket {AF_INET} {STREAM} 0", {0}),
        (f"socket {AF_INET6} {DATAGRAM} 0", {0}),
        (f"clone {CLONE_NEWUSER}", DENIED),
        (f"clone {CLONE_NEWNET}", DENIED),
        (f"clone {CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID}", DENIED),
        ("clone 0", {0}),
        ("thread", {0}),
    ],
)
def test_the_kernel_is_as_small_as_the_profile_says(sandbox: DockerSandbox, words: str, outcomes: set[int]) -> None:
    assert int(probed(sandbox, words).text) in outcomes


@needs_compiler
def test_a_call_of_the_32_bit_mode_ends_its_process(sandbox: DockerSandbox) -> None:
    assert probed(sandbox, "int80").exit.code == 159


def test_settings_of_the_image_do_not_count(sandbox: DockerSandbox) -> None:
    changes = [
        "USER root",
        'ENTRYPOINT ["/bin/false"]',
        "CMD /bin/false",
        "VOLUME /data",
        "VOLUME /tmp",
        "HEALTHCHECK --interval=1s CMD touch /tmp/checked",
        "ONBUILD RUN false",
        "WORKDIR /data",
        "ENV FROM_IMAGE=kept",
    ]
    image = busybox_with("assay-test/settings:1", changes, {"data/file": (0o644, b"content\n")})
    wanted = job("id -u; pwd; cat /data/file; echo $FROM_IMAGE; touch /data/new || true; touch /tmp/new", image=image)
    volumes: list[str] = []

    def look() -> None:
        mounts = engine().inspect_container(container_of(sandbox, wanted))["Mounts"]
        volumes.extend(mount["Name"] for mount in mounts)

    ran = run(sandbox, wanted, on_start=look)
    sandbox.remove(wanted.run, wanted.attempt)

    assert ran.lines[:4] == [str(sandbox.user[0]), "/workspace/src", "content", "kept"]
    assert "Read-only" in ran.lines[4]
    assert ran.exit.code == 0
    assert len(volumes) == 2
    assert not {one["Name"] for one in engine().volumes()["Volumes"] or ()} & set(volumes)


def test_what_a_suite_installs_for_its_user_is_found_and_is_on_the_disk(sandbox: DockerSandbox) -> None:
    install = "mkdir -p $HOME/.local/bin && printf '#!/bin/sh\\necho installed' > $HOME/.local/bin/tool"
    ran = run(sandbox, job(f"echo $HOME\n{install}\nchmod +x $HOME/.local/bin/tool\ntool\ndf $HOME | tail -n 1"))

    assert ran.lines[:2] == ["/workspace/home", "installed"]
    assert "tmpfs" not in ran.lines[2]
