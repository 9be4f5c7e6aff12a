"""Caches out of a workspace that a real job has left and into that of another."""

import io
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bot.adapters.sandbox_docker import DockerSandbox
from bot.app import globs
from bot.domain.errors import SandboxUnavailable
from bot.domain.runs import RunId
from bot.ports.sandbox import FileLimits, Job
from tests.sandboxes import Ran, docker_sandbox, job, never, run

pytestmark = pytest.mark.docker

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to somebody else")
LIMITS = FileLimits(count=1000, size=1 << 20)
CACHED = partial(globs.matches, ("kept/",))
FILL = """
mkdir -p kept/bin; echo library > kept/lib
printf '#!/bin/sh\\necho tool\\n' > kept/bin/tool; chmod 700 kept/bin/tool; ln -s tool kept/bin/link
mkfifo kept/pipe; ln -s /etc kept/etc; chmod 555 kept/bin; echo other > other
"""


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[DockerSandbox]:
    with docker_sandbox(tmp_path) as one:
        yield one


def archive_of(sandbox: DockerSandbox, script: str, **more: object) -> bytes:
    filling = job(script, **more)
    assert run(sandbox, filling).exit.code == 0
    return b"".join(sandbox.pack(filling.run, filling.attempt, CACHED, LIMITS))


def run_with(sandbox: DockerSandbox, wanted: Job, archive: bytes) -> Ran:
    sandbox.prepare(wanted.image, never)
    sandbox.workspace(wanted)
    sandbox.set_up(wanted)
    assert sandbox.unpack(wanted.run, 1, io.BytesIO(archive), CACHED, LIMITS, lambda: False)
    pieces: list[bytes] = []
    end = sandbox.run(wanted, write=pieces.append, should_stop=never, on_start=lambda: None)
    return Ran(end, b"".join(pieces), 1)


@pytest.mark.parametrize("user", [None, pytest.param((12345, 23456), marks=AS_ROOT)])
def test_the_next_job_finds_it_and_may_do_all_with_it(sandbox: DockerSandbox, user: tuple[int, int] | None) -> None:
    archive = archive_of(sandbox, FILL, user=user)
    script = "find kept | sort; cat kept/lib; kept/bin/link; echo more >> kept/lib; rm -r kept/bin; ls"
    ran = run_with(sandbox, job(script, user=user), archive)
    assert ran.exit.code == 0
    assert ran.lines == [
        *("kept", "kept/bin", "kept/bin/link", "kept/bin/tool", "kept/etc", "kept/lib"),
        *("library", "tool", "kept"),
    ]


@AS_ROOT
def test_a_cache_of_one_user_is_for_every_other(sandbox: DockerSandbox) -> None:
    archive = archive_of(sandbox, "umask 077; mkdir kept; echo library > kept/lib", user=(12345, 23456))
    assert run_with(sandbox, job("cat kept/lib; echo more >> kept/lib"), archive).lines == ["library"]


def test_whoever_stops_leaves_nothing_of_it(sandbox: DockerSandbox) -> None:
    archive = archive_of(sandbox, FILL)
    wanted = job("true")
    folder = sandbox.workspace(wanted)
    assert not sandbox.unpack(wanted.run, 1, io.BytesIO(archive), CACHED, LIMITS, lambda: True)
    assert list(folder.iterdir()) == []


def test_a_workspace_that_is_gone_is_a_fault_of_the_sandbox(sandbox: DockerSandbox) -> None:
    gone = replace(job("true"), run=RunId("gone"))
    with pytest.raises(SandboxUnavailable):
        list(sandbox.pack(gone.run, 1, CACHED, LIMITS))
    with pytest.raises(SandboxUnavailable):
        sandbox.unpack(gone.run, 1, io.BytesIO(b""), CACHED, LIMITS, lambda: False)
