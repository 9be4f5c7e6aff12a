"""A Debian with Python and git as an image, made once by debootstrap and kept by the engine."""

import functools
import platform
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from docker.errors import ImageNotFound

from tests.images import engine

DEBIAN: Final = "assay-test/debian:2"
_PACKAGES: Final = ("ca-certificates", "git", "iptables", "python3", "python3-venv")


@functools.cache
def debian() -> str:
    """The image's name; it is there afterwards. Making it takes about a minute."""
    try:
        engine().inspect_image(DEBIAN)  # type: ignore[no-untyped-call]  # the stubs have no types for it
    except ImageNotFound:
        with tempfile.TemporaryDirectory() as folder:
            _bootstrap(Path(folder))
    return DEBIAN


def _bootstrap(folder: Path) -> None:
    root, archive = folder / "root", folder / "root.tar"
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    program = shutil.which("debootstrap", path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert program, "debootstrap is missing"
    command = [program, "--variant=minbase", f"--include={','.join(_PACKAGES)}", release, str(root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=600)  # noqa: S603  # made of fixed words
    shutil.rmtree(root / "var/cache/apt/archives")
    with tarfile.open(archive, "w") as tar:
        tar.add(root, arcname=".")
    repository, _, tag = DEBIAN.rpartition(":")
    with archive.open("rb") as data:
        engine().import_image_from_data(data, repository=repository, tag=tag)
