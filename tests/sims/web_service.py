"""Somebody's web server on loopback: remembers what it was asked and answers as it is told."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class WebService:
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    bodies: dict[str, bytes] = field(default_factory=dict)
    """By path, instead of `body`."""
    times: int = 1
    """How often the body is sent."""


@contextmanager
def web_service() -> Iterator[WebService]:
    service = WebService()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            service.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            self.send_response(service.status)
            for name, value in service.headers.items():
                self.send_header(name, value)
            said = service.bodies.get(self.path, service.body)
            self.send_header("Content-Length", str(len(said) * service.times))
            self.end_headers()
            with suppress(OSError):  # who asked has heard enough
                for _ in range(service.times):
                    self.wfile.write(said)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815  # the names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
