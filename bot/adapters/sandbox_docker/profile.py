"""What a job's container is asked to be, and whether the engine made just that (RELIABILITY §7.2)."""

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bot.adapters.sandbox_docker.seccomp import SECCOMP
from bot.domain.runs import RunId
from bot.domain.suites import MIB, Network
from bot.ports.sandbox import FOLDER, Job, JobService

WORKSPACE, _, SOURCES = FOLDER.rpartition("/")
HOME: Final = "home"
LOG: Final = "log"

END: Final = "end"
GO: Final = "go"
OVER: Final = "over"
"""The last line of what the second pipe says."""
PATH: Final = "$HOME/.local/bin:${PATH:-/usr/local/bin:/usr/bin:/bin}"
"""For the suite's shell, in its own words."""

_WRAPPER: Final = f"""\
exec 3<> {WORKSPACE}/{LOG} 4<> {WORKSPACE}/{END}
trap '_assay_told=1' TERM
PATH="{PATH}" /bin/sh -eu -c "$1" sh >&3 2>&1 3>&- 4>&-
code=$?
cd /sys/fs/cgroup
[ "${{_assay_told-}}" ] || {{
  for file in memory.events memory.peak cpu.stat pids.events pids/pids.events \\
      memory/memory.oom_control memory/memory.max_usage_in_bytes cpuacct/cpuacct.usage; do
    [ ! -r $file ] || while read -r line; do echo "${{file##*/}} $line"; done < $file
  done
  echo {OVER}
}} >&4
[ "${{_assay_told-}}" ] || read -r line < {WORKSPACE}/{GO}
exit $code
"""
"""Runs the script, and holds both ends of two pipes: while no worker reads, nothing of what was written is lost.

The second pipe tells that the script has ended by itself, and what the kernel has counted: nobody writes that after a
KILL or TERM from outside, and the exit code alone does not tell, a script may exit with 137. Then it waits at a third
pipe until a worker has taken all there is.
"""
_OUT_OF_MEMORY: Final = re.compile(rb"^memory\.(?:events|oom_control) oom_kill [1-9]", re.MULTILINE)
_OUT_OF_PROCESSES: Final = re.compile(rb"^pids\.events max [1-9]", re.MULTILINE)
_PEAK: Final = re.compile(rb"^memory\.(?:peak|max_usage_in_bytes) (\d{1,18})$", re.MULTILINE)
_MICROSECONDS: Final = re.compile(rb"^cpu\.stat usage_usec (\d{1,18})$", re.MULTILINE)
_NANOSECONDS: Final = re.compile(rb"^cpuacct\.usage (\d{1,18})$", re.MULTILINE)
HOSTNAME: Final = "job"
_SERVICE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_LONGEST_INTERFACE: Final = 15
_NOBODY: Final = "192.0.2.1"
"""An address that is for documents only."""
_LONGEST_STRING: Final = 128 * 1024 - 1
"""Bytes of one argument or variable that Linux takes."""

_ENVIRONMENT: Final = {
    "HOME": f"{WORKSPACE}/{HOME}",  # a user without an entry in /etc/passwd has none, and the image's is read-only
    "TINI_KILL_PROCESS_GROUP": "1",  # TERM reaches the command that the script waits for, so that its trap can run
}
_TMPFS: Final = "rw,nosuid,nodev,exec,size=256m,mode=1777,nr_inodes=100k"

_FREE: Final = frozenset({"Runtime", "ConsoleSize", "MaskedPaths", "ReadonlyPaths"})
"""Keys that the engine fills by itself."""
_UNSUPPORTED: Final = {"MemorySwap": -1}
"""What the engine puts instead when the kernel can't limit it."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a job took; None where nobody could say."""

    peak_memory: int | None = None
    cpu_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """Names an attempt's container, volume, network and folder."""

    instance: str
    run: RunId
    number: int

    @property
    def name(self) -> str:
        return f"assay-{self.instance}-{self.run}-{self.number}"

    @property
    def folder(self) -> str:
        return f"{self.run}-{self.number}"


def filters(attempt: Attempt) -> dict[str, list[str]]:
    """What finds all that is labelled as the attempt's."""
    wanted = {"instance": attempt.instance, "run": attempt.run, "attempt": attempt.number}
    return {"label": [f"assay.{name}={value}" for name, value in wanted.items()]}


def labels(attempt: Attempt, job: Job, now: float) -> dict[str, str]:
    """`now` in seconds since 1970."""
    return {
        "assay.instance": attempt.instance,
        "assay.run": attempt.run,
        "assay.attempt": str(attempt.number),
        "assay.fence": str(job.fence),
        "assay.deadline": datetime.fromtimestamp(now + job.deadline, UTC).isoformat(timespec="seconds"),
    }


def network_mode(attempt: Attempt, job: Job) -> str:
    """An own bridge network named like the attempt, or none where there is nobody to reach."""
    return attempt.name if job.network is Network.INTERNET or job.services else "none"


def bridge(attempt: Attempt, bridges: str) -> str:
    """The name of the attempt's own bridge, which begins like that: short, and tells whose it is."""
    return (bridges + hashlib.blake2b(attempt.name.encode()).hexdigest())[:_LONGEST_INTERFACE]


def network_options(bridge: str, job: Job) -> dict[str, str]:
    """Options of the attempt's own bridge.

    Without internet the host has no address on it, so that not even the host is reached (RELIABILITY §7.4).
    """
    options = {"com.docker.network.bridge.name": bridge}
    if job.network is not Network.INTERNET:
        return options | {"com.docker.network.bridge.inhibit_ipv4": "true"}
    return options | {"com.docker.network.bridge.enable_icc": "true" if job.services else "false"}


def name_servers(job: Job) -> list[str]:
    """None that answers where there is no internet: the engine would hand questions on to the host's."""
    return [] if job.network is Network.INTERNET or not job.services else [_NOBODY]


def unfit(job: Job) -> str:
    """Why no container can be given this script and environment, or nothing."""
    try:
        strings = [job.script.encode(), *(f"{name}={value}".encode() for name, value in job.env.items())]
    except UnicodeEncodeError:
        return "the script or a variable is not valid Unicode"
    if any(b"\0" in string for string in strings):
        return "the script or a variable contains a NUL character"
    if len(strings[0]) > _LONGEST_STRING:
        return f"the script is longer than {_LONGEST_STRING} bytes: put it into a file of the repository"
    if any(len(string) > _LONGEST_STRING for string in strings):
        return f"a variable is longer than {_LONGEST_STRING} bytes"
    if any(not name or "=" in name for name in job.env):
        return "a variable has no valid name"
    return "no script runs as root" if job.user and min(job.user) < 1 else _unfit_service(job)


def _unfit_service(job: Job) -> str:
    names = [service.name for service in job.services]
    if len(set(names)) < len(names):
        return "two services have the same name"
    for service in job.services:
        if not _SERVICE.fullmatch(service.name) or service.name in (HOSTNAME, "localhost"):
            return f"a service can't be named {service.name!r}"
        try:
            service_words(service)
        except ValueError as error:
            return f"the command of service {service.name} can't be read: {error}"
    return ""


def service_words(service: JobService) -> list[str] | None:
    """Raises: ValueError when quotes are left open."""
    return None if service.command is None else shlex.split(service.command)


def container(
    attempt: Attempt, job: Job, *, image: str, volumes: Sequence[str], user: tuple[int, int], cpus: int, now: float
) -> dict[str, Any]:
    """The body of the engine's create call.

    `image` is an image id, `volumes` the paths that it declares as volumes, `cpus` what the engine has.
    """
    its_labels = labels(attempt, job, now)
    return {
        "Image": image,
        "Entrypoint": ["/bin/sh", "-c", _WRAPPER, "sh"],
        "Cmd": [job.script],
        "User": f"{user[0]}:{user[1]}",
        "WorkingDir": FOLDER,
        "Hostname": HOSTNAME,
        "Env": [f"{name}={value}" for name, value in {**_ENVIRONMENT, **job.env}.items()],
        "Labels": its_labels,
        "Healthcheck": {"Test": ["NONE"]},
        "StopSignal": "SIGTERM",
        "HostConfig": host_config(attempt, job, volumes, cpus, its_labels),
    }


def host_config(
    attempt: Attempt, job: Job, volumes: Sequence[str], cpus: int, its_labels: Mapping[str, str]
) -> dict[str, Any]:
    limits = job.limits
    return {
        "Binds": [f"{attempt.name}:{WORKSPACE}:rw,nocopy"],
        "Mounts": [
            _read_only(f"{attempt.name}-{number}", path, its_labels)
            for number, path in enumerate(volumes)
            if not _is_ours(path)
        ],
        "NetworkMode": network_mode(attempt, job),
        "Dns": name_servers(job),
        "Privileged": False,
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true", f"seccomp={SECCOMP}"],
        "IpcMode": "private",
        "CgroupnsMode": "private",
        "Init": True,
        "Tmpfs": {"/tmp": _TMPFS},  # noqa: S108 - a path of the container
        "ShmSize": 64 * MIB,
        "Memory": limits.memory,
        "MemorySwap": limits.memory,
        "NanoCpus": round(min(limits.cpus, cpus) * 1_000_000_000),
        "PidsLimit": limits.pids,
        "OomScoreAdj": 500,
        "Ulimits": [
            {"Name": "nofile", "Soft": 4096, "Hard": 4096},
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "fsize", "Soft": limits.file, "Hard": limits.file},
        ],
        "LogConfig": {"Type": "none", "Config": {}},
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "AutoRemove": False,
    }


def _read_only(name: str, path: str, its_labels: Mapping[str, str]) -> dict[str, Any]:
    """An image's VOLUME would be writable without a limit; like all of the image it is there to be read."""
    options = {"Labels": dict(its_labels)}
    return {"Type": "volume", "Source": name, "Target": path, "ReadOnly": True, "VolumeOptions": options}


def _is_ours(path: str) -> bool:
    return path.rstrip("/") in (WORKSPACE, "/tmp")  # noqa: S108 - a path of the container


def tells_end(words: bytes) -> bool:
    """Has the script ended by itself?"""
    return words.endswith(f"{OVER}\n".encode())


def tells_out_of_memory(words: bytes) -> bool:
    """Does the second pipe say that the kernel killed a process? The engine misses that when it happens early."""
    return bool(_OUT_OF_MEMORY.search(words))


def tells_out_of_processes(words: bytes) -> bool:
    """Does the second pipe say that the kernel refused to make a process or thread?"""
    return bool(_OUT_OF_PROCESSES.search(words))


def told_usage(words: bytes) -> Usage:
    """What the second pipe says of memory and time."""
    peak, micro, nano = (found.search(words) for found in (_PEAK, _MICROSECONDS, _NANOSECONDS))
    seconds = int(micro[1]) / 1e6 if micro else int(nano[1]) / 1e9 if nano else None
    return Usage(int(peak[1]) if peak else None, seconds)


def differences(asked: Mapping[str, Any], made: Mapping[str, Any]) -> list[str]:
    """What is not as asked for in an inspected container; every entry is a reason not to start it."""
    wanted, seen = asked["HostConfig"], made["HostConfig"]
    found = [key for key, value in wanted.items() if not _same(key, value, seen.get(key))]
    found += [key for key, value in seen.items() if key not in wanted and key not in _FREE and value]
    if "/proc/kcore" not in (seen.get("MaskedPaths") or ()):
        found.append("MaskedPaths")
    if any(str(bind).startswith(("/", "~", ".")) for bind in seen.get("Binds") or ()):
        found.append("Binds of a host path")
    if any(mount.get("Type") not in ("volume", "tmpfs") for mount in made.get("Mounts") or ()):
        found.append("Mounts of a host path")
    if "User" in asked and made["Config"]["User"] != asked["User"]:
        found.append("User")
    return sorted(found)


def _same(key: str, wanted: Any, seen: Any) -> bool:
    return wanted == seen or (not wanted and not seen) or (key in _UNSUPPORTED and seen == _UNSUPPORTED[key])
