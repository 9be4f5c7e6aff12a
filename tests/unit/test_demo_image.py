"""The image that is made where no registry is at hand."""

import io
import tarfile
from pathlib import Path

import pytest

from bot.demo import image
from bot.domain.errors import Gone
from tests.images import BUSYBOX, DOCKER_HOST, busybox, engine


@pytest.mark.docker
def test_it_is_made_once() -> None:
    busybox()
    before = [one["Id"] for one in engine().images(BUSYBOX)]

    image.make_busybox(DOCKER_HOST, BUSYBOX)

    assert [one["Id"] for one in engine().images(BUSYBOX)] == before
    assert before


@pytest.mark.docker
def test_it_has_a_shell_a_user_and_a_place_for_everybody() -> None:
    with tarfile.open(fileobj=io.BytesIO(image.busybox_root())) as tar:
        members = {one.name: one for one in tar.getmembers()}
        users = tar.extractfile("etc/passwd")
        assert users is not None
        names = [line.split(b":")[2] for line in users.read().splitlines()]

    assert members["bin/sh"].linkname == "busybox"
    assert members["tmp"].mode == 0o1777
    assert names == [b"0", b"65532"]


@pytest.mark.parametrize("content", [None, b"#!/bin/sh\n", b"\x7fELF\x01\x01" + bytes(100)])
def test_without_a_static_busybox_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    program = tmp_path / "busybox"
    monkeypatch.setattr("shutil.which", lambda _: None if content is None else str(program))
    program.write_bytes(content or b"")

    with pytest.raises(Gone, match="busybox-static"):
        image.busybox_root()


def test_a_program_that_needs_its_libraries_is_not_static() -> None:
    assert not image._is_static(Path("/proc/self/exe").read_bytes())
