"""A proxy before the engine's socket that tests can cut: what a client sees when the engine goes away."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path


class UnixProxy:
    def __init__(self, path: Path, behind: str) -> None:
        self._path, self._behind = path, behind
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.host = f"unix://{path}"

    def up(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Nothing listens any more and every connection ends."""
        self._path.unlink(missing_ok=True)
        for one in (self._listener, *self._open):
            if one is not None:
                _end(one)
        self._listener, self._open = None, []

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._behind)
                self._open += [client, server]
                threading.Thread(target=_pump, args=(client, server), daemon=True).start()
                threading.Thread(target=_pump, args=(server, client), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    _end(target)
    _end(source)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextlib.contextmanager
def unix_proxy(folder: Path, behind: str) -> Iterator[UnixProxy]:
    proxy = UnixProxy(folder / "engine.sock", behind)
    proxy.up()
    yield proxy
    proxy.cut()
