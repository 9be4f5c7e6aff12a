"""What collects traces, as far as tests look: OTLP over HTTP with protobuf."""

import gzip
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from bot.demo.forge.hooks import wait_until

_PATIENCE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A span."""

    name: str
    trace: str
    id: str
    parent: str
    facts: Mapping[str, str]
    process: str
    """Which one sent it."""
    error: str


class Collector:
    """`status` is what it answers."""

    def __init__(self) -> None:
        self.spans: list[Seen] = []
        self.status = 200
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/traces" and collector.status == 200:
                    collector.spans += _read(body)
                self.send_response(collector.status)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def named(self, name: str) -> list[Seen]:
        return [one for one in self.spans if one.name == name]

    def parents(self, span: Seen) -> list[str]:
        """Names of those above it, the nearest first."""
        known = {one.id: one for one in self.spans}
        found = []
        while span.parent:
            span = known[span.parent]
            found.append(span.name)
        return found

    def wait_named(self, **counts: int) -> None:
        """For at least so many spans of each name."""
        wait_until(
            lambda: all(len(self.named(name)) >= count for name, count in counts.items()),
            _PATIENCE,
            "not all spans were collected",
        )


@contextmanager
def collector() -> Iterator[Collector]:
    one = Collector()
    try:
        yield one
    finally:
        one.close()


def _read(body: bytes) -> list[Seen]:
    return [
        Seen(
            name=span.name,
            trace=span.trace_id.hex(),
            id=span.span_id.hex(),
            parent=span.parent_span_id.hex(),
            facts=_facts(span.attributes),
            process=_facts(part.resource.attributes)["service.instance.id"],
            error=span.status.message,
        )
        for part in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in part.scope_spans
        for span in scope.spans
    ]


def _facts(pairs: Iterable[KeyValue]) -> dict[str, str]:
    return {pair.key: str(getattr(pair.value, pair.value.WhichOneof("value") or "string_value")) for pair in pairs}
