"""Whether a server of ours answers at an address, as seen from this machine."""

import socket
from typing import Final
from urllib.parse import urlsplit

import httpx

_TIMEOUT: Final = 5.0
_ANSWER: Final = b"ok\n"


def hindrance(url: str) -> str:
    """Why `/healthz` there does not answer; nothing when it does. `url` is the operator's own."""
    address = urlsplit(url)
    port = address.port or {"https": 443}.get(address.scheme, 80)
    try:
        socket.getaddrinfo(address.hostname, port)
    except OSError as error:
        return f"{address.hostname} has no address: {error.strerror}"
    try:
        with httpx.stream("GET", f"{url}/healthz", timeout=_TIMEOUT, follow_redirects=False) as answer:
            body = next(answer.iter_bytes(len(_ANSWER)), b"")
    except httpx.TimeoutException:
        return f"nothing answers within {_TIMEOUT:.0f} s"
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__
    if answer.status_code != httpx.codes.OK or body != _ANSWER:
        return f"something else answers, with {answer.status_code}"
    return ""
