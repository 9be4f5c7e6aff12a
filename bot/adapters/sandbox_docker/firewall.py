"""Rules that keep runs with internet from the host and from private networks (RELIABILITY §7.4).

All runs' bridges begin with `asy-`. Two chains of our own hold the rules and are filled anew each time; the jumps to
them are added where they are missing, and never removed: without such a bridge they match nothing.
"""

import ipaddress
import os
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from bot.domain.errors import SandboxUnavailable

BRIDGES: Final = "asy-"
_BRIDGES: Final = f"{BRIDGES}+"
_ONWARD: Final = "ASSAY"
_HOST: Final = "ASSAY-HOST"
_CLOSED: Final = ("169.254.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
_RESOLVERS: Final = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


class Firewall:
    def __init__(self, prefix: Sequence[str] = (), resolvers: Iterable[Path] = _RESOLVERS) -> None:
        """`prefix`: a command that runs iptables elsewhere. `resolvers`: where the engine takes name servers from."""
        self._prefix, self._resolvers = tuple(prefix), tuple(resolvers)
        self._lock = threading.Lock()

    def trouble(self) -> str | None:
        """Why no rules can be set, or None."""
        if os.geteuid() != 0:
            return "the firewall for runs needs a worker that is root"
        if shutil.which("iptables") is None or shutil.which("iptables-restore") is None:
            return "the firewall for runs needs iptables"
        return None

    def ensure(self) -> None:
        """Have all rules in force.

        Raises:
            SandboxUnavailable: they can't be set.
        """
        if words := self.trouble():
            raise SandboxUnavailable(words)
        with self._lock:
            self._checked("iptables-restore", "--wait", "--noflush", text=rules(_name_servers(self._resolvers)))
            has_engine = self._tried("iptables", "--wait", "-n", "-L", "DOCKER-USER").returncode == 0
            self._jump("DOCKER-USER" if has_engine else "FORWARD", _ONWARD)
            self._jump("INPUT", _HOST)

    def _jump(self, chain: str, target: str) -> None:
        rule = ("-i", _BRIDGES, "-j", target)
        if self._tried("iptables", "--wait", "-C", chain, *rule).returncode != 0:
            self._checked("iptables", "--wait", "-I", chain, "1", *rule)

    def _checked(self, *words: str, text: str = "") -> None:
        done = self._tried(*words, text=text)
        if done.returncode != 0:
            raise SandboxUnavailable(f"the firewall for runs can't be set: {done.stderr.strip()}")

    def _tried(self, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        command = [*self._prefix, *words]
        try:
            return subprocess.run(command, input=text, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - no shell, our own words
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SandboxUnavailable(f"the firewall for runs can't be set: {error}") from error


def rules(name_servers: Iterable[str]) -> str:
    """Both chains for iptables-restore.

    Names must stay answered, so name servers in a private network are let through for that alone. Between two bridges
    of runs the engine itself lets nothing pass, and within one there are only the run's own containers.
    """
    names = [
        f"-d {server} -p {protocol} --dport 53 -j RETURN" for server in name_servers for protocol in ("udp", "tcp")
    ]
    return "\n".join(
        (
            "*filter",
            f":{_ONWARD} - [0:0]",
            f":{_HOST} - [0:0]",
            f"-A {_ONWARD} -o {_BRIDGES} -j RETURN",
            *(f"-A {chain} {rule}" for chain in (_ONWARD, _HOST) for rule in names),
            *(f"-A {_ONWARD} -d {closed} -j REJECT" for closed in _CLOSED),
            f"-A {_HOST} -j REJECT",
            "COMMIT\n",
        )
    )


def _name_servers(files: Iterable[Path]) -> Iterator[str]:
    """Those in IPv4 that are not the host's own loopback: runs have no IPv6."""
    for file in files:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else ()
        for words in (line.split() for line in lines):
            if words[:1] == ["nameserver"] and _is_routed(words[-1]):
                yield words[-1]


def _is_routed(text: str) -> bool:
    try:
        return not ipaddress.IPv4Address(text).is_loopback
    except ValueError:
        return False
