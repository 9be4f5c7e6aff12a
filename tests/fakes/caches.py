"""Caches in memory, which can be made to fail."""

import io
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from bot.domain.errors import BadInput, Gone, StoreBusy
from bot.ports.caches import CacheKept, CacheName


class FakeCaches:
    """`broken` makes every method fail. The order of `archives` is that of their use."""

    def __init__(self) -> None:
        self.archives: dict[CacheName, bytes] = {}
        self.unfinished: list[float] = []
        """Times of puts that were interrupted."""
        self.broken = ""

    def open(self, name: CacheName) -> BinaryIO:
        self._check()
        if name not in self.archives:
            raise Gone("there is no such cache")
        self.archives[name] = self.archives.pop(name)
        return io.BytesIO(self.archives[name])

    def put(self, name: CacheName, pieces: Iterable[bytes], limit: int) -> bool:
        self._check()
        data = b""
        for piece in pieces:
            data += piece
            if len(data) > limit:
                raise BadInput(f"more than {limit} bytes")
        return self.archives.setdefault(name, data) is data

    def remove(self, name: CacheName) -> None:
        self._check()
        self.archives.pop(name, None)

    def kept(self) -> Sequence[CacheKept]:
        self._check()
        return [CacheKept(name, len(data)) for name, data in self.archives.items()]

    def delete_unfinished(self, before: float) -> int:
        self._check()
        old = [time for time in self.unfinished if time < before]
        self.unfinished = [time for time in self.unfinished if time >= before]
        return len(old)

    def _check(self) -> None:
        if self.broken:
            raise StoreBusy(self.broken)
