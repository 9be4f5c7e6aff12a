"""What may be handed to git at all: ids, refs, addresses and headers are judged before git sees them."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from bot.domain.errors import BadInput, SourceRefused
from bot.domain.refs import Sha, sha_of
from bot.ports.forge import Access

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_LONGEST: Final = 4096
"""Bytes of a ref or address; longer ones can't be paths on any forge."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_NOT_IN_ADDRESSES: Final = re.compile(r"[^\x21-\x7e]|[\\?#]")
_NOT_IN_REFS: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]|\.\.|@\{|//|/\.|\.lock(?:/|\Z)|[./]\Z")
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9-]+")


def check_sha(sha: str) -> Sha:
    """Raises: SourceRefused."""
    try:
        return sha_of(sha)
    except BadInput as error:
        raise SourceRefused(f"refused to check out {sha!r:.80}: {error}") from error


def check_refs(refs: Sequence[str]) -> tuple[str, ...]:
    """Full names by the rules of `git check-ref-format`, so that none can be an option or a pattern (S051).

    Raises:
        SourceRefused: one is not such a name.
    """
    for ref in refs:
        if not _is_full_ref(ref):
            raise SourceRefused(f"refused to fetch {ref!r:.80}: not a full ref name")
    return tuple(refs)


def _is_full_ref(ref: str) -> bool:
    return (
        ref.startswith("refs/")
        and ref.count("/") > 1
        and not _NOT_IN_REFS.search(ref)
        and len(ref.encode()) <= _LONGEST
    )


def check_access(access: Access, http_hosts: frozenset[str]) -> None:
    """An address of one of its protocols, or http to one of `http_hosts` (S052); headers that are one line each.

    Without userinfo, but for ssh's user.

    Raises:
        SourceRefused: anything else. The text shows no more of the address than its scheme and host.
    """
    if reason := _fault(access.url, http_hosts, access.protocols):
        raise SourceRefused(f"refused the clone address: {reason}")
    for name, value in access.headers.items():
        if not _HEADER_NAME.fullmatch(name) or _CONTROL.search(value):
            raise SourceRefused("refused the credential: not a header")


def _fault(url: str, http_hosts: frozenset[str], protocols: frozenset[str]) -> str:
    if _NOT_IN_ADDRESSES.search(url) or len(url) > _LONGEST:
        return "it holds characters that no address has"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "it is not an address"
    if parts.scheme not in protocols and not (parts.scheme == "http" and host in http_hosts):
        return f"{parts.scheme[:20] or 'no scheme'} is not allowed, only {', '.join(sorted(protocols))}"
    if "@" in parts.netloc and (parts.scheme != "ssh" or parts.password is not None):
        return "it holds a user name or password"
    if not host or host.startswith("-") or parts.netloc.startswith("-"):
        return "it names no host"
    return ""
