"""One request to an address that somebody configured: never into the own network, never led elsewhere.

RELIABILITY S086 to S088.
"""

import ipaddress
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx

from bot.adapters.channel_http.deadline import Deadline
from bot.domain.errors import Refused, Unavailable

_SECONDS: Final = 5.0
_TOTAL: Final = 15.0
"""Seconds for all of it; the ones above are for each read."""
_MOST: Final = 64 * 1024
_HTTPS: Final = 443
_UNPRIVILEGED: Final = 1024
_LATER: Final = frozenset({408, 425, 429})
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def target(url: str, *, local: bool) -> SplitResult:
    """The parts of an address that may be called. `local`: also in the own network, and without TLS.

    Raises: Refused.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused("the address of the channel is not valid") from error
    if not url.isascii() or not url.isprintable() or "\\" in url or not parts.hostname:
        raise Refused("the address of the channel is not valid")
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        raise Refused("the address of the channel must begin with https://")
    if parts.username is not None or parts.password is not None:
        raise Refused("the address of the channel must not hold a user or password")
    if port is not None and port != _HTTPS and port < _UNPRIVILEGED and not local:
        raise Refused(f"port {port} is not one for web servers")
    return parts


def pinned(host: str, port: int, *, local: bool) -> str:
    """The one address that is then connected to; every one that the name has must be allowed.

    Raises: Refused: one of them lies in a private network. Unavailable: the name can't be resolved now.
    """
    try:
        found = [entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise Unavailable(f"{host} can't be resolved") from error
    addresses = [ipaddress.ip_address(str(text).partition("%")[0]) for text in found]
    if not local and not all(_is_public(one) for one in addresses):
        raise Refused(f"{host} lies in a private network; ASSAY_CHANNELS_LOCAL=true allows that")
    return str(addresses[0])


def _is_public(address: Address) -> bool:
    """Also what is wrapped in it, however many layers deep a translator would unwrap it."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast


def look(url: str, *, local: bool) -> None:
    """Would a call go out, as far as can be known now? Raises: as `target` and `pinned`."""
    parts = target(url, local=local)
    assert parts.hostname
    pinned(parts.hostname, parts.port or _HTTPS, local=local)


def call(method: str, url: str, headers: Mapping[str, str], body: bytes, *, local: bool) -> None:
    """Raises: Refused: it will never be taken. Unavailable: not now. Neither tells what the other side answered."""
    parts = target(url, local=local)
    assert parts.hostname
    port = parts.port or (_HTTPS if parts.scheme == "https" else 80)
    address = pinned(parts.hostname, port, local=local)
    there = httpx.URL(url).copy_with(host=address, port=port)
    host = parts.netloc
    deadline = Deadline(_TOTAL)
    timeout = httpx.Timeout(_SECONDS).as_dict()
    request = httpx.Request(
        method,
        there,
        headers={**headers, "Host": host, "User-Agent": "assay-bot", "Accept-Encoding": "identity"},
        content=body,
        extensions={"sni_hostname": parts.hostname, "timeout": timeout, "trace": deadline.trace},
    )
    try:
        with deadline, httpx.Client(trust_env=False, follow_redirects=False) as client:
            status = _status(client, request)
    except httpx.HTTPError as error:
        raise Unavailable(f"{parts.hostname} did not answer: {type(error).__name__}") from error
    if 200 <= status < 300:  # noqa: PLR2004  # success
        return
    if 300 <= status < 500 and status not in _LATER:  # noqa: PLR2004  # redirects and the caller's faults
        raise Refused(f"{parts.hostname} answered {status}")
    raise Unavailable(f"{parts.hostname} answered {status}")


def _status(client: httpx.Client, request: httpx.Request) -> int:
    """Of the answer, of which no more is read than a well-meaning server sends."""
    size = 0
    answer = client.send(request, stream=True)
    try:
        with suppress(httpx.HTTPError):  # its head has told how it went
            for piece in answer.iter_raw():
                size += len(piece)
                if size > _MOST:
                    break
    finally:
        answer.close()
    return answer.status_code
