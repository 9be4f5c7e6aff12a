"""What an operator should know of an engine and of who may use it (RELIABILITY §7.2, S127)."""

import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from bot.domain.findings import Finding
from bot.domain.hosts import LOOPBACK

_OLDEST: Final = (20, 10)
_LIMITS: Final = {"MemoryLimit": "memory", "PidsLimit": "processes", "CpuCfsQuota": "CPU time"}
_DAEMON: Final = "in /etc/docker/daemon.json"


def advice(host: str, about: Mapping[str, Any]) -> Iterator[Finding]:
    """`host` as in DOCKER_HOST, `about` what the engine says of itself."""
    yield from _door(host)
    version = str(about.get("ServerVersion", ""))
    if (found := re.match(r"(\d+)\.(\d+)", version)) and (int(found[1]), int(found[2])) < _OLDEST:
        yield Finding(ok=False, text=f"Docker {version} is older than what was ever tried, 20.10", help="upgrade it")
    if not any("name=seccomp" in one for one in about.get("SecurityOptions") or ()):
        text = "the engine filters no system calls of containers: it has no seccomp"
        yield Finding(ok=False, text=text, help="run it on a kernel with CONFIG_SECCOMP_FILTER")
    if missing := [words for name, words in _LIMITS.items() if about.get(name) is False]:
        text = f"the engine's kernel can't limit {', '.join(missing)} of containers"
        yield Finding(ok=False, text=text, help="boot with cgroup_enable=memory, or with cgroup v2")
    if not about.get("LiveRestoreEnabled"):
        text = "a restart of the engine ends the suites that run; they are started again"
        yield Finding(ok=True, text=text, help=f'"live-restore": true {_DAEMON} keeps them running')
    if not about.get("DefaultAddressPools"):
        text = "the engine has networks for about 30 suites at once"
        pools = '"default-address-pools": [{"base": "172.24.0.0/13", "size": 28}]'
        yield Finding(ok=True, text=text, help=f"{pools} {_DAEMON} gives it more")


def _door(host: str) -> Iterator[Finding]:
    """Whoever may talk to the engine is root on its machine."""
    address = urlsplit(host)
    if address.scheme in ("tcp", "http") and address.hostname not in LOOPBACK:
        text = f"whoever reaches {address.hostname} is root there: the engine listens on TCP, without TLS"
        yield Finding(ok=False, text=text, help="put the worker beside the engine and use its socket")
    if address.scheme != "unix":
        return
    try:
        mode = Path(address.path).stat().st_mode
    except OSError:
        return  # then the engine is out of reach, which is a finding of its own
    if mode & stat.S_IWOTH:
        text = f"everybody on this machine is root by {address.path}: its mode is {stat.S_IMODE(mode):o}"
        yield Finding(ok=False, text=text, help=f"chmod 660 {address.path}, and put the worker into its group")
