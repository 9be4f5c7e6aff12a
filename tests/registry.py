"""An image registry for the engine beside us: it has one small image, or trouble."""

import gzip
import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

_NO: Final = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
_DOCKER: Final = "application/vnd.docker"
_MANIFEST: Final = f"{_DOCKER}.distribution.manifest.v2+json"


class Registry(ThreadingHTTPServer):
    """Listens on the loopback, where the engine accepts plain HTTP."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, status: int = 404) -> None:
        """`status` answers what it does not have; 0: it does not answer before it is closed."""
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status = status
        self.asked: list[str] = []
        self.has: dict[str, tuple[str, bytes]] = {"/v2/": ("application/json", b"{}")}
        """Path: content type and body."""
        self.closed = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def image(self, name: str) -> str:
        return f"127.0.0.1:{self.server_port}/{name}"

    def offer(self, name: str, tag: str, *, content: bytes, broken: bool = False) -> str:
        """An image of one file; a broken one's layer is not what its manifest says. Its whole name."""
        layer = _layer(content)
        settings = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": _root(layer)}
        config, packed = json.dumps(settings).encode(), gzip.compress(layer, mtime=0)
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _part(f"{_DOCKER}.container.image.v1+json", config),
            "layers": [_part(f"{_DOCKER}.image.rootfs.diff.tar.gzip", packed)],
        }
        text = json.dumps(manifest).encode()
        self.has |= {f"/v2/{name}/manifests/{one}": (_MANIFEST, text) for one in (tag, _digest(text))}
        self.has[f"/v2/{name}/blobs/{_digest(config)}"] = ("application/octet-stream", config)
        served = packed if not broken else packed[::-1]
        self.has[f"/v2/{name}/blobs/{_digest(packed)}"] = ("application/octet-stream", served)
        return self.image(f"{name}:{tag}")

    def close(self) -> None:
        self.closed.set()
        self.shutdown()
        self.server_close()


class _Answer(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if not self.server.status:
            self.server.closed.wait(30)
        kind, body = self.server.has.get(self.path, ("application/json", _NO))
        self.send_response(200 if self.path in self.server.has else self.server.status or 503)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", kind)
        self.send_header("Docker-Content-Digest", _digest(body))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the base class looks for this name

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


def _layer(content: bytes) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("file")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def _root(layer: bytes) -> dict[str, Any]:
    return {"type": "layers", "diff_ids": [_digest(layer)]}


def _part(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "size": len(content), "digest": _digest(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
