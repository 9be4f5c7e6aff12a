"""Sending prepared HTTP requests over many connections with as little work as possible."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import uvloop


@dataclass(slots=True)
class Answered:
    seconds: list[float] = field(default_factory=list)
    """Of each request until its answer."""
    took: float = 0.0
    cpu: float = 0.0
    """Seconds that the server worked meanwhile."""

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.took

    @property
    def rate_per_core(self) -> float:
        return len(self.seconds) / self.cpu


def send(port: int, requests: Sequence[bytes], *, connections: int, expected: int) -> Answered:
    """Every connection sends its next request when the one before is answered.

    Raises:
        RuntimeError: an answer with another status.
    """
    return uvloop.run(_send(port, requests, connections, expected))


async def _send(port: int, requests: Sequence[bytes], connections: int, expected: int) -> Answered:
    answered = Answered()
    waiting = list(requests)
    began = time.monotonic()
    await asyncio.gather(*(_connection(port, waiting, expected, answered) for _ in range(connections)))
    answered.took = time.monotonic() - began
    return answered


async def _connection(port: int, waiting: list[bytes], expected: int, answered: Answered) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while waiting:
        request = waiting.pop()
        began = time.monotonic()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        answered.seconds.append(time.monotonic() - began)
        if not head.startswith(b"HTTP/1.1 %d" % expected):
            raise RuntimeError(f"{head[:40]!r}: {body[:200]!r}")
    writer.close()
    await writer.wait_closed()
