"""How bytes come from GitLab: no redirect is followed, no answer is endless, no server is waited for long."""

import io
from collections.abc import Callable
from typing import Any, Final

import requests
from requests.adapters import BaseAdapter

MAX_ANSWER: Final = 32 * 2**20
"""Bytes; the largest honest answers (100 changed files with their diffs) stay far below."""
TIMEOUT: Final = (5.0, 10.0)
"""Seconds to connect, and between two pieces of an answer."""
_TOTAL_SECONDS: Final = 30.0
_PIECE: Final = 65536


class CarefulSession(requests.Session):
    """For one thread. What it got last stands in its fields: python-gitlab's errors do not have it."""

    def __init__(self, monotonic: Callable[[], float], adapter: BaseAdapter | None = None) -> None:
        super().__init__()
        self.limit = MAX_ANSWER
        """Bytes of the next answer's body that are read."""
        self.last = requests.Response()
        self.was_cut = False
        self._monotonic = monotonic
        if adapter is not None:
            self.mount("https://", adapter)
            self.mount("http://", adapter)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        kwargs |= {"stream": True, "allow_redirects": False, "timeout": TIMEOUT}
        response = super().send(request, **kwargs)
        try:
            body = self._read(response)
        finally:
            response.close()
        self.was_cut = len(body) > self.limit
        response.raw = io.BytesIO(body[: self.limit])
        self.last = response
        return response

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None is followed: the token would go along (RELIABILITY §1.9)."""
        del resp
        return None

    def _read(self, response: requests.Response) -> bytes:
        """Piece by piece as it arrives: asked for a fixed amount, urllib3 would wait for ever for a slow sender."""
        end = self._monotonic() + _TOTAL_SECONDS
        body = bytearray()
        while piece := response.raw.read1(_PIECE, decode_content=True):
            body += piece
            if len(body) > self.limit:
                break
            if self._monotonic() > end:
                raise requests.ReadTimeout("the whole answer takes too long")
        return bytes(body)
