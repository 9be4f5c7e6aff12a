"""Images that tests run in, made once from the machine's busybox; where its engine is."""

import contextlib
import functools
import io
import os
import socket
import tarfile
from collections.abc import Mapping, Sequence
from typing import Final

import docker
from docker.errors import NotFound

from bot.demo.image import busybox_root, make_busybox

DOCKER_HOST: Final = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
BUSYBOX: Final = "assay-test/busybox:1"


@functools.cache
def busybox() -> str:
    """The small image's name; it is there afterwards."""
    make_busybox(DOCKER_HOST, BUSYBOX)
    return BUSYBOX


def answers(host: str) -> bool:
    """Does an engine? Asked by hand: the library leaves its socket open where nobody answers."""
    with socket.socket(socket.AF_UNIX) as connection, contextlib.suppress(OSError):
        connection.settimeout(5)
        connection.connect(host.removeprefix("unix://"))
        connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return b" 200 " in connection.recv(64)
    return False


@functools.cache
def engine() -> docker.APIClient:
    return docker.APIClient(base_url=DOCKER_HOST, version="auto", timeout=30)


def busybox_with(name: str, changes: Sequence[str], files: Mapping[str, tuple[int, bytes]]) -> str:
    """The small image with settings of a Dockerfile and more or other files (path: mode and content; root's)."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        with tarfile.open(fileobj=io.BytesIO(busybox_root())) as base:
            for member in base:
                if member.name not in files:
                    tar.addfile(member, base.extractfile(member) if member.isreg() else None)
        for path, (mode, content) in files.items():
            tar.addfile(_file(path, mode, len(content)), io.BytesIO(content))
    return _imported(name, archive.getvalue(), changes)


def empty_image(name: str) -> str:
    """An image in which there is only a text file."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(_file("readme", 0o644, 2), io.BytesIO(b"hi"))
    return _imported(name, archive.getvalue(), ["CMD /readme"])


def _file(path: str, mode: int, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.mode, entry.size = mode, size
    return entry


def _imported(name: str, archive: bytes, changes: Sequence[str]) -> str:
    with contextlib.suppress(NotFound):
        engine().remove_image(name, force=True)
    repository, _, tag = name.rpartition(":")
    engine().import_image_from_data(archive, repository=repository, tag=tag, changes=list(changes))
    return name
