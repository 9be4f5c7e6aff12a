"""Rules that keep runs with internet from the host and from private networks (RELIABILITY §7.4).

The bridges that they are for have names of their own, one beginning for each set of allowed addresses. Two chains for
each set hold the rules and are filled anew each time; the jumps to them are added where they are missing, and never
removed: without such a bridge they match nothing.
"""

import hashlib
import ipaddress
import json
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from bot.domain.errors import SandboxUnavailable

_CLOSED: Final = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "192.0.0.0/24",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "168.63.129.16/32",
)
"""Private and special networks (RFC 6890), in which clouds have their metadata; the last one is Azure's."""
_RESOLVERS: Final = (
    Path("/etc/resolv.conf"),
    Path("/run/systemd/resolve/resolv.conf"),
    Path("/etc/docker/daemon.json"),
)
_PROGRAMS: Final = ("iptables", "iptables-restore")
_ADMINISTRATORS: Final = "/usr/sbin:/sbin"
_NET_ADMIN: Final = 1 << 12
_STATUS: Final = Path("/proc/self/status")
_IPV6: Final = Path("/proc/net/if_inet6")


class Firewall:
    def __init__(
        self, allowed: Iterable[str] = (), *, prefix: Sequence[str] = (), resolvers: Iterable[Path] = _RESOLVERS
    ) -> None:
        """`allowed`: what is reached all the same; `resolvers`: where the engine takes name servers from.

        `prefix`: a command that runs iptables elsewhere.
        """
        self._allowed, self._prefix, self._resolvers = sorted(set(allowed)), tuple(prefix), tuple(resolvers)
        self._mark = hashlib.blake2b(",".join(self._allowed).encode()).hexdigest()[:3]
        self._lock = threading.Lock()

    @property
    def bridges(self) -> str:
        """How the names of the bridges begin that the rules are for."""
        return f"asg{self._mark}-"

    def trouble(self) -> str:
        """Why this process can't set rules, as far as that is seen without trying."""
        if not _may_administer():
            return "it needs a worker that is root or has the capability CAP_NET_ADMIN"
        if missing := [name for name in _PROGRAMS if _program(name) is None]:
            return f"it needs {missing[0]}"
        return ""

    def ensure(self) -> None:
        """Have all rules in force.

        Raises:
            SandboxUnavailable: they can't be set.
        """
        if words := self.trouble():
            raise SandboxUnavailable(f"the firewall for runs can't be set: {words}")
        names = name_servers(self._resolvers)
        with self._lock:
            self._fill("iptables", rules(self._mark, self._allowed, names))
            if _IPV6.exists():
                self._fill("ip6tables", closed(self._mark))

    def _fill(self, program: str, text: str) -> None:
        self._checked(f"{program}-restore", "--wait", "--noflush", text=text)
        has_engine = self._tried(program, "--wait", "-n", "-L", "DOCKER-USER").returncode == 0
        for chain, target in (("DOCKER-USER" if has_engine else "FORWARD", "ASSAY"), ("INPUT", "ASSAY-HOST")):
            rule = ("-i", f"{self.bridges}+", "-j", f"{target}-{self._mark}")
            if self._tried(program, "--wait", "-C", chain, *rule).returncode != 0:
                self._checked(program, "--wait", "-I", chain, "1", *rule)

    def _checked(self, *words: str, text: str = "") -> None:
        done = self._tried(*words, text=text)
        if done.returncode != 0:
            raise SandboxUnavailable(f"the firewall for runs can't be set: {done.stderr.strip()}")

    def _tried(self, program: str, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        command = [*self._prefix, _program(program) or program, *words]
        try:
            return subprocess.run(command, input=text, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - no shell, our own words
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SandboxUnavailable(f"the firewall for runs can't be set: {error}") from error


def rules(mark: str, allowed: Iterable[str], name_servers: Iterable[str]) -> str:
    """Both chains for iptables-restore.

    Names must stay answered, so name servers in a private network are let through for that alone. Between two bridges
    of runs the engine itself lets nothing pass, and within one there are only the run's own containers.
    """
    onward, host = _chains(mark)
    passing = [f"-d {address} -j RETURN" for address in allowed]
    passing += [
        f"-d {server} -p {protocol} --dport 53 -j RETURN" for server in name_servers for protocol in ("udp", "tcp")
    ]
    return _table(
        mark,
        f"-A {onward} -o asg{mark}-+ -j RETURN",
        *(f"-A {chain} {rule}" for chain in (onward, host) for rule in passing),
        *(f"-A {onward} -d {network} -j REJECT" for network in _CLOSED),
        f"-A {host} -j REJECT",
    )


def closed(mark: str) -> str:
    """Both chains for ip6tables-restore: runs have no IPv6, whatever the engine's settings make of it."""
    return _table(mark, *(f"-A {chain} -j REJECT" for chain in _chains(mark)))


def _table(mark: str, *lines: str) -> str:
    return "\n".join(("*filter", *(f":{chain} - [0:0]" for chain in _chains(mark)), *lines, "COMMIT\n"))


def _chains(mark: str) -> tuple[str, str]:
    """For what is sent onward, and for what is sent to the host."""
    return f"ASSAY-{mark}", f"ASSAY-HOST-{mark}"


def _may_administer() -> bool:
    """The effective capabilities of this process (capabilities(7))."""
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines() if _STATUS.exists() else ():
        name, _, value = line.partition(":")
        if name == "CapEff":
            return bool(int(value, 16) & _NET_ADMIN)
    return False


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=_ADMINISTRATORS)


def name_servers(files: Iterable[Path]) -> list[str]:
    """Those in IPv4 that are not the host's own loopback: runs have no IPv6."""
    texts = ((file, file.read_text(encoding="utf-8", errors="replace")) for file in files if file.is_file())
    found = (server for file, text in texts for server in (_of_engine if file.suffix == ".json" else _of_host)(text))
    return list(dict.fromkeys(server for server in found if _is_routed(server)))


def _of_host(text: str) -> Iterator[str]:
    for words in (line.split() for line in text.splitlines()):
        if words[:1] == ["nameserver"]:
            yield words[-1]


def _of_engine(text: str) -> Iterator[str]:
    try:
        settings: Any = json.loads(text)
    except ValueError:
        return
    servers = settings.get("dns") if isinstance(settings, dict) else None
    yield from map(str, servers if isinstance(servers, list) else ())


def _is_routed(text: str) -> bool:
    try:
        return not ipaddress.IPv4Address(text).is_loopback
    except ValueError:
        return False
