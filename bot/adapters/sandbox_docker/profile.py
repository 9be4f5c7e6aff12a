"""What a job's container is asked to be, and whether the engine made just that (RELIABILITY §7.2)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bot.adapters.sandbox_docker.seccomp import SECCOMP
from bot.domain.runs import RunId
from bot.domain.suites import MIB, Network
from bot.ports.sandbox import Job

WORKSPACE: Final = "/workspace"
SOURCES: Final = "src"
LOG: Final = "log"

END: Final = "end"

_WRAPPER: Final = f"""\
trap '_assay_told=1' TERM
/bin/sh -eu -c "$1" sh > {WORKSPACE}/{LOG} 2>&1
code=$?
[ "${{_assay_told-}}" ] || for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
  [ ! -r $file ] || while read -r line; do echo "$line"; done < $file
done > {WORKSPACE}/{END}
exit $code
"""
"""Runs the script, and writes to the second pipe when that has ended by itself: nobody does after a KILL or TERM from
outside, and the exit code alone does not tell, a script may exit with 137. It writes what the kernel has counted."""
_OUT_OF_MEMORY: Final = re.compile(rb"^oom_kill [1-9]", re.MULTILINE)
_LONGEST_STRING: Final = 128 * 1024 - 1
"""Bytes of one argument or variable that Linux takes."""

_ENVIRONMENT: Final = {
    "HOME": "/tmp",  # noqa: S108 - a user without an entry in /etc/passwd has none, and the image's is read-only
    "TINI_KILL_PROCESS_GROUP": "1",  # TERM reaches the command that the script waits for, so that its trap can run
}
_TMPFS: Final = "rw,nosuid,nodev,exec,size=256m,mode=1777,nr_inodes=100k"

_FREE: Final = frozenset({"Runtime", "ConsoleSize", "MaskedPaths", "ReadonlyPaths"})
"""Keys that the engine fills by itself."""
_UNSUPPORTED: Final = {"MemorySwap": -1}
"""What the engine puts instead when the kernel can't limit it."""


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


def network_mode(attempt: Attempt, network: Network) -> str:
    """An own bridge network named like the attempt, or none (services come with modes of their own)."""
    match network:
        case Network.INTERNET:
            return attempt.name
        case Network.NONE | Network.SERVICES:
            return "none"


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
    return ""


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
        "WorkingDir": f"{WORKSPACE}/{SOURCES}",
        "Hostname": "job",
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
        "NetworkMode": network_mode(attempt, job.network),
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


def tells_out_of_memory(words: bytes) -> bool:
    """Does the second pipe say that the kernel killed a process? The engine misses that when it happens early."""
    return bool(_OUT_OF_MEMORY.search(words))


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
    if made["Config"]["User"] != asked["User"]:
        found.append("User")
    return sorted(found)


def _same(key: str, wanted: Any, seen: Any) -> bool:
    return wanted == seen or (not wanted and not seen) or (key in _UNSUPPORTED and seen == _UNSUPPORTED[key])
