"""Artifacts in memory, which can be made to fail."""

import hashlib
from collections.abc import Callable

from bot.domain.errors import BadInput, Gone, StoreBusy
from bot.ports.artifacts import Sha256, Stored, Stream


class FakeArtifacts:
    """`now` is the time that puts happen at; `full` makes every put fail."""

    def __init__(self) -> None:
        self.contents: dict[Sha256, bytes] = {}
        self.times: dict[Sha256, float] = {}
        self.now = 1000.0
        self.full = False

    def put(self, stream: Stream, limit: int) -> Stored:
        if self.full:
            raise StoreBusy("artifacts: no space left")
        data = b""
        while piece := stream.read(limit - len(data) + 1):
            data += piece
            if len(data) > limit:
                raise BadInput(f"more than {limit} bytes")
        name = Sha256(hashlib.sha256(data).hexdigest())
        self.contents[name], self.times[name] = data, self.now
        return Stored(name, len(data))

    def read(self, sha256: Sha256, start: int, length: int) -> bytes:
        if sha256 not in self.contents:
            raise Gone("the content of the artifact is missing")
        return self.contents[sha256][start : start + length]

    def remove(self, sha256: Sha256, before: float) -> bool:
        if self.times.get(sha256, before) >= before:
            return False
        del self.contents[sha256], self.times[sha256]
        return True

    def delete_before(self, before: float, is_kept: Callable[[Sha256], bool]) -> int:
        return sum(self.remove(name, before) for name in list(self.contents) if not is_kept(name))
