"""A small image made from the machine's own static busybox, where no registry is at hand."""

import io
import shutil
import struct
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import docker
from docker.errors import ImageNotFound

from bot.domain.errors import Gone

USER: Final = 65532
_PASSWD: Final = f"root:x:0:0:root:/root:/bin/sh\njob:x:{USER}:{USER}:job:/tmp:/bin/sh\n"
_GROUP: Final = f"root:x:0:\njob:x:{USER}:\n"
_FOLDERS: Final = {
    "bin": 0o755,
    "dev": 0o755,
    "etc": 0o755,
    "proc": 0o755,
    "root": 0o700,
    "sys": 0o755,
    "tmp": 0o1777,
}
_PT_INTERP: Final = 3


def make_busybox(docker_host: str, name: str) -> None:
    """Give the engine that image, unless it has one of the name.

    Raises:
        Gone: this machine has no static busybox.
    """
    client = docker.APIClient(base_url=docker_host, version="auto", timeout=30)
    try:
        client.inspect_image(name)  # type: ignore[no-untyped-call]  # the stubs have no types for it
    except ImageNotFound:
        repository, _, tag = name.rpartition(":")
        client.import_image_from_data(busybox_root(), repository=repository, tag=tag, changes=["CMD /bin/sh"])
    finally:
        client.close()


def busybox_root() -> bytes:
    """The image's file system as a tar archive.

    Raises:
        Gone: this machine has no static busybox.
    """
    program = _busybox()
    applets = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()  # noqa: S603  # a program of this machine
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for folder, mode in _FOLDERS.items():
            tar.addfile(_entry(folder, tarfile.DIRTYPE, mode))
        for path, mode, content in _files(program):
            tar.addfile(_entry(path, tarfile.REGTYPE, mode, size=len(content)), io.BytesIO(content))
        for applet in applets:
            if applet != "busybox":
                tar.addfile(_entry(f"bin/{applet}", tarfile.SYMTYPE, 0o777, link="busybox"))
    return archive.getvalue()


def _files(program: Path) -> Iterator[tuple[str, int, bytes]]:
    yield "bin/busybox", 0o755, program.read_bytes()
    yield "etc/passwd", 0o644, _PASSWD.encode()
    yield "etc/group", 0o644, _GROUP.encode()


def _entry(name: str, kind: bytes, mode: int, *, size: int = 0, link: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.size, entry.linkname = kind, mode, size, link
    return entry


def _busybox() -> Path:
    found = shutil.which("busybox")
    if found is None or not _is_static(Path(found).read_bytes()):
        raise Gone("this machine has no static busybox: install the package busybox-static")
    return Path(found)


def _is_static(program: bytes) -> bool:
    """An ELF file whose headers name no interpreter; 64-bit little-endian ones are all we know."""
    if program[:6] != b"\x7fELF\x02\x01":
        return False
    start, size, count = *struct.unpack_from("<Q", program, 32), *struct.unpack_from("<HH", program, 54)
    kinds = [struct.unpack_from("<I", program, start + size * number)[0] for number in range(count)]
    return _PT_INTERP not in kinds
