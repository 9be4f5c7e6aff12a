"""What the engine is asked for, how the answer is compared, and which system calls are let through."""

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from bot.adapters.sandbox_docker import profile
from bot.adapters.sandbox_docker.profile import Attempt, Usage
from bot.adapters.sandbox_docker.seccomp import SECCOMP
from bot.domain.runs import RunId
from bot.domain.suites import Limits, Network
from bot.ports.sandbox import Job, JobService
from tests.sandboxes import job

ATTEMPT: Final = Attempt("inst", RunId("abc"), 2)
RULES: Final = json.loads(SECCOMP)["syscalls"]


def body(wanted: Job, *, volumes: tuple[str, ...] = (), cpus: int = 4) -> dict[str, Any]:
    return profile.container(
        ATTEMPT, wanted, image="sha256:1", volumes=volumes, user=(65532, 65532), cpus=cpus, now=1_000_000.0
    )


def inspected(asked: Mapping[str, Any], **host: object) -> dict[str, Any]:
    """What the engine would answer, with other settings put in."""
    answer = copy.deepcopy(dict(asked))
    answer["HostConfig"] |= {"MaskedPaths": ["/proc/kcore"], "Runtime": "runc", "CapAdd": None, "PidMode": ""} | host
    return {"HostConfig": answer["HostConfig"], "Config": {"User": answer["User"]}, "Mounts": []}


def test_a_container_made_as_asked_is_accepted() -> None:
    asked = body(job("true"))

    assert profile.differences(asked, inspected(asked)) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Privileged", True),
        ("CapAdd", ["SYS_ADMIN"]),
        ("CapDrop", []),
        ("PidMode", "host"),
        ("UTSMode", "host"),
        ("UsernsMode", "host"),
        ("IpcMode", "host"),
        ("CgroupnsMode", "host"),
        ("NetworkMode", "host"),
        ("Devices", [{"PathOnHost": "/dev/sda"}]),
        ("DeviceCgroupRules", ["c *:* rwm"]),
        ("ReadonlyRootfs", False),
        ("SecurityOpt", ["seccomp=unconfined"]),
        ("Memory", 0),
        ("PidsLimit", None),
        ("OomKillDisable", True),
        ("GroupAdd", ["docker"]),
        ("Sysctls", {"kernel.x": "1"}),
        ("VolumesFrom", ["other"]),
        ("MaskedPaths", []),
        ("Binds", ["/:/workspace:rw"]),
        ("Binds", ["~/x:/workspace:rw"]),
        ("Mounts", [{"Type": "bind", "Source": "/", "Target": "/host"}]),
        ("PortBindings", {"80/tcp": [{"HostPort": "80"}]}),
    ],
)
def test_any_other_setting_is_a_difference(key: str, value: object) -> None:
    asked = body(job("true"))

    assert any(found.startswith(key) for found in profile.differences(asked, inspected(asked, **{key: value})))


def test_another_user_and_a_mounted_host_path_are_differences() -> None:
    asked = body(job("true"))
    answer = inspected(asked) | {"Config": {"User": ""}, "Mounts": [{"Type": "bind"}]}

    assert profile.differences(asked, answer) == ["Mounts of a host path", "User"]


def test_a_kernel_that_cannot_limit_swap_is_accepted() -> None:
    asked = body(job("true"))

    assert profile.differences(asked, inspected(asked, MemorySwap=-1)) == []


def test_limits_of_the_job_are_those_of_the_container_and_cpus_are_clamped() -> None:
    limits = Limits(cpus=64, memory=1 << 28, pids=9, file=1 << 20)

    host = body(job("true", limits=limits), cpus=2)["HostConfig"]

    assert (host["NanoCpus"], host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (
        2 * 10**9,
        1 << 28,
        1 << 28,
        9,
    )
    assert {"Name": "fsize", "Soft": 1 << 20, "Hard": 1 << 20} in host["Ulimits"]


@pytest.mark.parametrize(
    ("network", "mode"),
    [(Network.NONE, "none"), (Network.SERVICES, "none"), (Network.INTERNET, "assay-inst-abc-2")],
)
def test_only_the_internet_needs_a_network_of_its_own(network: Network, mode: str) -> None:
    assert body(job("true", network=network))["HostConfig"]["NetworkMode"] == mode


@pytest.mark.parametrize("network", Network)
def test_services_always_need_one(network: Network) -> None:
    wanted = job("true", network=network, services=(JobService(name="db", image="db:1"),))

    assert body(wanted)["HostConfig"]["NetworkMode"] == "assay-inst-abc-2"


def test_the_script_is_data_and_labels_say_whose_it_is() -> None:
    wanted = job("echo 'a\"$(b)'", run=RunId("abc"), attempt=2, fence=5, env={"A": "1", "HOME": "/x"})

    asked = body(wanted)

    assert asked["Cmd"] == ["echo 'a\"$(b)'"]
    assert {"A=1", "HOME=/x"} <= set(asked["Env"])
    assert asked["Labels"] == {
        "assay.instance": "inst",
        "assay.run": "abc",
        "assay.attempt": "2",
        "assay.fence": "5",
        "assay.deadline": "1970-01-12T13:47:40+00:00",
    }


def test_volumes_of_an_image_are_mounted_to_be_read_but_never_over_ours() -> None:
    mounts = body(job("true"), volumes=("/data", "/workspace/", "/tmp"))["HostConfig"]["Mounts"]

    assert [(one["Type"], one["Source"], one["Target"], one["ReadOnly"]) for one in mounts] == [
        ("volume", "assay-inst-abc-2-0", "/data", True)
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"script": "x" * 131_072}, "longer than 131071 bytes"),
        ({"script": "é" * 65_536}, "longer than 131071 bytes"),
        ({"script": "a\0b"}, "NUL"),
        ({"script": "\ud800"}, "Unicode"),
        ({"env": {"A": "x" * 131_072}}, "a variable is longer"),
        ({"env": {"A": "a\0b"}}, "NUL"),
        ({"env": {"": "a"}}, "valid name"),
        ({"env": {"A=B": "a"}}, "valid name"),
    ],
)
def test_what_no_process_can_be_given_is_unfit(changes: dict[str, Any], words: str) -> None:
    assert words in profile.unfit(replace(job("true"), **changes))


@pytest.mark.parametrize(
    ("words", "killed"),
    [
        (b"", False),
        (b"memory.events oom 0\nmemory.events oom_kill 0\nmemory.events oom_group_kill 1\n", False),
        (b"memory.events oom 5\nmemory.events oom_kill 2\n", True),
        (b"memory.oom_control under_oom 1\nmemory.oom_control oom_kill 0\n", False),
        (b"memory.oom_control under_oom 0\nmemory.oom_control oom_kill 1\n", True),
        (b"cpu.stat oom_kill 1\n", False),
    ],
)
def test_the_kernels_own_count_says_whether_memory_ran_out(words: bytes, killed: bool) -> None:
    assert profile.tells_out_of_memory(words) is killed


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        (b"", Usage()),
        (b"memory.peak 5242880\ncpu.stat usage_usec 1500000\ncpu.stat user_usec 9\n", Usage(5242880, 1.5)),
        (b"memory.max_usage_in_bytes 4096\ncpuacct.usage 250000000\n", Usage(4096, 0.25)),
        (b"memory.peak max\ncpuacct.usage -1\n", Usage()),
        (b"memory.peak " + b"9" * 5000 + b"\n", Usage()),
    ],
)
def test_the_kernel_tells_what_a_job_took(words: bytes, usage: Usage) -> None:
    assert profile.told_usage(words) == usage


def test_the_longest_script_is_fit() -> None:
    assert profile.unfit(job("x" * 131_071)) == ""


_DANGEROUS: Final = re.findall(
    r"\w+",
    """
    add_key bpf chroot clock_settime delete_module fanotify_init finit_module fsconfig fsmount fsopen init_module
    io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl
    lookup_dcookie mbind modify_ldt mount mount_setattr move_mount move_pages name_to_handle_at open_by_handle_at
    open_tree perf_event_open pivot_root process_madvise process_vm_writev quotactl reboot request_key
    setdomainname sethostname setns settimeofday swapoff swapon syslog umount2 unshare userfaultfd clone3
    statmount listmount
    """,
)


def allowed(name: str) -> list[Mapping[str, Any]]:
    return [rule for rule in RULES if name in rule["names"] and rule["action"] == "SCMP_ACT_ALLOW"]


@pytest.mark.parametrize(
    "name",
    _DANGEROUS,
)
def test_a_dangerous_system_call_is_not_let_through(name: str) -> None:
    assert allowed(name) == []


@pytest.mark.parametrize("name", ["clone", "socket", "socketpair", "personality"])
def test_a_system_call_that_can_do_harm_is_let_through_only_with_harmless_arguments(name: str) -> None:
    assert all(rule.get("args") for rule in allowed(name))
    assert allowed(name)


def test_sockets_are_local_internet_or_routing_information() -> None:
    assert {rule["args"][0]["value"] for rule in allowed("socket")} == {1, 2, 10, 16}


def test_everything_that_is_not_named_is_refused_and_no_second_mode_is_let_in() -> None:
    whole = json.loads(SECCOMP)

    assert whole["defaultAction"] == "SCMP_ACT_ERRNO"
    assert [one["subArchitectures"] for one in whole["archMap"]] == [[], []]


def test_no_system_call_without_conditions_is_named_twice() -> None:
    names = [name for rule in RULES if "args" not in rule for name in rule["names"]]

    assert len(names) == len(set(names))
