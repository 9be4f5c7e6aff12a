"""Plain repositories: any that git reaches at an address that the operator allows, without a forge around it.

Addresses are judged by what they say, so nothing is asked of a host that nobody has named (RELIABILITY S052, S086).
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.errors import BadInput
from bot.domain.hosts import LOOPBACK
from bot.domain.refs import ForgeName

PLAIN: Final = ForgeName("git")
"""Stands where a forge's name stands."""
_SEGMENT: Final = r"\.?[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"
_HOST: Final = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?"
_START: Final = (
    r"(?P<scheme>https?|ssh|git)://(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9._-]{0,31})@)?"
    rf"(?P<host>{_HOST})(?::(?P<port>[1-9][0-9]{{0,4}}))?"
)
ADDRESS: Final = rf"^{_START}(?P<path>(?:/{_SEGMENT}){{1,20}})$"
_PATTERN: Final = re.compile(
    rf"{_START}(?P<path>(?:/(?:\*\*|{_SEGMENT}|[A-Za-z0-9_.*-]{{1,100}})){{1,20}})", re.ASCII
)
_ADDRESS: Final = re.compile(ADDRESS, re.ASCII)
_PORTS: Final = {"https": "443", "http": "80", "ssh": "22", "git": "9418"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    scheme: str
    user: str
    host: str
    """In lower case, as it is written: never looked up here."""
    port: str
    path: str

    @property
    def url(self) -> str:
        user = f"{self.user}@" if self.user else ""
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{user}{self.host}{port}{self.path}"

    @property
    def name(self) -> str:
        """Host and path: what the repository is called here, whichever way leads to it."""
        port = "" if self.port in _PORTS.values() else f"-{self.port}"
        return f"{self.host}{port}{self.path.removesuffix('.git')}"

    @property
    def number(self) -> int:
        """Stands where a forge's number of it stands; always the same."""
        return int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:8], "big") >> 1


@dataclass(frozen=True, slots=True)
class Allowed:
    """Addresses that may be asked."""

    patterns: tuple[Address, ...] = ()
    """`*` in their paths is any part of a segment, `**` any segments; all else is meant as it is written."""

    def covers(self, address: Address) -> bool:
        return any(_fits(one, address) for one in self.patterns)


def address_of(text: str) -> Address:
    """Raises: BadInput: not an address that git may be given."""
    found = _ADDRESS.fullmatch(text)
    if found is None or any(part in ("..", ".git") for part in found["path"].split("/")):
        raise BadInput("not the address of a repository, like https://git.example.org/team/thing.git")
    return _checked(found)


def allowed_of(texts: Sequence[str]) -> Allowed:
    """Raises: BadInput: one is no pattern; which, is said."""
    patterns = []
    for text in texts:
        found = _PATTERN.fullmatch(text)
        if found is None or ".." in found["path"].split("/"):
            raise BadInput(f"{text[:100]!r} is no pattern like https://git.example.org/team/*; a host has no *")
        patterns.append(_checked(found))
    return Allowed(tuple(patterns))


def _checked(found: re.Match[str]) -> Address:
    scheme, host = found["scheme"], found["host"].lower()
    if scheme == "http" and host not in LOOPBACK:
        raise BadInput("http is for this machine alone; elsewhere it must be https, ssh or git")
    if found["user"] and scheme != "ssh":
        raise BadInput("a user stands in addresses of ssh only")
    port = found["port"] or _PORTS[scheme]
    return Address(scheme=scheme, user=found["user"] or "", host=host, port=port, path=found["path"])


def _fits(pattern: Address, address: Address) -> bool:
    same = (pattern.scheme, pattern.user, pattern.host, pattern.port)
    if same != (address.scheme, address.user, address.host, address.port):
        return False
    return re.fullmatch(_regex(pattern.path), address.path) is not None


def _regex(path: str) -> str:
    parts = re.split(r"(\*\*|\*)", path)
    return "".join({"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts)
