"""What the containers of services, and those that ask whether a service is ready, are made to be."""

from collections.abc import Sequence
from typing import Any, Final

from bot.adapters.sandbox_docker import profile
from bot.adapters.sandbox_docker.profile import Attempt
from bot.adapters.sandbox_docker.seccomp import SECCOMP
from bot.domain.suites import MIB
from bot.ports.sandbox import Answers, Job, JobService, Listens, Succeeds

_CAPABILITIES: Final = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID"]
"""What ordinary databases need to own their files and to become their own user."""
_ENGINES_LOG: Final = {"Type": "json-file", "Config": {"max-size": "256k", "max-file": "2"}}
_ASKING_MEMORY: Final = 128 * MIB

NO_TOOL: Final = 77
"""How the asking script ends when its image has nothing to ask with."""

_LISTENS: Final = """\
while :; do
  for table in /proc/net/tcp /proc/net/tcp6; do
    [ ! -r $table ] || while read -r _ address _ state _; do
      case "$state $address" in
        "0A "??????7F:*|"0A 00000000000000000000000001000000:"*) ;;
        "0A "*":$1") exit 0 ;;
      esac
    done < $table
  done
  sleep 0.1 || sleep 1
done
"""
"""Waits for a listening socket (state 0A) with that port in hexadecimal that is not bound to the loopback. It needs
nothing but a shell, and disturbs no service with connections that say nothing."""

_ANSWERS: Final = f"""\
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
url="http://$1:$2$3"
limit=
timeout 5 true && limit="timeout 5"
if command -v curl; then ask() {{ $limit curl -fsS -o /dev/null "$url"; }}
elif command -v wget; then ask() {{ $limit wget -q -O /dev/null "$url"; }}
elif command -v python3; then
  ask() {{ $limit python3 -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1])' "$url"; }}
elif command -v bash; then
  ask() {{ $limit bash -c 'exec 3<> "/dev/tcp/$0/$1" &&
    printf "GET %s HTTP/1.0\\r\\nHost: %s\\r\\n\\r\\n" "$2" "$0" >&3 &&
    read -r _ code _ <&3 && [ "$code" -lt 400 ]' "$1" "$2" "$3"; }}
else exit {NO_TOOL}
fi
until ask "$@"; do sleep 0.1 || sleep 1; done
"""
"""Asks again and again, and not longer than five seconds each time where `timeout` is at hand: the tools' own options
for that differ, and fail in some builds."""


def service_name(attempt: Attempt, name: str) -> str:
    return f"{attempt.name}-service-{name}"


def asking_name(attempt: Attempt, name: str) -> str:
    return f"{attempt.name}-ready-{name}"


def service(
    attempt: Attempt,
    job: Job,
    wanted: JobService,
    *,
    image: str,
    volumes: Sequence[str],
    cpus: int,
    now: float,
) -> dict[str, Any]:
    """The body of the create call: its image's own user and writable, for the rest as tight as the job."""
    its_labels = profile.labels(attempt, job, now) | {"assay.service": wanted.name}
    host = profile.host_config(attempt, job, (), cpus, its_labels) | {
        "Binds": [],
        "Mounts": [
            _volume(f"{service_name(attempt, wanted.name)}-{number}", path, its_labels)
            for number, path in enumerate(volumes)
        ],
        "CapAdd": _CAPABILITIES,
        "ReadonlyRootfs": False,
        "SecurityOpt": ["no-new-privileges:true", f"seccomp={SECCOMP}"],
        "Tmpfs": {},
        "Memory": wanted.memory,
        "MemorySwap": wanted.memory,
        "LogConfig": _ENGINES_LOG,
    }
    body = {
        "Image": image,
        "Hostname": wanted.name,
        "Env": [f"{name}={value}" for name, value in wanted.env.items()],
        "Labels": its_labels,
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": host,
        "NetworkingConfig": {"EndpointsConfig": {attempt.name: {"Aliases": [wanted.name]}}},
    }
    words = profile.service_words(wanted)
    return body if words is None else body | {"Cmd": words}


def asking(wanted: JobService, body: dict[str, Any], target: str) -> dict[str, Any]:
    """A container like the job's (its `body`) in the network namespace of the service's container `target`.

    There the port is seen as others will see it, whatever tools the service's image has, and wherever the engine is.
    """
    kept = {key: body[key] for key in ("Image", "User", "Healthcheck", "StopSignal")}
    host = body["HostConfig"] | {
        "Binds": [],
        "Tmpfs": {},
        "NetworkMode": f"container:{target}",
        "Dns": [],
        "Memory": _ASKING_MEMORY,
        "MemorySwap": _ASKING_MEMORY,
    }
    script, words = _question(wanted)
    return kept | {
        "Entrypoint": ["/bin/sh", "-c", script, "sh"],
        "Cmd": words,
        "WorkingDir": "/",
        "Labels": body["Labels"] | {"assay.service": wanted.name},
        "HostConfig": host,
    }


def _question(wanted: JobService) -> tuple[str, list[str]]:
    match wanted.ready:
        case Listens(port):
            return _LISTENS, [f"{port:04X}"]
        case Answers(port, path):
            return _ANSWERS, [wanted.name, str(port), f"/{path.removeprefix('/')}"]
        case Succeeds() | None:
            raise ValueError("nobody has to ask")


def missing(wanted: JobService) -> str:
    """What has not come true, when the time is over."""
    match wanted.ready:
        case Listens(port):
            return f"nothing listens on port {port}"
        case Answers(port, path):
            return f"GET {path} on port {port} has no good answer"
        case Succeeds(command):
            return f"`{command}` does not succeed"
        case None:
            return "it does not run"


def _volume(name: str, path: str, its_labels: dict[str, str]) -> dict[str, Any]:
    """Where an image wants to keep data: a volume of the engine's that begins with what the image has there."""
    return {"Type": "volume", "Source": name, "Target": path, "VolumeOptions": {"Labels": dict(its_labels)}}
